using Quiesce.Freezing.Kernel;
using Quiesce.Freezing.Mounts;
using Quiesce.Freezing.Planning;
using Quiesce.RealFilesystems;

namespace Quiesce.Freezing.Tests.RealFilesystems;

/// <summary>A loop device whose file is a device lies on what that one lies on.</summary>
public sealed class LoopOverDeviceTests
{
    [Fact]
    public async Task What_is_below_the_device_is_below_the_loop()
    {
        RealKernel.Require();
        await using var filesystem = await RealFilesystem.CreateAsync(FilesystemKind.Ext4, TestContext.Current.CancellationToken);
        Assert.True(DeviceNumber.TryParse(filesystem.DeviceNumber, out var lower));
        var loop = await Command.RunAsync("losetup", "--find", "--show", "--read-only", filesystem.LoopDevice);
        try
        {
            Assert.True(DeviceNumber.TryParse((await File.ReadAllTextAsync($"/sys/block/{Path.GetFileName(loop)}/dev", TestContext.Current.CancellationToken)).Trim(), out var upper));
            Assert.Equal(Errno.None, LinuxKernel.Open("/", out var kernel));
            using (kernel)
            {
                Assert.Equal([lower], kernel!.DevicesBelow(upper));
                Assert.Equal(Errno.None, MountTable.Read(kernel, out var table));
                var graph = new BackingGraph(kernel, table, "/");
                Assert.Superset(new HashSet<DeviceNumber>(graph.Below(lower).Devices) { lower }, new HashSet<DeviceNumber>(graph.Below(upper).Devices));
            }
        }
        finally
        {
            await Command.RunAsync("losetup", "--detach", loop);
        }
    }
}
