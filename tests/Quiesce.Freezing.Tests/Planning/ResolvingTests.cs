using Quiesce.Freezing.Kernel;
using Quiesce.Freezing.Reports;
using Quiesce.Freezing.Tests.Simulation;

namespace Quiesce.Freezing.Tests.Planning;

/// <summary>From paths to filesystems: each once, the one that was meant, and no other.</summary>
public sealed class ResolvingTests
{
    private readonly Node node = new();
    private readonly SimulatedFilesystem data;

    public ResolvingTests()
    {
        data = node.Add("ext4", "8:17", "/dev/sdb1", "/srv/data");
        _ = data.Add("some/folder");
    }

    [Fact]
    public void A_path_inside_a_mount_selects_that_mount()
    {
        var plan = node.Plan("/srv/data/some/folder");
        var filesystem = Assert.Single(plan.Filesystems);
        Assert.Equal(("/srv/data", "ext4", "/dev/sdb1", Node.Number("8:17"), 0), (filesystem.Path, filesystem.Type, filesystem.Source, filesystem.Superblock, filesystem.Stage));
        Assert.Equal(data.Identity, filesystem.Identity);
        Assert.Empty(plan.Findings);
    }

    [Fact]
    public void One_superblock_is_planned_once_however_many_paths_and_mounts_lead_to_it()
    {
        _ = node.Mount(data, "/bound", "/some");
        _ = data.Add("link", NodeKind.Link, "/bound/folder");
        Assert.Equal("/srv/data", Assert.Single(node.Plan("/srv/data", "/srv/data/some", "/bound", "/bound/folder", "/srv/data/link").Filesystems).Path);
        Assert.Equal("/bound", Assert.Single(node.Plan("/bound", "/srv/data").Filesystems).Path);
    }

    [Fact]
    public void Subvolumes_are_one_filesystem()
    {
        var pool = node.Add("btrfs", "0:45", "/dev/sdc", "/pool");
        _ = pool.AddSubvolume("one");
        _ = pool.AddSubvolume("one/nested");
        _ = node.Mount(pool, "/one", "/one");
        Assert.Equal(Node.Number("0:45"), Assert.Single(node.Plan("/pool", "/one", "/pool/one/nested").Filesystems).Superblock);
    }

    [Fact]
    public void A_mount_over_a_folder_of_the_target_is_not_the_target()
    {
        var inner = node.Add("xfs", "8:18", "/dev/sdb2", "/srv/data/inner");
        Assert.Equal("/srv/data", Assert.Single(node.Plan("/srv/data").Filesystems).Path);
        Assert.Equal(inner.Superblock, Assert.Single(node.Plan("/srv/data/inner").Filesystems).Superblock);
    }

    [Fact]
    public void A_hidden_mount_is_not_what_its_path_names()
    {
        var over = node.Add("xfs", "8:18", "/dev/sdb2", "/srv/data");
        Assert.Equal(over.Superblock, Assert.Single(node.Plan("/srv/data").Filesystems).Superblock);
    }

    [Fact]
    public void All_filesystems_are_those_with_a_disk_without_the_protected_ones_each_by_its_shortest_way()
    {
        _ = node.Mount(data, "/b", "/some");
        _ = node.Mount(data, "/d");
        var pool = node.Add("btrfs", "0:45", "/dev/sdc", "/pool");
        _ = node.Add("nfs4", "0:62", "server:/x", "/net");
        _ = node.Add("overlay", "0:60", "overlay", "/merged");
        var plan = node.PlanAll();
        Assert.Null(plan.Refusal);
        Assert.Equal(["/d", "/pool"], plan.Filesystems.Select(f => f.Path).Order(StringComparer.Ordinal)); // the root of a filesystem before a part of it
        Assert.Equal(pool.Superblock, plan.Filesystems.Single(f => f.Path == "/pool").Superblock);
        var refused = Assert.Single(plan.Findings, f => f.State == FilesystemState.Refused);
        Assert.Equal(("/", FreezeReason.ProtectedFilesystem), (refused.Path, refused.Reason));
        Assert.Equal("/net", Assert.Single(plan.Findings, f => f.State == FilesystemState.Skipped).Path);
        Assert.DoesNotContain(node.Kernel.Log!, c => c.Call is { Kind: CallKind.OpenPath, Path: "/net" });
    }

    [Fact]
    public void Of_all_filesystems_one_that_is_hidden_is_taken_by_another_way_or_left_out_and_named()
    {
        _ = node.Add("tmpfs", "0:70", "tmpfs", "/srv/data");
        var other = node.Add("xfs", "8:18", "/dev/sdb2", "/x");
        var plan = node.PlanAll();
        Assert.Equal(other.Superblock, Assert.Single(plan.Filesystems).Superblock);
        var hidden = Assert.Single(plan.Findings, f => f.Device == "8:17");
        Assert.Equal((FilesystemState.Skipped, "/srv/data"), (hidden.State, hidden.Path));
        Assert.Contains("hidden", hidden.Message, StringComparison.Ordinal);

        _ = node.Mount(data, "/a/long/way/to/it");
        Assert.Contains(node.PlanAll().Filesystems, f => f.Superblock == data.Superblock && f.Path == "/a/long/way/to/it");
    }

    [Fact]
    public void All_filesystems_with_named_ones_take_each_once_and_a_named_protected_one_still_refuses()
    {
        _ = node.Add("xfs", "8:18", "/dev/sdb2", "/x");
        var plan = node.Plan(node.Order with { Paths = ["/x"], AllFilesystems = true });
        Assert.Null(plan.Refusal);
        Assert.Equal(["/srv/data", "/x"], plan.Filesystems.Select(f => f.Path).Order(StringComparer.Ordinal));
        Assert.Equal(FreezeReason.ProtectedFilesystem, node.Plan(node.Order with { Paths = ["/home"], AllFilesystems = true }).Refusal?.Reason);
    }

    [Fact]
    public void A_file_that_is_mounted_is_never_the_way_in()
    {
        _ = data.Add("hosts", NodeKind.File);
        _ = node.Mount(data, "/h", "/hosts");
        Assert.Equal(Errno.None, node.Kernel.Unmount(node.MountAt("/srv/data")));
        Assert.Equal(FreezeReason.NotADirectory, node.Plan("/h").Refusal?.Reason);
        _ = node.Mount(data, "/longer", "/some");
        var plan = node.PlanAll();
        Assert.Null(plan.Refusal);
        Assert.Equal("/longer", Assert.Single(plan.Filesystems).Path);
    }

    [Fact]
    public void From_a_container_paths_are_the_hosts_and_what_is_mounted_for_the_container_alone_is_not_listed()
    {
        var container = new Node("/host");
        var volume = container.Add("xfs", "8:49", "/dev/sdd1", "/srv/volume");
        _ = volume.Add("deep/folder");
        _ = container.Kernel.AddFilesystem("ext4", Node.Number("8:66"), "/dev/sde2", "/var/run/secrets");
        _ = container.Kernel.AddFilesystem("ext4", Node.Number("8:67"), "/dev/sde3", "/hostile"); // not below the host root
        var plan = container.Plan("/srv/volume/deep");
        Assert.Equal("/srv/volume", Assert.Single(plan.Filesystems).Path);
        Assert.Equal("/srv/volume", Assert.Single(container.PlanAll().Filesystems).Path);
        Assert.Equal(FreezeReason.PathNotFound, container.Plan("/host/srv/volume").Refusal?.Reason);
        Assert.Equal(FreezeReason.ProtectedFilesystem, container.Plan("/").Refusal?.Reason);
    }

    [Fact]
    public void A_mount_that_was_made_after_the_look_at_the_table_is_not_taken()
    {
        var late = new SimulatedFilesystem("ext4", Node.Number("8:99"), "/dev/sdz");
        Meanwhile(CallKind.OpenPath, "/srv/data", () => node.Mount(late, "/srv/data"));
        var refusal = node.Plan("/srv/data").Refusal;
        Assert.Equal(FreezeReason.IdentityChanged, refusal?.Reason);
        Assert.StartsWith("/srv/data: ", refusal!.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(CallKind.OpenPath)]
    [InlineData(CallKind.OpenFolder)]
    public void A_mount_that_takes_the_place_and_the_number_of_another_is_seen(CallKind before)
    {
        // The root, which must never be frozen, appears where the data was, under the same mount id.
        Meanwhile(before, before == CallKind.OpenPath ? "/srv/data" : null, () =>
        {
            var gone = node.MountAt("/srv/data");
            Assert.Equal(Errno.None, node.Kernel.Unmount(gone, lazy: true));
            var root = node.Mount(node.Kernel.Root, "/srv/data");
            if (before == CallKind.OpenPath) Assert.Equal(gone.Id, root.Id);
        });
        foreach (var plan in (Quiesce.Freezing.Planning.FreezePlan[])[node.Plan("/srv/data"), node.PlanAll()])
            Assert.DoesNotContain(plan.Filesystems, f => f.Identity == node.Kernel.Root.Identity);
    }

    [Fact]
    public void A_mount_that_is_gone_when_it_was_opened_is_left_alone()
    {
        Meanwhile(CallKind.IdentifyFilesystem, null, () => Assert.Equal(Errno.None, node.Kernel.Unmount(node.MountAt("/srv/data"), lazy: true)));
        Assert.Equal(FreezeReason.IdentityChanged, node.Plan("/srv/data").Refusal?.Reason);
    }

    // Another program does something right before one call, once.
    private void Meanwhile(CallKind kind, string? path, Action happening)
    {
        node.Kernel.Before = call =>
        {
            if (call.Kind != kind || (path is not null && call.Path != path)) return;
            node.Kernel.Before = null;
            happening();
        };
    }
}
