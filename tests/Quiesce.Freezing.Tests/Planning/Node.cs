using System.Globalization;
using Quiesce.Freezing.Kernel;
using Quiesce.Freezing.Planning;
using Quiesce.Freezing.Tests.Simulation;

namespace Quiesce.Freezing.Tests.Planning;

/// <summary>A simulated node to plan on: a root disk with the usual folders, and whatever a test adds.</summary>
internal sealed class Node
{
    private readonly string at;

    /// <summary>A node whose host filesystems are seen below a folder; empty for the host itself.</summary>
    internal Node(string hostRoot = "")
    {
        at = hostRoot;
        if (hostRoot.Length > 0)
        {
            // A container: an overlay of its own as root, the host's disk below the host root.
            Kernel.Root.SuperOptions = "rw";
            HostDisk = Kernel.AddFilesystem("ext4", new DeviceNumber(8, 2), "/dev/sda2", hostRoot);
            Kernel.SetHostRoot(hostRoot);
        }
        else
        {
            HostDisk = Kernel.Root;
        }
        foreach (var folder in (string[])["usr", "etc/kubernetes", "var/log", "var/lib/kubelet", "var/lib/containerd", "home", "mnt"]) _ = HostDisk.Add(folder);
        _ = Add("proc", "0:20", "proc", "/proc").Add("self/cwd", NodeKind.MagicLink);
        _ = Add("tmpfs", "0:21", "tmpfs", "/run");
        Devices = Add("devtmpfs", "0:6", "devtmpfs", "/dev");
        Order = new PlanOrder { HostRoot = hostRoot.Length > 0 ? hostRoot : "/" };
    }

    internal SimulatedKernel Kernel { get; } = new();

    internal SimulatedFilesystem HostDisk { get; }

    internal SimulatedFilesystem Devices { get; }

    internal PlanOrder Order { get; set; }

    /// <summary>Mounts a filesystem at a path of the host.</summary>
    internal SimulatedFilesystem Add(string type, string superblock, string source, string path) =>
        Kernel.AddFilesystem(type, Number(superblock), source, at + path);

    internal SimulatedMount Mount(SimulatedFilesystem filesystem, string path, string root = "/") => Kernel.Mounts.Mount(filesystem, at + path, root);

    /// <summary>Mounts a filesystem in a loop file that lies on a device number; null where that cannot be told.</summary>
    internal SimulatedFilesystem AddOnLoop(string type, string loop, string? fileOn, string path)
    {
        Kernel.Devices[Number(loop)] = SimulatedDevice.Loop(fileOn is null ? null : Number(fileOn));
        return Add(type, loop, $"/dev/loop{Number(loop).Minor.ToString(CultureInfo.InvariantCulture)}", path);
    }

    internal void AddDevice(string device, params string[] below) => Kernel.Devices[Number(device)] = SimulatedDevice.Over([.. below.Select(Number)]);

    internal SimulatedMount MountAt(string path) => Kernel.Mounts.Attached.Last(m => m.MountPoint == at + path);

    /// <summary>Plans, and looks that no descriptor is left open but those of the plan.</summary>
    internal FreezePlan Plan(params string[] paths) => Plan(Order with { Paths = paths });

    internal FreezePlan PlanAll() => Plan(Order with { AllFilesystems = true });

    internal FreezePlan Plan(PlanOrder order)
    {
        var plan = FreezePlanner.Plan(Kernel, order);
        Assert.Equal(plan.Filesystems.Select(f => f.Folder.Number).Order(), Kernel.OpenDescriptors.Order());
        Assert.Equal(0, Kernel.FalseCloses);
        Assert.DoesNotContain(Kernel.Log!, c => c.Call.Kind is CallKind.Freeze or CallKind.Thaw or CallKind.Flush);
        if (plan.Refusal is { } refusal)
        {
            Assert.Empty(plan.Filesystems);
            Assert.NotEmpty(refusal.Message);
        }
        foreach (var filesystem in plan.Filesystems) Kernel.Close(filesystem.Folder);
        return plan;
    }

    internal static DeviceNumber Number(string text)
    {
        Assert.True(DeviceNumber.TryParse(text, out var number), text);
        return number;
    }
}
