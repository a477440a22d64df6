using Quiesce.Freezing.Kernel;
using Quiesce.Freezing.Mounts;
using Quiesce.RealFilesystems;

namespace Quiesce.Freezing.Tests.Contract;

/// <summary>What the core relies on in a kernel. It holds of Linux, and of the simulation because it holds of Linux.</summary>
public abstract partial class KernelContract(IMachine machine) : IAsyncLifetime
{
    private readonly List<(IKernel Kernel, Descriptor Descriptor)> open = [];

    public static TheoryData<FilesystemKind> Kinds => [.. Enum.GetValues<FilesystemKind>()];

    private IMachine Machine => machine;

    public ValueTask InitializeAsync()
    {
        machine.Require();
        return ValueTask.CompletedTask;
    }

    public async ValueTask DisposeAsync()
    {
        CloseAll();
        await machine.AfterTestAsync();
        GC.SuppressFinalize(this);
    }

    private void CloseAll()
    {
        foreach (var (kernel, descriptor) in open) kernel.Close(descriptor);
        open.Clear();
    }

    private Descriptor OpenPath(IKernel kernel, string path)
    {
        Assert.Equal(Errno.None, kernel.OpenPath(path, out var descriptor));
        open.Add((kernel, descriptor));
        return descriptor;
    }

    private Descriptor OpenFolder(IKernel kernel, string path)
    {
        Assert.Equal(Errno.None, kernel.OpenFolder(OpenPath(kernel, path), out var folder));
        open.Add((kernel, folder));
        return folder;
    }

    private static FileIdentity Identify(IKernel kernel, Descriptor descriptor)
    {
        Assert.Equal(Errno.None, kernel.Identify(descriptor, out var identity));
        return identity;
    }

    private static FilesystemIdentity IdentifyFilesystem(IKernel kernel, Descriptor descriptor)
    {
        Assert.Equal(Errno.None, kernel.IdentifyFilesystem(descriptor, out var identity));
        return identity;
    }

    private static MountTable Table(IKernel kernel)
    {
        Assert.Equal(Errno.None, kernel.ReadMountTable(out var text));
        var table = MountTable.Parse(text);
        Assert.Equal(0, table.MalformedLines);
        return table;
    }

    private static Mount MountAt(IKernel kernel, string mountPoint) => Table(kernel).Mounts.Last(m => m.MountPoint == mountPoint);

    private static bool Same(FilesystemIdentity one, FilesystemIdentity other) => one.IsSame(other);
}
