using Quiesce.Freezing.Kernel;
using Quiesce.RealFilesystems;

namespace Quiesce.Freezing.Tests.Contract;

public abstract partial class KernelContract
{
    public static TheoryData<FilesystemKind, FilesystemKind> Stacks => new()
    {
        { FilesystemKind.Ext4, FilesystemKind.Ext4 },
        { FilesystemKind.Ext4, FilesystemKind.Btrfs },
        { FilesystemKind.Xfs, FilesystemKind.Ext4 },
    };

    [Theory]
    [MemberData(nameof(Stacks))]
    public async Task A_loop_device_tells_what_its_file_lies_on(FilesystemKind below, FilesystemKind above)
    {
        var lower = await Machine.FreshAsync(below);
        var upper = await lower.StackedAsync(above);
        var kernel = Machine.Kernel();
        Assert.True(kernel.IsLoop(upper.Device));
        Assert.Equal(Identify(kernel, OpenPath(kernel, lower.MountPoint)).Device, kernel.LoopBacking(upper.Device));
        Assert.Empty(kernel.DevicesBelow(upper.Device)); // its file is no device
    }

    [Fact]
    public async Task A_loop_file_on_a_subvolume_lies_on_that_subvolumes_number()
    {
        var lower = await Machine.FreshAsync(FilesystemKind.Btrfs);
        var upper = await lower.StackedAsync(FilesystemKind.Ext4);
        var kernel = Machine.Kernel();
        Assert.Equal(Identify(kernel, OpenPath(kernel, lower.MountPoint)).Device, kernel.LoopBacking(upper.Device));
        Assert.NotEqual(MountAt(kernel, lower.MountPoint).Superblock, kernel.LoopBacking(upper.Device));
    }

    [Fact]
    public async Task Below_a_btrfs_are_its_members()
    {
        var filesystem = await Machine.SharedAsync(FilesystemKind.Btrfs);
        var kernel = Machine.Kernel();
        var superblock = MountAt(kernel, filesystem.MountPoint).Superblock;
        Assert.Equal([filesystem.Device], kernel.DevicesBelow(superblock));
        Assert.False(kernel.IsLoop(superblock));
        Assert.Null(kernel.LoopBacking(superblock));
    }

    [Fact]
    public async Task Below_a_partition_is_its_disk()
    {
        var (whole, partition) = await Machine.PartitionedDiskAsync();
        var kernel = Machine.Kernel();
        Assert.Equal([whole], kernel.DevicesBelow(partition));
        Assert.False(kernel.IsLoop(partition));
        Assert.True(kernel.IsLoop(whole));
        Assert.NotNull(kernel.LoopBacking(whole));
    }

    [Theory]
    [InlineData("tmpfs")]
    [InlineData("overlay")]
    public async Task Below_a_filesystem_without_a_disk_is_nothing_and_its_writes_are_not_counted(string type)
    {
        var mountPoint = await Machine.UnfreezableAsync(type);
        var kernel = Machine.Kernel();
        var superblock = MountAt(kernel, mountPoint).Superblock;
        Assert.Empty(kernel.DevicesBelow(superblock));
        Assert.False(kernel.IsLoop(superblock));
        Assert.Null(kernel.LoopBacking(superblock));
        Assert.Null(kernel.SectorsWritten(superblock));
    }

    [Fact]
    public async Task A_device_is_named_by_its_node_and_by_nothing_else()
    {
        var filesystem = await Machine.SharedAsync(FilesystemKind.Ext4);
        var kernel = Machine.Kernel();
        Assert.Equal(filesystem.Device, kernel.DeviceOf(filesystem.DevicePath));
        Assert.Null(kernel.DeviceOf(filesystem.MountPoint));
        Assert.Null(kernel.DeviceOf("/dev/not-there"));
        Assert.Null(kernel.DeviceOf(""));
    }

    [Fact]
    public void Of_a_device_that_is_not_there_nothing_is_known()
    {
        var kernel = Machine.Kernel();
        var none = new DeviceNumber(7, 9_999);
        Assert.Empty(kernel.DevicesBelow(none));
        Assert.False(kernel.IsLoop(none));
        Assert.Null(kernel.LoopBacking(none));
        Assert.Null(kernel.LoopFile(none));
        Assert.Null(kernel.SectorsWritten(none));
    }
}
