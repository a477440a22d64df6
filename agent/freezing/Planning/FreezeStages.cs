using Quiesce.Freezing.Kernel;

namespace Quiesce.Freezing.Planning;

/// <summary>
/// The order of the freeze: a filesystem before everything that backs it, because freezing the upper one writes to the lower one,
/// and on a frozen lower one that write waits without end. The thaw goes the other way round.
/// </summary>
public static class FreezeStages
{
    /// <summary>Gives each superblock its stage, from 0. One whose backing is not fully known goes before all that are not above it.</summary>
    public static IReadOnlyDictionary<DeviceNumber, int> Order(IReadOnlyCollection<DeviceNumber> superblocks, BackingGraph graph)
    {
        var stages = new Dictionary<DeviceNumber, int>();
        foreach (var superblock in superblocks) Stage(superblock);
        return stages;

        int Stage(DeviceNumber lower)
        {
            if (stages.TryGetValue(lower, out var done)) return done;
            var stage = stages[lower] = 0; // devices that claim to lie on each other are met again here, and must not be followed for ever
            foreach (var upper in superblocks)
                if (upper != lower && IsAbove(upper, lower)) stage = Math.Max(stage, Stage(upper) + 1);
            return stages[lower] = stage;
        }

        bool IsAbove(DeviceNumber upper, DeviceNumber lower)
        {
            if (graph.Below(upper).Devices.Contains(lower)) return true;
            return !graph.Below(upper).Complete && graph.Below(lower).Complete && !graph.Below(lower).Devices.Contains(upper);
        }
    }
}
