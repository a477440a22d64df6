using Quiesce.Freezing.Kernel;
using Quiesce.Freezing.Mounts;
using Quiesce.Freezing.Planning;
using Quiesce.RealFilesystems;

namespace Quiesce.Freezing.Tests.RealFilesystems;

/// <summary>What lies below a filesystem that the mount table does not tell of.</summary>
public sealed class BackingTests
{
    [Fact]
    public async Task The_external_journal_of_an_ext4_is_below_it_and_what_that_lies_on_as_well()
    {
        RealKernel.Require();
        await using var lower = await RealFilesystem.CreateAsync(FilesystemKind.Ext4, 64, TestContext.Current.CancellationToken);
        await using var upper = await RealFilesystem.CreateAsync(FilesystemKind.Ext4, TestContext.Current.CancellationToken);
        Assert.DoesNotContain(Number(lower.DeviceNumber), Below(Number(upper.DeviceNumber)).Devices); // with a journal of its own
        var image = $"{lower.MountPoint}/journal";
        _ = await Command.RunAsync("truncate", "--size=16M", image);
        var log = (await Command.RunAsync("losetup", "--find", "--show", image)).Trim();
        try
        {
            _ = await Command.RunAsync("mke2fs", "-q", "-b", "4096", "-O", "journal_dev", log);
            await upper.UnmountAsync(upper.MountPoint);
            _ = await Command.RunAsync("mke2fs", "-q", "-F", "-b", "4096", "-t", "ext4", "-J", $"device={log}", upper.LoopDevice);
            await upper.MountAgainAsync();
            var below = Below(Number(upper.DeviceNumber));
            Assert.True(below.Complete);
            Assert.Contains(Number((await File.ReadAllTextAsync($"/sys/block/{Path.GetFileName(log)}/dev", TestContext.Current.CancellationToken)).Trim()), below.Devices);
            Assert.Contains(Number(lower.DeviceNumber), below.Devices);
            await upper.UnmountAsync(upper.MountPoint);
            _ = await Command.RunAsync("mke2fs", "-q", "-F", "-t", "ext4", upper.LoopDevice);
            await upper.MountAgainAsync();
        }
        finally
        {
            _ = await Command.RunAsync("losetup", "--detach", log);
        }
    }

    [Fact]
    public async Task A_file_in_a_subvolume_that_is_mounted_nowhere_is_found_by_its_path_while_it_is_there()
    {
        RealKernel.Require();
        await using var pool = await RealFilesystem.CreateAsync(FilesystemKind.Btrfs, TestContext.Current.CancellationToken);
        _ = await Command.RunAsync("btrfs", "subvolume", "create", $"{pool.MountPoint}/nested");
        await FoundAsync(pool, $"{pool.MountPoint}/nested/image");
    }

    [Fact]
    public async Task A_file_on_an_overlay_lies_on_what_carries_its_upper_folder()
    {
        RealKernel.Require();
        await using var lower = await RealFilesystem.CreateAsync(FilesystemKind.Ext4, TestContext.Current.CancellationToken);
        var folders = ((string[])["lower", "upper", "work", "merged"]).Select(name => Directory.CreateDirectory($"{lower.MountPoint}/{name}").FullName).ToList();
        _ = await Command.RunAsync("mount", "-t", "overlay", "-o", $"lowerdir={folders[0]},upperdir={folders[1]},workdir={folders[2]}", "overlay", folders[3]);
        try
        {
            await FoundAsync(lower, $"{folders[3]}/image");
        }
        finally
        {
            _ = await Command.RunAsync("umount", folders[3]);
        }
    }

    // A loop device over that file lies on that filesystem.
    private static async Task FoundAsync(RealFilesystem lower, string image)
    {
        _ = await Command.RunAsync("truncate", "--size=16M", image);
        var loop = (await Command.RunAsync("losetup", "--find", "--show", image)).Trim();
        try
        {
            var device = Number((await File.ReadAllTextAsync($"/sys/block/{Path.GetFileName(loop)}/dev", TestContext.Current.CancellationToken)).Trim());
            Assert.Equal(Errno.None, LinuxKernel.Open("/", out var kernel));
            DeviceNumber superblock;
            using (kernel)
            {
                Assert.Equal(Errno.None, MountTable.Read(kernel!, out var table));
                superblock = table.Mounts.Single(m => m.MountPoint == lower.MountPoint).Superblock;
            }
            var below = Below(device);
            Assert.True(below.Complete);
            Assert.Contains(superblock, below.Devices);
            File.Delete(image); // the loop keeps it, and its path leads nowhere
            Assert.Contains(superblock, Below(device).Devices);
        }
        finally
        {
            _ = await Command.RunAsync("losetup", "--detach", loop);
        }
    }

    private static BackingGraph.Backing Below(DeviceNumber device)
    {
        Assert.Equal(Errno.None, LinuxKernel.Open("/", out var kernel));
        using (kernel)
        {
            Assert.Equal(Errno.None, MountTable.Read(kernel!, out var table));
            return new BackingGraph(kernel!, table, "/").Below(device);
        }
    }

    private static DeviceNumber Number(string text)
    {
        Assert.True(DeviceNumber.TryParse(text, out var number), text);
        return number;
    }
}
