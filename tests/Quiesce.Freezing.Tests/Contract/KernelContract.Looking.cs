using Quiesce.Freezing.Kernel;
using Quiesce.RealFilesystems;

namespace Quiesce.Freezing.Tests.Contract;

public abstract partial class KernelContract
{
    /// <summary>Links and parts of a path, and where they must lead; all inside a folder that is the host root.</summary>
    public static TheoryData<string, string> LeadingSomewhere => new()
    {
        { "/folder", "folder" },
        { "folder", "folder" },
        { "//folder///inner/./..", "folder" },
        { "/folder/", "folder" },
        { "/../../folder", "folder" },
        { "/", "" },
        { "/links/relative", "folder" },
        { "/links/absolute", "folder" },
        { "/links/above", "folder" },
        { "/links/chain", "folder" },
        { "/links/relative/inner", "folder/inner" },
        { "/links/to-root", "" },
        { "/file", "file" },
        { "/links/to-file", "file" },
        { "/fifo", "fifo" },
        { "/links/outside", "outside" }, // an absolute link to a name that exists both inside and outside
    };

    public static TheoryData<string, Errno> LeadingNowhere => new()
    {
        { "", Errno.NoEntry },
        { "/missing", Errno.NoEntry },
        { "/folder/missing/../inner", Errno.NoEntry },
        { "/links/dangling", Errno.NoEntry },
        { "/file/below", Errno.NotDirectory },
        { "/file/", Errno.NotDirectory },
        { "/file/..", Errno.NotDirectory },
        { "/links/loop", Errno.TooManyLinks },
        { "/" + new string('x', 256), Errno.NameTooLong },
    };

    [Theory]
    [MemberData(nameof(LeadingSomewhere))]
    public async Task Links_are_followed_inside_the_host_root_and_never_out_of_it(string path, string expected)
    {
        var (root, outer) = await HostRootAsync();
        var kernel = Machine.Kernel(root);
        var found = Identify(kernel, OpenPath(kernel, path));
        kernel = Machine.Kernel();
        Assert.Equal(Identify(kernel, OpenPath(kernel, $"{root}/{expected}")), found);
        Assert.NotEqual(Identify(kernel, OpenPath(kernel, $"{outer}/outside")), found);
    }

    /// <summary>Paths looked up without following links: what is answered, and what the link says that the path ends on.</summary>
    public static TheoryData<string, Errno, string?> NotFollowed => new()
    {
        { "/folder", Errno.None, null },
        { "//folder/./inner/..", Errno.None, null },
        { "/../../folder", Errno.None, null },
        { "/", Errno.None, null },
        { "/file", Errno.None, null },
        { "/fifo", Errno.None, null },
        { "/links/relative", Errno.None, "../folder" },
        { "/links/absolute", Errno.None, "/folder" },
        { "/links/loop", Errno.None, "loop" },
        { "/links/relative/", Errno.TooManyLinks, null },
        { "/links/relative/inner", Errno.TooManyLinks, null },
        { "/links/relative/..", Errno.TooManyLinks, null },
        { "/missing", Errno.NoEntry, null },
        { "/file/below", Errno.NotDirectory, null },
        { "", Errno.NoEntry, null },
    };

    [Theory]
    [MemberData(nameof(NotFollowed))]
    public async Task A_link_that_is_not_to_be_followed_is_told_and_not_followed(string path, Errno expected, string? says)
    {
        var (root, _) = await HostRootAsync();
        var kernel = Machine.Kernel(root);
        Assert.Equal(expected, kernel.OpenNoFollow(path, out var descriptor, out var link));
        Assert.Equal(says, link);
        Assert.Equal(expected == Errno.None, descriptor.IsOpen);
        if (expected != Errno.None) return;
        open.Add((kernel, descriptor));
        var identity = Identify(kernel, descriptor);
        if (says is null) Assert.Equal(Identify(kernel, OpenPath(kernel, path)), identity);
        else Assert.False(identity.IsDirectory);
    }

    [Theory]
    [MemberData(nameof(LeadingNowhere))]
    public async Task What_cannot_be_found_says_why_and_opens_nothing(string path, Errno expected)
    {
        var kernel = Machine.Kernel((await HostRootAsync()).Root);
        Assert.Equal(expected, kernel.OpenPath(path, out var descriptor));
        Assert.False(descriptor.IsOpen);
    }

    [Theory]
    [InlineData("/file")]
    [InlineData("/fifo")]
    public async Task Only_a_folder_can_be_opened(string path)
    {
        var kernel = Machine.Kernel((await HostRootAsync()).Root);
        var descriptor = OpenPath(kernel, path);
        Assert.False(Identify(kernel, descriptor).IsDirectory);
        Assert.Equal(Errno.NotDirectory, kernel.OpenFolder(descriptor, out var folder));
        Assert.False(folder.IsOpen);
    }

    [Fact]
    public void Links_of_proc_are_not_followed()
    {
        Assert.Equal(Errno.TooManyLinks, Machine.Kernel().OpenPath("/proc/self/cwd", out var descriptor));
        Assert.False(descriptor.IsOpen);
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public async Task A_folder_opened_through_its_path_is_the_same_folder_of_the_same_mount(FilesystemKind kind)
    {
        var filesystem = await Machine.SharedAsync(kind);
        filesystem.MakeFolder("some/folder");
        var kernel = Machine.Kernel();
        var identity = Identify(kernel, OpenPath(kernel, $"{filesystem.MountPoint}/some/folder"));
        Assert.True(identity.IsDirectory);
        Assert.Equal(identity, Identify(kernel, OpenFolder(kernel, $"{filesystem.MountPoint}/some/folder")));
        Assert.Equal(MountAt(kernel, filesystem.MountPoint).Id, identity.MountId);
        var root = Identify(kernel, OpenPath(kernel, filesystem.MountPoint));
        Assert.Equal(root.MountId, identity.MountId);
        Assert.NotEqual(root.Inode, identity.Inode);
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public async Task The_mount_table_gives_all_mounts_of_a_filesystem_one_number(FilesystemKind kind)
    {
        var filesystem = await Machine.FreshAsync(kind);
        var other = await Machine.SharedAsync(kind);
        List<string> mounts = [filesystem.MountPoint, await filesystem.BindAsync("part")];
        if (kind == FilesystemKind.Btrfs) mounts.Add(await filesystem.SubvolumeAsync("volume"));
        var kernel = Machine.Kernel();
        var found = mounts.Select(m => MountAt(kernel, m)).ToList();
        Assert.Single(found.Select(m => m.Superblock).Distinct());
        Assert.Equal(mounts.Count, found.Select(m => m.Id).Distinct().Count());
        Assert.NotEqual(MountAt(kernel, other.MountPoint).Superblock, found[0].Superblock);
        Assert.All(found, m => Assert.Equal(filesystem.DevicePath, m.Source));
        Assert.All(found, m => Assert.Equal(kind.ToString().ToLowerInvariant(), m.Type));
        Assert.Equal(kind == FilesystemKind.Btrfs, found[0].Superblock.Major == 0);
        var devices = mounts.Select(m => Identify(kernel, OpenPath(kernel, m)).Device).ToList();
        if (kind == FilesystemKind.Btrfs) Assert.DoesNotContain(found[0].Superblock, devices); // st_dev is the subvolume's
        else Assert.All(devices, d => Assert.Equal(found[0].Superblock, d));
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public async Task A_filesystem_is_the_same_through_every_mount_and_after_it_was_mounted_again(FilesystemKind kind)
    {
        var filesystem = await Machine.FreshAsync(kind);
        List<string> mounts = [filesystem.MountPoint, await filesystem.BindAsync("part")];
        if (kind == FilesystemKind.Btrfs) mounts.Add(await filesystem.SubvolumeAsync("volume"));
        var kernel = Machine.Kernel();
        var identity = IdentifyFilesystem(kernel, OpenFolder(kernel, mounts[0]));
        Assert.All(mounts, m => Assert.True(Same(identity, IdentifyFilesystem(kernel, OpenFolder(kernel, m))), m));
        CloseAll();
        foreach (var mount in Enumerable.Reverse(mounts)) Assert.True(await filesystem.UnmountAsync(mount));
        await filesystem.MountAgainAsync();
        Assert.True(Same(identity, IdentifyFilesystem(kernel, OpenFolder(kernel, filesystem.MountPoint))));
        var other = await Machine.SharedAsync(kind);
        Assert.False(Same(identity, IdentifyFilesystem(kernel, OpenFolder(kernel, other.MountPoint))));
    }

    [Fact]
    public async Task With_the_mount_gone_the_path_leads_to_the_filesystem_below()
    {
        var filesystem = await Machine.FreshAsync(FilesystemKind.Ext4);
        var kernel = Machine.Kernel();
        var mounted = Identify(kernel, OpenPath(kernel, filesystem.MountPoint));
        CloseAll();
        Assert.True(await filesystem.UnmountAsync(filesystem.MountPoint));
        var left = Identify(kernel, OpenPath(kernel, filesystem.MountPoint));
        Assert.NotEqual(mounted.Device, left.Device);
        Assert.NotEqual(mounted.MountId, left.MountId);
        CloseAll();
        await filesystem.MountAgainAsync();
    }

    [Fact]
    public async Task The_id_of_a_mount_comes_back_for_the_next_one_unless_a_descriptor_stands_on_it()
    {
        var filesystem = await Machine.FreshAsync(FilesystemKind.Ext4);
        var kernel = Machine.Kernel();
        var reused = false;
        // Another program on the machine may take the number in between: once in a while is enough.
        for (var i = 0; i < 20 && !reused; i++)
        {
            var bind = await filesystem.BindAsync("one");
            var id = MountAt(kernel, bind).Id;
            Assert.True(await filesystem.UnmountAsync(bind));
            var next = await filesystem.BindAsync("another");
            reused = MountAt(kernel, next).Id == id;
            Assert.True(await filesystem.UnmountAsync(next));
        }
        Assert.True(reused);

        var held = await filesystem.BindAsync("one");
        var pinned = Identify(kernel, OpenPath(kernel, held)).MountId;
        Assert.True(await filesystem.UnmountAsync(held, lazy: true));
        Assert.Null(Table(kernel).Find(pinned));
        for (var i = 0; i < 5; i++) Assert.NotEqual(pinned, MountAt(kernel, await filesystem.BindAsync("another")).Id);
    }

    [Theory]
    [InlineData("with space")]
    [InlineData("tab\tand\nline")]
    [InlineData("back\\slash \\040 #hash")]
    [InlineData("Größe-数-🧊")]
    [InlineData("return\rfeed\fnext\u0085line\u2028paragraph\u2029")]
    public async Task A_mount_point_of_any_name_is_found_in_the_mount_table(string name)
    {
        var filesystem = await Machine.FreshAsync(FilesystemKind.Ext4);
        var bind = await filesystem.BindAsync(name, name);
        var kernel = Machine.Kernel();
        var mount = Table(kernel).Find(Identify(kernel, OpenPath(kernel, bind)).MountId);
        Assert.Equal(bind, mount?.MountPoint);
        Assert.EndsWith(name, mount!.MountPoint, StringComparison.Ordinal);
        Assert.Equal($"/{name}", mount.Root);
    }

    [Fact]
    public void The_clock_goes_on_and_never_back()
    {
        var kernel = Machine.Kernel();
        var last = kernel.BootTime();
        Assert.True(last > 0);
        for (var i = 0; i < 100; i++)
        {
            Machine.LetTimePass();
            var now = kernel.BootTime();
            Assert.True(now > last, $"{last} then {now}");
            last = now;
        }
    }

    private async Task<(string Root, string Outer)> HostRootAsync()
    {
        var filesystem = await Machine.SharedAsync(FilesystemKind.Ext4);
        if (Machine.Kernel().OpenPath($"{filesystem.MountPoint}/root/links/loop", out _) == Errno.TooManyLinks) // made by an earlier test
            return ($"{filesystem.MountPoint}/root", filesystem.MountPoint);
        filesystem.MakeFolder("outside");
        filesystem.MakeFolder("root/outside");
        filesystem.MakeFolder("root/folder/inner");
        filesystem.MakeFile("root/file");
        await filesystem.MakeFifoAsync("root/fifo");
        filesystem.MakeLink("root/links/relative", "../folder");
        filesystem.MakeLink("root/links/absolute", "/folder");
        filesystem.MakeLink("root/links/above", "../../../../../folder");
        filesystem.MakeLink("root/links/chain", "absolute");
        filesystem.MakeLink("root/links/to-root", "/");
        filesystem.MakeLink("root/links/to-file", "../file");
        filesystem.MakeLink("root/links/outside", "/outside");
        filesystem.MakeLink("root/links/dangling", $"{filesystem.MountPoint}/outside");
        filesystem.MakeLink("root/links/loop", "loop");
        return ($"{filesystem.MountPoint}/root", filesystem.MountPoint);
    }
}
