using Quiesce.Freezing.Kernel;
using Quiesce.Freezing.Mounts;
using Quiesce.RealFilesystems;

namespace Quiesce.Freezing.Tests.Contract;

public abstract partial class KernelContract
{
    [Theory]
    [MemberData(nameof(Kinds))]
    public async Task Freeze_and_thaw_succeed_once_and_then_say_busy_and_invalid(FilesystemKind kind)
    {
        var filesystem = await Machine.SharedAsync(kind);
        var kernel = Machine.Kernel();
        var folder = OpenFolder(kernel, filesystem.MountPoint);
        Assert.Equal(Errno.Invalid, kernel.Thaw(folder));
        Assert.Equal(Errno.None, kernel.Freeze(folder));
        Assert.True(filesystem.IsFrozen);
        Assert.Equal(Errno.Busy, kernel.Freeze(folder));
        Assert.Equal(Errno.None, kernel.Thaw(folder));
        Assert.False(filesystem.IsFrozen);
        Assert.Equal(Errno.Invalid, kernel.Thaw(folder));
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public async Task Who_froze_is_not_asked(FilesystemKind kind)
    {
        var filesystem = await Machine.SharedAsync(kind);
        var kernel = Machine.Kernel();
        var folder = OpenFolder(kernel, filesystem.MountPoint);
        Assert.True(filesystem.FreezeAsStranger());
        Assert.Equal(Errno.Busy, kernel.Freeze(folder));
        Assert.Equal(Errno.None, kernel.Thaw(folder));
        Assert.Equal(Errno.None, kernel.Freeze(folder));
        Assert.False(filesystem.FreezeAsStranger());
        Assert.True(filesystem.ThawAsStranger());
        Assert.Equal(Errno.Invalid, kernel.Thaw(folder));
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public async Task A_path_descriptor_can_neither_freeze_nor_thaw_nor_flush(FilesystemKind kind)
    {
        var filesystem = await Machine.SharedAsync(kind);
        var kernel = Machine.Kernel();
        var path = OpenPath(kernel, filesystem.MountPoint);
        Assert.Equal(Errno.BadDescriptor, kernel.Freeze(path));
        Assert.False(filesystem.IsFrozen);
        Assert.Equal(Errno.BadDescriptor, kernel.Thaw(path));
        Assert.Equal(Errno.BadDescriptor, kernel.Flush(path));
        Assert.Equal(Errno.BadDescriptor, kernel.Freeze(Descriptor.None));
        Assert.Equal(Errno.BadDescriptor, kernel.Identify(Descriptor.None, out _));
        kernel.Close(Descriptor.None);
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public async Task A_bind_mount_freezes_the_same_filesystem(FilesystemKind kind)
    {
        var filesystem = await Machine.SharedAsync(kind);
        var bind = await filesystem.BindAsync("bound");
        var kernel = Machine.Kernel();
        var (first, second) = (OpenFolder(kernel, filesystem.MountPoint), OpenFolder(kernel, bind));
        Assert.Equal(Errno.None, kernel.Freeze(second));
        Assert.Equal(Errno.Busy, kernel.Freeze(first));
        Assert.Equal(Errno.None, kernel.Thaw(first));
        Assert.Equal(Errno.Invalid, kernel.Thaw(second));
    }

    [Fact]
    public async Task A_subvolume_freezes_the_whole_btrfs()
    {
        var filesystem = await Machine.FreshAsync(FilesystemKind.Btrfs);
        var subvolume = await filesystem.SubvolumeAsync("nested");
        var kernel = Machine.Kernel();
        var (first, second) = (OpenFolder(kernel, filesystem.MountPoint), OpenFolder(kernel, subvolume));
        Assert.Equal(Errno.None, kernel.Freeze(first));
        Assert.Equal(Errno.Busy, kernel.Freeze(second));
        Assert.Equal(Errno.None, kernel.Thaw(second));
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public async Task A_read_only_filesystem_freezes_like_any_other(FilesystemKind kind)
    {
        var filesystem = await Machine.FreshAsync(kind);
        await filesystem.RemountAsync(readOnly: true);
        var kernel = Machine.Kernel();
        var folder = OpenFolder(kernel, filesystem.MountPoint);
        Assert.Equal(Errno.None, kernel.Freeze(folder));
        Assert.Equal(Errno.Busy, kernel.Freeze(folder));
        Assert.Equal(Errno.None, kernel.Thaw(folder));
        Assert.Equal(Errno.Invalid, kernel.Thaw(folder));
    }

    [Theory]
    [InlineData("tmpfs")]
    [InlineData("overlay")]
    public async Task What_has_no_freeze_says_not_supported_and_on_thaw_invalid(string type)
    {
        var mountPoint = await Machine.UnfreezableAsync(type);
        var kernel = Machine.Kernel();
        var folder = OpenFolder(kernel, mountPoint);
        Assert.Equal(Errno.NotSupported, kernel.Freeze(folder));
        Assert.Equal(Errno.Invalid, kernel.Thaw(folder));
        Assert.Equal(type, MountAt(kernel, mountPoint).Type);
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public async Task While_frozen_looking_and_flushing_go_on(FilesystemKind kind)
    {
        var filesystem = await Machine.SharedAsync(kind);
        var kernel = Machine.Kernel();
        var folder = OpenFolder(kernel, filesystem.MountPoint);
        Assert.Equal(Errno.None, kernel.Freeze(folder));
        _ = Identify(kernel, folder);
        _ = IdentifyFilesystem(kernel, folder);
        _ = OpenFolder(kernel, filesystem.MountPoint);
        _ = MountAt(kernel, filesystem.MountPoint);
        Assert.Equal(Errno.None, kernel.Flush(folder));
        Assert.Equal(Errno.None, kernel.Thaw(folder));
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public async Task An_open_folder_keeps_a_frozen_filesystem_mounted_and_a_lazy_unmount_does_not_stop_its_thaw(FilesystemKind kind)
    {
        var filesystem = await Machine.FreshAsync(kind);
        var kernel = Machine.Kernel();
        var folder = OpenFolder(kernel, filesystem.MountPoint);
        Assert.Equal(Errno.None, kernel.Freeze(folder));
        Assert.False(await filesystem.UnmountAsync(filesystem.MountPoint));
        Assert.True(await filesystem.UnmountAsync(filesystem.MountPoint, lazy: true));
        Assert.Equal(Errno.Busy, kernel.Freeze(folder));
        Assert.Equal(Errno.None, kernel.Thaw(folder));
        Assert.Equal(Errno.Invalid, kernel.Thaw(folder));
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public async Task Unmounted_while_frozen_it_stays_frozen_until_it_is_mounted_again_and_thawed(FilesystemKind kind)
    {
        var filesystem = await Machine.FreshAsync(kind);
        var kernel = Machine.Kernel();
        Assert.Equal(Errno.None, kernel.Freeze(OpenFolder(kernel, filesystem.MountPoint)));
        CloseAll();
        Assert.True(await filesystem.UnmountAsync(filesystem.MountPoint));
        await filesystem.MountAgainAsync();
        var folder = OpenFolder(kernel, filesystem.MountPoint);
        Assert.Equal(Errno.Busy, kernel.Freeze(folder));
        Assert.Equal(Errno.None, kernel.Thaw(folder));
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public async Task Frozen_and_mounted_nowhere_it_is_thawed_through_a_mount_that_nobody_sees(FilesystemKind kind)
    {
        var filesystem = await Machine.FreshAsync(kind);
        var kernel = Machine.Kernel();
        var folder = OpenFolder(kernel, filesystem.MountPoint);
        var identity = IdentifyFilesystem(kernel, folder);
        var mount = MountAt(kernel, filesystem.MountPoint);
        Assert.Equal(Errno.None, kernel.Freeze(folder));
        CloseAll();
        Assert.True(await filesystem.UnmountAsync(filesystem.MountPoint));

        Assert.Equal(Errno.None, kernel.MountDetached(mount.Type, filesystem.Device, out var detached));
        Assert.True(identity.IsSame(IdentifyFilesystem(kernel, detached)));
        Assert.Equal(Errno.Busy, kernel.Freeze(detached));
        Assert.Equal(Errno.None, kernel.Thaw(detached));
        Assert.Equal(Errno.Invalid, kernel.Thaw(detached));
        Assert.Equal(Errno.None, MountTable.Read(kernel, out var table));
        Assert.Empty(table.Of(mount.Superblock));
        kernel.Close(detached);
        await Poll.UntilAsync(() =>
        {
            // With its last descriptor the mount is gone; the device of a btrfs is given back a moment later.
            var again = kernel.MountDetached(mount.Type, filesystem.Device, out var folder);
            kernel.Close(folder);
            return again == Errno.Invalid;
        });
        await filesystem.MountAgainAsync();
        Assert.False(filesystem.IsFrozen);
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public async Task What_is_mounted_can_be_reached_through_a_mount_of_its_own_as_well_and_what_is_not_active_is_not_mounted(FilesystemKind kind)
    {
        var filesystem = await Machine.FreshAsync(kind);
        var kernel = Machine.Kernel();
        var type = MountAt(kernel, filesystem.MountPoint).Type;
        Assert.Equal(Errno.None, kernel.MountDetached(type, filesystem.Device, out var detached));
        Assert.Equal(Errno.None, kernel.Freeze(detached));
        Assert.True(filesystem.IsFrozen);
        Assert.Equal(Errno.None, kernel.Thaw(detached));
        kernel.Close(detached);
        Assert.True(await filesystem.UnmountAsync(filesystem.MountPoint));
        Assert.Equal(Errno.Invalid, kernel.MountDetached(type, filesystem.Device, out var none));
        Assert.False(none.IsOpen);
        Assert.Equal(Errno.NoDevice, kernel.MountDetached(type, new DeviceNumber(240, 77), out _));
        await filesystem.MountAgainAsync();
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public async Task Writes_are_counted_and_a_hold_shows_none(FilesystemKind kind)
    {
        var filesystem = await Machine.SharedAsync(kind);
        var kernel = Machine.Kernel();
        var folder = OpenFolder(kernel, filesystem.MountPoint);
        var superblock = MountAt(kernel, filesystem.MountPoint).Superblock;
        Assert.Equal(Errno.None, kernel.Flush(folder));
        var before = kernel.SectorsWritten(superblock);
        filesystem.Write("written");
        Assert.Equal(Errno.None, kernel.Flush(folder));
        var after = kernel.SectorsWritten(superblock);
        Assert.True(after > before, $"{before} then {after}");
        Assert.Equal(Errno.None, kernel.Freeze(folder));
        var held = kernel.SectorsWritten(superblock);
        Assert.Equal(Errno.None, kernel.Flush(folder));
        Assert.Equal(held, kernel.SectorsWritten(superblock));
        Assert.Equal(Errno.None, kernel.Thaw(folder));
    }
}
