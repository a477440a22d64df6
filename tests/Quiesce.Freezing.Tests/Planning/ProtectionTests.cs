using Quiesce.Freezing.Kernel;
using Quiesce.Freezing.Planning;
using Quiesce.Freezing.Tests.Simulation;

namespace Quiesce.Freezing.Tests.Planning;

/// <summary>What must never be frozen is refused by every way that leads to it.</summary>
public sealed class ProtectionTests
{
    private readonly Node node = new();

    public static TheoryData<string> DefaultPaths => [.. ProtectedFilesystems.DefaultPaths];

    [Theory]
    [MemberData(nameof(DefaultPaths))]
    public void A_filesystem_of_its_own_for_a_protected_folder_is_protected(string path)
    {
        var filesystem = path == "/" ? node.Kernel.Root : node.Add("xfs", "8:80", "/dev/sdf", path);
        _ = filesystem.Add("inner");
        _ = node.Mount(filesystem, "/elsewhere", "/inner");
        foreach (var way in (string[])[path, "/elsewhere"])
        {
            var refusal = node.Plan(way).Refusal;
            Assert.Equal(FreezeReason.ProtectedFilesystem, refusal?.Reason);
            Assert.StartsWith($"{way}: ", refusal!.Message, StringComparison.Ordinal);
            Assert.Contains($"it carries {path}", refusal.Message, StringComparison.Ordinal);
            Assert.Contains(filesystem.Superblock.ToString(), refusal.Message, StringComparison.Ordinal);
        }
        Assert.DoesNotContain(node.PlanAll().Filesystems, f => f.Superblock == filesystem.Superblock);
    }

    [Fact]
    public void A_folder_of_the_root_is_refused_and_the_message_names_the_path_that_was_asked_for()
    {
        _ = node.HostDisk.Add("home/data");
        var refusal = node.Plan("/home/data").Refusal;
        Assert.Equal(FreezeReason.ProtectedFilesystem, refusal?.Reason);
        Assert.StartsWith("/home/data: ", refusal!.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_protected_folder_behind_a_link_protects_where_the_link_leads()
    {
        var data = node.Add("xfs", "8:17", "/dev/sdb1", "/srv/data");
        _ = data.Add("kubelet");
        var fresh = new Node();
        var disk = fresh.Add("xfs", "8:17", "/dev/sdb1", "/srv/data");
        _ = disk.Add("etcd");
        _ = fresh.HostDisk.Add("var/lib/etcd", NodeKind.Link, "/srv/data/etcd");
        Assert.Contains("/var/lib/etcd", fresh.Plan("/srv/data").Refusal!.Message, StringComparison.Ordinal);
        Assert.Null(node.Plan("/srv/data").Refusal);
    }

    [Theory]
    [InlineData("partition")]
    [InlineData("device-mapper")]
    [InlineData("loop")]
    [InlineData("loop on a subvolume")]
    [InlineData("btrfs member")]
    [InlineData("external log")]
    [InlineData("three deep")]
    public void What_backs_a_protected_filesystem_is_protected(string how)
    {
        var lower = node.Add("ext4", "8:17", "/dev/sdb1", "/srv/images");
        switch (how)
        {
            case "partition":
                // The root lies on a partition of a loop device whose file lies on the target.
                node.AddDevice("8:1", "7:5");
                node.Kernel.Devices[Node.Number("7:5")] = SimulatedDevice.Loop(lower.Superblock);
                break;
            case "device-mapper":
                node.AddDevice("8:1", "253:0");
                node.AddDevice("253:0", "8:17");
                break;
            case "loop":
                _ = node.AddOnLoop("xfs", "7:0", "8:17", "/var/lib/etcd");
                break;
            case "loop on a subvolume":
                lower = node.Add("btrfs", "0:45", "/dev/sdc", "/pool");
                var volume = lower.AddSubvolume("volume");
                _ = node.Mount(lower, "/volume", "/volume");
                _ = node.AddOnLoop("xfs", "7:0", lower.DeviceOf(volume).ToString(), "/var/lib/etcd");
                break;
            case "btrfs member":
                _ = node.Add("btrfs", "0:46", "/dev/loop1", "/var/lib/etcd");
                node.AddDevice("0:46", "7:1", "7:2");
                node.Kernel.Devices[Node.Number("7:1")] = SimulatedDevice.Loop(Node.Number("8:1"));
                node.Kernel.Devices[Node.Number("7:2")] = SimulatedDevice.Loop(lower.Superblock);
                break;
            case "external log":
                _ = node.Devices.Add("log", NodeKind.BlockDevice, device: Node.Number("7:3"));
                node.Kernel.Devices[Node.Number("7:3")] = SimulatedDevice.Loop(lower.Superblock);
                node.Add("xfs", "8:33", "/dev/sdc1", "/var/lib/etcd").SuperOptions = "rw,logdev=/dev/log,noquota";
                break;
            default:
                _ = node.AddOnLoop("xfs", "7:0", "7:1", "/var/lib/etcd");
                _ = node.AddOnLoop("xfs", "7:1", "8:17", "/middle");
                Assert.Equal(FreezeReason.ProtectedFilesystem, node.Plan("/middle").Refusal?.Reason);
                break;
        }
        var path = lower.Type == "btrfs" ? "/pool" : "/srv/images";
        var refusal = node.Plan(path).Refusal;
        Assert.Equal(FreezeReason.ProtectedFilesystem, refusal?.Reason);
        Assert.StartsWith($"{path}: ", refusal!.Message, StringComparison.Ordinal);
        Assert.Contains("backs a filesystem that is protected", refusal.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void In_a_container_the_host_is_what_is_protected_and_what_backs_it_also_through_a_subvolume()
    {
        var container = new Node("/host");
        var pool = container.Add("btrfs", "0:45", "/dev/sdc", "/pool");
        _ = container.AddOnLoop("xfs", "7:0", pool.DeviceOf(pool.Root).ToString(), "/var/lib/etcd");
        _ = container.Add("ext4", "8:17", "/dev/sdb1", "/srv/data");
        Assert.Equal(FreezeReason.ProtectedFilesystem, container.Plan("/pool").Refusal?.Reason);
        Assert.Equal(FreezeReason.ProtectedFilesystem, container.Plan("/var/log").Refusal?.Reason);
        Assert.Null(container.Plan("/srv/data").Refusal);
    }

    [Fact]
    public void In_a_container_what_carries_its_writable_layer_is_protected()
    {
        var container = new Node("/host");
        var layers = container.Add("xfs", "8:50", "/dev/sdd2", "/fast/layers");
        _ = layers.Add("42/upper");
        _ = layers.Add("42/work");
        container.Kernel.Root.SuperOptions = "rw,lowerdir=/l,upperdir=/fast/layers/42/upper,workdir=/fast/layers/42/work";
        var refusal = container.Plan("/fast/layers").Refusal;
        Assert.Equal(FreezeReason.ProtectedFilesystem, refusal?.Reason);
        Assert.Contains("writable layer", refusal!.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("loop")]
    [InlineData("log")]
    [InlineData("overlay")]
    public void Where_it_cannot_be_told_what_backs_a_protected_one_all_are_protected_but_what_lies_on_it(string unknown)
    {
        _ = node.Add("ext4", "8:17", "/dev/sdb1", "/srv/data");
        _ = node.Add("nfs4", "0:70", "server:/", "/srv/nfs");
        switch (unknown)
        {
            case "loop":
                _ = node.AddOnLoop("xfs", "7:0", null, "/var/lib/etcd");
                break;
            case "overlay":
                node.Add("overlay", "0:61", "overlay", "/other").SuperOptions = "rw,lowerdir=/l,upperdir=/out/of/sight,workdir=/out/of/work";
                _ = node.AddOnLoop("xfs", "7:0", "0:61", "/var/lib/etcd");
                break;
            default:
                node.Add("xfs", "7:0", "/dev/sdc1", "/var/lib/etcd").SuperOptions = "rw,logdev=/dev/gone,noquota";
                break;
        }
        _ = node.AddOnLoop("ext4", "7:1", "7:0", "/srv/upper");
        var refusal = node.Plan("/srv/data").Refusal;
        Assert.Equal(FreezeReason.ProtectedFilesystem, refusal?.Reason);
        Assert.Contains("it may back 7:0, which is protected because it carries /var/lib/etcd", refusal!.Message, StringComparison.Ordinal);
        Assert.Null(node.Plan("/srv/upper").Refusal);
        Assert.Equal(FreezeReason.FreezeNotSupported, Assert.Single(node.Plan("/srv/nfs").Findings).Reason);
        Assert.Null(node.Plan(node.Order with { AllowedPaths = ["/srv/data"], Paths = ["/srv/data"] }).Refusal);
    }

    [Fact]
    public void An_own_root_whose_upper_folder_is_out_of_sight_protects_nothing_else()
    {
        var container = new Node("/host");
        _ = container.Add("ext4", "8:17", "/dev/sdb1", "/srv/data");
        // As in a container within a container.
        container.Kernel.Root.SuperOptions = "rw,lowerdir=/l,upperdir=/out/of/sight,workdir=/out/of/work";
        Assert.Null(container.Plan("/srv/data").Refusal);
        container.Add("overlay", "0:61", "overlay", "/var/lib/containerd").SuperOptions = container.Kernel.Root.SuperOptions;
        Assert.Null(container.Plan("/srv/data").Refusal);
    }

    [Fact]
    public void What_carries_the_upper_folder_of_a_protected_overlay_is_protected()
    {
        _ = node.Add("ext4", "8:17", "/dev/sdb1", "/srv/data").Add("upper");
        node.Add("overlay", "0:61", "overlay", "/etc").SuperOptions = "rw,lowerdir=/etc,upperdir=/srv/data/upper,workdir=/srv/data/work";
        Assert.Equal(FreezeReason.ProtectedFilesystem, node.Plan("/srv/data").Refusal?.Reason);
    }

    [Fact]
    public void An_administrator_can_allow_a_filesystem_and_only_that_one()
    {
        _ = node.Add("xfs", "8:80", "/dev/sdf", "/var/lib/etcd");
        var order = node.Order with { AllowedPaths = ["/var/lib/etcd", "/no/such/folder"] };
        Assert.Equal("/var/lib/etcd", Assert.Single(node.Plan(order with { Paths = ["/var/lib/etcd"] }).Filesystems).Path);
        Assert.Equal(FreezeReason.ProtectedFilesystem, node.Plan(order with { Paths = ["/"] }).Refusal?.Reason);
    }

    [Fact]
    public void Protected_folders_that_are_not_there_protect_nothing()
    {
        _ = node.Add("ext4", "8:17", "/dev/sdb1", "/srv/data");
        _ = node.HostDisk.Add("var/lib/rancher", NodeKind.File);
        Assert.Null(node.Plan(node.Order with { Paths = ["/srv/data"], ProtectedPaths = ["/var/lib/nowhere", "/var/lib/rancher/below"] }).Refusal);
    }

    [Theory]
    [InlineData(CallKind.OpenPath, Errno.AccessDenied)]
    [InlineData(CallKind.OpenPath, Errno.InputOutput)]
    [InlineData(CallKind.OpenPath, Errno.TooManyLinks)]
    public void While_it_cannot_be_told_what_is_protected_nothing_is_frozen(CallKind call, Errno error)
    {
        _ = node.Add("ext4", "8:17", "/dev/sdb1", "/srv/data");
        node.Kernel.Fail(call, error, c => c.Path == "/var/lib/kubelet");
        var refusal = node.Plan("/srv/data").Refusal;
        Assert.Equal(FreezeReason.ProtectedFilesystem, refusal?.Reason);
        Assert.Contains("/var/lib/kubelet", refusal!.Message, StringComparison.Ordinal);
        Assert.Contains(error.Describe(), refusal.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_protected_folder_whose_mount_the_table_does_not_show_refuses_everything()
    {
        _ = node.Add("ext4", "8:17", "/dev/sdb1", "/srv/data");
        _ = node.Add("ext4", "8:80", "/dev/sdf", "/var/lib/etcd");
        node.Kernel.MountTableText = string.Concat(node.Kernel.Mounts.Table().Split('\n').Where(l => !l.Contains("etcd", StringComparison.Ordinal)).Select(l => l + "\n"));
        var refusal = node.Plan("/srv/data").Refusal;
        Assert.Equal(FreezeReason.ProtectedFilesystem, refusal?.Reason);
        Assert.Contains("/var/lib/etcd", refusal!.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_protected_folder_that_is_mounted_while_it_is_looked_for_is_protected()
    {
        // The disk is mounted for its folder between the look at the table and the look at the folder.
        var disk = node.Add("ext4", "8:80", "/dev/sdf", "/mnt/disk");
        _ = node.HostDisk.Add("var/lib/etcd");
        node.Kernel.Before = call =>
        {
            if (call is not { Kind: CallKind.OpenPath, Path: "/var/lib/etcd" }) return;
            node.Kernel.Before = null;
            _ = node.Mount(disk, "/var/lib/etcd");
        };
        Assert.Equal(FreezeReason.ProtectedFilesystem, node.Plan("/mnt/disk").Refusal?.Reason);
    }
}
