using CsCheck;
using Quiesce.Freezing.Kernel;
using Quiesce.Freezing.Mounts;
using Quiesce.Freezing.Planning;
using Quiesce.Freezing.Tests.Simulation;

namespace Quiesce.Freezing.Tests.Planning;

/// <summary>The order of the freeze: a filesystem before everything that backs it.</summary>
public sealed class StageTests
{
    private readonly Node node = new();

    [Fact]
    public void Independent_filesystems_are_of_one_stage()
    {
        _ = node.Add("ext4", "8:17", "/dev/sdb1", "/a");
        _ = node.Add("xfs", "8:18", "/dev/sdb2", "/b");
        _ = node.Add("btrfs", "0:45", "/dev/sdc", "/c");
        node.AddDevice("8:17", "8:16");
        node.AddDevice("8:18", "8:16"); // two partitions of one disk
        node.AddDevice("0:45", "8:32");
        Assert.Equal([("/a", 0), ("/b", 0), ("/c", 0)], Stages("/c", "/b", "/a"));
    }

    [Fact]
    public void A_filesystem_in_a_file_comes_before_the_one_the_file_lies_on()
    {
        _ = node.Add("ext4", "8:17", "/dev/sdb1", "/lower");
        _ = node.AddOnLoop("xfs", "7:0", "8:17", "/middle");
        _ = node.AddOnLoop("ext4", "7:1", "7:0", "/upper");
        Assert.Equal([("/upper", 0), ("/middle", 1), ("/lower", 2)], Stages("/lower", "/middle", "/upper"));
        Assert.Equal([("/upper", 0), ("/lower", 1)], Stages("/lower", "/upper")); // also with the one between left out
    }

    [Fact]
    public void A_file_in_a_subvolume_is_found_also_where_the_subvolume_is_not_mounted_itself()
    {
        var pool = node.Add("btrfs", "0:45", "/dev/sdc", "/pool");
        _ = node.AddOnLoop("ext4", "7:0", pool.DeviceOf(pool.Root).ToString(), "/upper");
        Assert.Equal([("/upper", 0), ("/pool", 1)], Stages("/pool", "/upper"));

        var nested = pool.AddSubvolume("nested"); // not in the table: its number is known to nobody, so what lies there goes first of all
        _ = node.AddOnLoop("ext4", "7:1", pool.DeviceOf(nested).ToString(), "/other");
        Assert.Equal([("/other", 0), ("/pool", 1)], Stages("/pool", "/other"));
    }

    [Theory]
    [InlineData("/pool/nested/image", true)]
    [InlineData("/pool/nested/gone/image (deleted)", true)]
    [InlineData("/elsewhere/image", false)]
    [InlineData("image", false)]
    public void A_file_in_a_subvolume_that_is_mounted_nowhere_is_found_by_its_path(string file, bool found)
    {
        var pool = node.Add("btrfs", "0:45", "/dev/sdc", "/pool");
        var nested = pool.AddSubvolume("nested");
        _ = pool.Add("nested/image", NodeKind.File);
        _ = node.HostDisk.Add("elsewhere/image", NodeKind.File); // another file, which has that path by now
        _ = node.Add("ext4", "8:17", "/dev/sdb1", "/a");
        _ = node.AddOnLoop("ext4", "7:1", "8:1", "/upper");
        node.Kernel.Devices[Node.Number("7:1")] = SimulatedDevice.Loop(pool.DeviceOf(nested), file);
        var plan = node.Plan("/a", "/pool", "/upper");
        Assert.Equal(found, plan.Backing!.Below(Node.Number("7:1")).Complete);
        Assert.Equal(found, plan.Backing.Below(Node.Number("7:1")).Devices.Contains(pool.Superblock));
        Assert.Equal(found ? [("/a", 0), ("/upper", 0), ("/pool", 1)] : [("/upper", 0), ("/a", 1), ("/pool", 1)], plan.Filesystems.Select(f => (f.Path, f.Stage)));
    }

    [Fact]
    public void A_file_on_an_overlay_lies_on_what_carries_its_upper_folder()
    {
        _ = node.Add("ext4", "8:17", "/dev/sdb1", "/layers").Add("upper");
        node.Add("overlay", "0:60", "overlay", "/merged").SuperOptions = "rw,lowerdir=/l,upperdir=/layers/upper,workdir=/layers/work";
        _ = node.AddOnLoop("xfs", "7:0", "0:60", "/image");
        Assert.Equal([("/image", 0), ("/layers", 1)], Stages("/layers", "/image"));
        Assert.True(node.Plan("/image").Backing!.Below(Node.Number("7:0")).Complete);

        node.Add("overlay", "0:61", "overlay", "/other").SuperOptions = "rw,lowerdir=/l,upperdir=/out/of/sight,workdir=/out/of/work";
        _ = node.AddOnLoop("xfs", "7:1", "0:61", "/unknown");
        Assert.Equal([("/unknown", 0), ("/layers", 1)], Stages("/layers", "/unknown"));
    }

    [Fact]
    public void A_file_on_a_device_that_is_mounted_where_nobody_here_sees_it_lies_on_what_that_one_lies_on()
    {
        _ = node.Add("ext4", "8:17", "/dev/sdb1", "/lower");
        node.Kernel.Devices[Node.Number("7:0")] = SimulatedDevice.Loop(Node.Number("8:17"));
        _ = node.AddOnLoop("ext4", "7:1", "7:0", "/upper");
        Assert.Equal([("/upper", 0), ("/lower", 1)], Stages("/lower", "/upper"));
        Assert.True(node.Plan("/upper").Backing!.Below(Node.Number("7:1")).Complete);
    }

    [Fact]
    public void In_a_container_a_file_in_a_subvolume_is_found_as_well()
    {
        var container = new Node("/host");
        var pool = container.Add("btrfs", "0:45", "/dev/sdc", "/pool");
        _ = container.AddOnLoop("ext4", "7:0", pool.DeviceOf(pool.Root).ToString(), "/upper");
        var plan = container.Plan("/pool", "/upper");
        Assert.Equal(["/upper", "/pool"], plan.Filesystems.Select(f => f.Path));
        Assert.True(plan.Backing!.Below(Node.Number("7:0")).Complete);
    }

    [Fact]
    public void Device_mapper_raid_and_partitions_are_followed()
    {
        _ = node.Add("ext4", "8:17", "/dev/sdb1", "/lower");
        _ = node.Add("xfs", "253:1", "/dev/mapper/crypt", "/upper");
        node.AddDevice("253:1", "253:0"); // crypt on a volume on a raid of two partitioned loop devices
        node.AddDevice("253:0", "9:0");
        node.AddDevice("9:0", "259:0", "259:1");
        node.AddDevice("259:0", "7:0");
        node.AddDevice("259:1", "7:1");
        node.Kernel.Devices[Node.Number("7:0")] = SimulatedDevice.Loop(Node.Number("8:1"));
        node.Kernel.Devices[Node.Number("7:1")] = SimulatedDevice.Loop(Node.Number("8:17"));
        Assert.Equal([("/upper", 0), ("/lower", 1)], Stages("/lower", "/upper"));
    }

    [Theory]
    [InlineData("logdev")]
    [InlineData("rtdev")]
    [InlineData("journal_path")]
    public void An_external_log_counts_as_below(string option)
    {
        _ = node.Add("ext4", "8:17", "/dev/sdb1", "/lower");
        _ = node.Devices.Add("log", NodeKind.BlockDevice, device: Node.Number("7:3"));
        node.Kernel.Devices[Node.Number("7:3")] = SimulatedDevice.Loop(Node.Number("8:17"));
        node.Add("xfs", "8:33", "/dev/sdc1", "/upper").SuperOptions = $"rw,{option}=/dev/log,noquota";
        Assert.Equal([("/upper", 0), ("/lower", 1)], Stages("/lower", "/upper"));
    }

    [Theory]
    [InlineData("loop")]
    [InlineData("log")]
    public void One_whose_backing_cannot_be_identified_goes_before_all_that_do_not_lie_on_it(string unknown)
    {
        _ = node.Add("ext4", "8:17", "/dev/sdb1", "/a");
        _ = node.AddOnLoop("xfs", "7:0", "8:17", "/b");
        if (unknown == "loop") _ = node.AddOnLoop("ext4", "7:9", null, "/z");
        else node.Add("xfs", "8:33", "/dev/sdc1", "/z").SuperOptions = "rw,logdev=/dev/gone";
        Assert.Equal([("/z", 0), ("/b", 1), ("/a", 2)], Stages("/a", "/b", "/z"));
        if (unknown != "loop") return;
        _ = node.AddOnLoop("ext4", "7:10", "7:9", "/on-z");
        Assert.Equal(["/on-z", "/z"], Stages("/a", "/b", "/z", "/on-z").Select(s => s.Path).Where(p => p.EndsWith('z')));
    }

    [Fact]
    public void In_every_forest_of_filesystems_upper_ones_come_first_and_stages_have_no_gap()
    {
        // Each of n filesystems lies in a file on one with a lower number, or on a disk, or on something that cannot be told.
        Gen.Int[-2, 30].Array[1, 30].Sample(on =>
        {
            var kernel = new SimulatedKernel();
            for (var i = 0; i < on.Length; i++)
            {
                var device = new DeviceNumber(7, (uint)i);
                _ = kernel.AddFilesystem("ext4", device, "x", $"/{i}");
                if (on[i] != -1 && i > 0) kernel.Devices[device] = SimulatedDevice.Loop(on[i] == -2 ? null : new DeviceNumber(7, (uint)(on[i] % i)));
            }
            var (stages, graph) = Order(kernel, on.Length);
            Assert.Equal(Enumerable.Range(0, stages.Values.Max() + 1), stages.Values.Distinct().Order());
            foreach (var (upper, stage) in stages)
                foreach (var lower in graph.Below(upper).Devices.Where(stages.ContainsKey))
                    Assert.True(stage < stages[lower], $"{upper} lies on {lower}");
        }, iter: 2_000);
    }

    [Fact]
    public void Devices_that_claim_to_lie_on_each_other_end_in_some_order_and_not_in_a_dead_process()
    {
        Gen.Int[0, 9].Array[1, 10].Sample(on =>
        {
            var kernel = new SimulatedKernel();
            for (var i = 0; i < on.Length; i++)
            {
                var device = new DeviceNumber(7, (uint)i);
                _ = kernel.AddFilesystem("ext4", device, "x", $"/{i}");
                kernel.Devices[device] = SimulatedDevice.Loop(new DeviceNumber(7, (uint)(on[i] % on.Length)));
            }
            Assert.Equal(on.Length, Order(kernel, on.Length).Stages.Count);
        }, iter: 500);
    }

    [Fact]
    public void Another_window_must_not_hold_what_this_one_needs_or_what_needs_it()
    {
        _ = node.Add("ext4", "8:17", "/dev/sdb1", "/lower");
        _ = node.AddOnLoop("xfs", "7:0", "8:17", "/middle");
        _ = node.AddOnLoop("ext4", "7:1", "7:0", "/upper");
        _ = node.Add("ext4", "8:18", "/dev/sdb2", "/other");
        var plan = node.Plan("/middle");
        Assert.Equal("/middle", plan.Concerns(Node.Number("7:0"))?.Path);
        Assert.Equal("/middle", plan.Concerns(Node.Number("8:17"))?.Path);
        Assert.Equal("/middle", plan.Concerns(Node.Number("7:1"))?.Path);
        Assert.Null(plan.Concerns(Node.Number("8:18")));

        _ = node.AddOnLoop("ext4", "7:2", null, "/unknown"); // it may lie on any that does not lie on it
        _ = node.AddOnLoop("ext4", "7:3", "7:2", "/on-unknown");
        Assert.Equal("/middle", node.Plan("/middle").Concerns(Node.Number("7:2"))?.Path);
        Assert.Equal("/unknown", node.Plan("/unknown").Concerns(Node.Number("8:18"))?.Path);
        Assert.Null(node.Plan("/other").Concerns(Node.Number("7:1")));
    }

    private static (IReadOnlyDictionary<DeviceNumber, int> Stages, BackingGraph Graph) Order(SimulatedKernel kernel, int count)
    {
        Assert.Equal(Errno.None, kernel.ReadMountTable(out var text));
        var graph = new BackingGraph(kernel, MountTable.Parse(text), "/");
        return (FreezeStages.Order([.. Enumerable.Range(0, count).Select(i => new DeviceNumber(7, (uint)i))], graph), graph);
    }

    private List<(string Path, int Stage)> Stages(params string[] paths)
    {
        var plan = node.Plan(paths);
        Assert.Null(plan.Refusal);
        return [.. plan.Filesystems.Select(f => (f.Path, f.Stage))];
    }
}
