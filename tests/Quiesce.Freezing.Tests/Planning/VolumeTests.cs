using Quiesce.Freezing.Planning;
using Quiesce.Freezing.Reports;

namespace Quiesce.Freezing.Tests.Planning;

/// <summary>Volumes of pods: frozen only where they are mounted, and only if their filesystem is theirs alone.</summary>
public sealed class VolumeTests
{
    private const string Root = "/var/lib/kubelet";
    private const string Volume = "volumes/kubernetes.io~csi/pv-1/mount";

    private static readonly VolumeTarget Target = new()
    {
        Name = "claim shop/data",
        Root = Root,
        Folder = $"pods/uid-1/{Volume}",
        Mounts = [$"pods/*/{Volume}", "plugins/kubernetes.io/csi/*/*/globalmount"],
        FolderMounts = ["pods/*/volume-subpaths/pv-1/*/*"],
    };

    private readonly Node node = new();

    private FreezePlan Plan(VolumeTarget? target = null, params string[] paths) => node.Plan(node.Order with { Paths = paths, Volumes = [target ?? Target] });

    private static void Refused(FreezePlan plan, string reason, params string[] words)
    {
        Assert.Equal(reason, plan.Refusal?.Reason);
        Assert.StartsWith("claim shop/data: ", plan.Refusal!.Message, StringComparison.Ordinal);
        Assert.All(words, word => Assert.Contains(word, plan.Refusal.Message, StringComparison.Ordinal));
    }

    private Simulation.SimulatedFilesystem Mounted(string superblock = "8:17") => node.Add("ext4", superblock, "/dev/sdb1", $"{Root}/{Target.Folder}");

    [Theory]
    [InlineData("")]
    [InlineData("/host")]
    public void A_volume_is_frozen_by_its_mount(string hostRoot)
    {
        var node = new Node(hostRoot);
        _ = node.Add("ext4", "8:17", "/dev/sdb1", $"{Root}/{Target.Folder}");
        var filesystem = Assert.Single(node.Plan(node.Order with { Volumes = [Target] }).Filesystems);
        Assert.Equal(($"{Root}/{Target.Folder}", "8:17"), (filesystem.Path, filesystem.Superblock.ToString()));
    }

    [Fact]
    public void Its_other_pods_its_device_mount_and_its_subpaths_are_its_own()
    {
        var data = Mounted();
        _ = data.Add("sub");
        _ = node.Mount(data, $"{Root}/pods/uid-2/{Volume}");
        _ = node.Mount(data, $"{Root}/plugins/kubernetes.io/csi/disks.example.com/0a1b/globalmount");
        _ = node.Mount(data, $"{Root}/pods/uid-2/volume-subpaths/pv-1/main/0", "/sub");
        _ = Assert.Single(Plan().Filesystems);
    }

    [Theory]
    [InlineData("/srv/elsewhere", "/")]
    [InlineData("/var/lib/kubelet/pods/uid-2/volumes/kubernetes.io~csi/pv-2/mount", "/")]
    [InlineData("/var/lib/kubelet/pods/uid-2/volumes/kubernetes.io~csi/pv-1/mount/deeper", "/")]
    [InlineData("/var/lib/kubelet/pods/uid-2/volumes/kubernetes.io~csi/pv-1", "/")]
    [InlineData("/var/lib/kubelet/pods/uid-2/volume-subpaths/pv-2/main/0", "/sub")]
    [InlineData("/var/lib/kubelet/pods/uid-2/volumes/kubernetes.io~csi/pv-1/mount", "/sub")]
    [InlineData("/var/lib/kubelet-2/pods/uid-2/volumes/kubernetes.io~csi/pv-1/mount", "/")]
    public void A_filesystem_that_is_mounted_elsewhere_too_is_not_its_alone(string where, string root)
    {
        var data = Mounted();
        _ = data.Add("sub");
        _ = node.Mount(data, where, root);
        Refused(Plan(), FreezeReason.SharedFilesystem, "8:17", where);
        Assert.Equal(FilesystemState.Refused, Assert.Single(Plan().Findings).State);
        _ = Assert.Single(Plan(Target with { MayBeShared = true }).Filesystems);
    }

    [Fact]
    public void A_folder_of_a_filesystem_is_not_a_filesystem_of_its_own()
    {
        var disk = node.Add("xfs", "8:33", "/dev/sdc1", "/mnt/disk");
        _ = disk.Add("volumes/pv-1");
        _ = node.Mount(disk, $"{Root}/{Target.Folder}", "/volumes/pv-1");
        Refused(Plan(), FreezeReason.SharedFilesystem, "/mnt/disk");
        Assert.Equal("8:33", Assert.Single(Plan(Target with { MayBeShared = true }).Filesystems).Superblock.ToString());
    }

    [Fact]
    public void A_local_volume_owns_the_filesystem_that_is_mounted_where_it_says()
    {
        var disk = node.Add("xfs", "8:33", "/dev/sdc1", "/mnt/disk");
        _ = node.Mount(disk, $"{Root}/{Target.Folder}");
        Refused(Plan(), FreezeReason.SharedFilesystem, "/mnt/disk");
        _ = Assert.Single(Plan(Target with { Source = "/mnt/disk" }).Filesystems);
        _ = disk.Add("folder");
        Refused(Plan(Target with { Source = "/mnt/disk/folder" }), FreezeReason.SharedFilesystem, "/mnt/disk");
    }

    [Fact]
    public void With_nothing_mounted_there_the_filesystem_below_is_never_meant()
    {
        Refused(Plan(), FreezeReason.VolumeNotMounted, Target.Folder);
        _ = node.HostDisk.Add($"var/lib/kubelet/{Target.Folder}");
        Refused(Plan(), FreezeReason.VolumeNotMounted, Target.Folder);
        Refused(Plan(Target with { MayBeShared = true }), FreezeReason.VolumeNotMounted, Target.Folder);
    }

    [Fact]
    public void Kubelets_root_may_be_reached_through_a_link()
    {
        _ = node.HostDisk.Add("data/kubelet");
        _ = node.HostDisk.Add("var/lib/link", Simulation.NodeKind.Link, "../../data/kubelet");
        var data = node.Add("ext4", "8:17", "/dev/sdb1", $"/data/kubelet/{Target.Folder}");
        _ = node.Mount(data, $"/data/kubelet/pods/uid-2/{Volume}");
        Assert.Equal($"/data/kubelet/{Target.Folder}", Assert.Single(Plan(Target with { Root = "/var/lib/link" }).Filesystems).Path);
    }

    [Fact]
    public void A_protected_filesystem_is_protected_as_a_volume_too()
    {
        _ = node.Mount(node.HostDisk, $"{Root}/{Target.Folder}");
        var plan = Plan(Target with { MayBeShared = true });
        Assert.Equal(FreezeReason.ProtectedFilesystem, plan.Refusal?.Reason);
    }

    [Fact]
    public void One_that_cannot_freeze_says_so_whoever_shares_it()
    {
        var share = node.Add("nfs4", "0:99", "server:/export", $"{Root}/{Target.Folder}");
        _ = node.Mount(share, "/srv/elsewhere");
        var refusal = node.Plan(node.Order with { Volumes = [Target], FailUnsupported = true }).Refusal;
        Assert.Equal(FreezeReason.FreezeNotSupported, refusal?.Reason);
        Assert.Contains("nfs4", refusal!.Message, StringComparison.Ordinal);
        Assert.Equal(FreezeReason.NothingToFreeze, Plan().Refusal?.Reason);
    }

    [Fact]
    public void A_volume_and_a_folder_of_one_filesystem_are_frozen_once_and_the_volume_is_looked_at_in_any_order()
    {
        _ = Mounted();
        _ = Assert.Single(Plan(null, $"{Root}/{Target.Folder}").Filesystems);
        _ = node.Add("ext4", "8:18", "/dev/sdb2", "/srv/elsewhere");
        Assert.Equal(2, Plan(null, "/srv/elsewhere").Filesystems.Count);
    }

    [Theory]
    [InlineData("pods/../../../etc")]
    [InlineData("pods/x\0y")]
    public void A_path_that_leads_elsewhere_is_refused(string folder) => Refused(Plan(Target with { Folder = folder }), FreezeReason.InvalidPath);
}
