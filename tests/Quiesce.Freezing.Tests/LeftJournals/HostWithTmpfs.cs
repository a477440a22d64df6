using System.Globalization;
using System.Runtime.Versioning;
using Quiesce.Freezing.Journals;
using Quiesce.Freezing.Kernel;
using Quiesce.Freezing.Planning;
using Quiesce.Freezing.Tests.Planning;
using Quiesce.RealFilesystems;

namespace Quiesce.Freezing.Tests.LeftJournals;

/// <summary>A host root with <c>/run</c> and <c>/dev/shm</c>, both on a real tmpfs, and the journals in them.</summary>
[SupportedOSPlatform("linux")]
internal sealed class HostWithTmpfs : IDisposable
{
    internal HostWithTmpfs()
    {
        RealKernel.Require();
        Directory.CreateDirectory($"{Root}/run");
        Directory.CreateDirectory($"{Root}/dev/shm");
    }

    internal string Root { get; } = $"/dev/shm/quiesce-journals-{Guid.NewGuid():n}";

    internal string Run => $"{Root}/run/quiesce";

    internal string Shm => $"{Root}/dev/shm/quiesce";

    /// <summary>Makes a folder of journals as Quiesce does.</summary>
    internal static void Make(string folder) => Directory.CreateDirectory(folder, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);

    /// <summary>Makes a journal that says HELD of one superblock, as a holder that died leaves it.</summary>
    internal static string Write(string folder, string window, string superblock)
    {
        var number = Node.Number(superblock);
        var filesystem = new PlannedFilesystem("/srv/held", "ext4", "/dev/x", number, new Simulation.SimulatedFilesystem("ext4", number, "/dev/x").Identity, Descriptor.None, 0);
        Assert.Equal(Errno.None, Journal.Create(folder, window, [filesystem], ProcessIdentity.Current(), out var journal));
        journal!.Set(0, JournalState.Held, Errno.None);
        journal.Dispose();
        return journal.File;
    }

    internal static async Task OwnAsync(string path, int user) => _ = await Command.RunAsync("chown", user.ToString(CultureInfo.InvariantCulture), path);

    public void Dispose() => Directory.Delete(Root, recursive: true);
}
