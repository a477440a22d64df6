using Quiesce.Freezing.Kernel;
using Quiesce.Freezing.Planning;
using Quiesce.Freezing.Tests.Simulation;

namespace Quiesce.Freezing.Tests.Windows;

/// <summary>The simulated kernel and journal under all states of one case; a state is laid into it before it goes on.</summary>
internal sealed class Machine
{
    internal Machine(WorldOptions options)
    {
        Options = options;
        Kernel.Log = null;
        var plan = new List<PlannedFilesystem>();
        for (var i = 0; i < options.Stages.Length; i++)
        {
            var filesystem = Kernel.AddFilesystem("ext4", new DeviceNumber(7, (uint)i), $"/dev/loop{i}", $"/fs{i}");
            filesystem.CanFreeze = !options.Unsupported.Contains(i);
            Filesystems.Add(filesystem);
            Assert.Equal(Errno.None, Kernel.OpenPath($"/fs{i}", out var path));
            Assert.Equal(Errno.None, Kernel.OpenFolder(path, out var folder));
            Assert.Equal(Errno.None, Kernel.IdentifyFilesystem(folder, out var identity));
            Kernel.Close(path);
            plan.Add(new PlannedFilesystem($"/fs{i}", "ext4", filesystem.Source, filesystem.Superblock, identity, folder, options.Stages[i]));
        }
        Plan = plan;
        Journal = new SimulatedJournal(plan);
        Kernel.Counted = device => Filesystems[(int)device.Minor].SectorsWritten;
    }

    internal WorldOptions Options { get; }

    internal SimulatedKernel Kernel { get; } = new();

    internal List<SimulatedFilesystem> Filesystems { get; } = [];

    internal IReadOnlyList<PlannedFilesystem> Plan { get; }

    internal SimulatedJournal Journal { get; }
}
