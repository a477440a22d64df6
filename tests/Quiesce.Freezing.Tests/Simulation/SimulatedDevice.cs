using Quiesce.Freezing.Kernel;

namespace Quiesce.Freezing.Tests.Simulation;

/// <summary>A block device: what is directly below it, and for a loop device what its file lies on.</summary>
internal sealed record SimulatedDevice
{
    internal IReadOnlyList<DeviceNumber> Below { get; init; } = [];

    internal bool IsLoop { get; init; }

    /// <summary><c>st_dev</c> of the loop's file; null when it cannot be told.</summary>
    internal DeviceNumber? LoopFileOn { get; init; }

    /// <summary>The path of the loop's file; null when it is not told.</summary>
    internal string? LoopFile { get; init; }

    /// <summary>A loop device over a file.</summary>
    internal static SimulatedDevice Loop(DeviceNumber? fileOn, string? file = null) => new() { IsLoop = true, LoopFileOn = fileOn, LoopFile = file };

    /// <summary>A device over others.</summary>
    internal static SimulatedDevice Over(params DeviceNumber[] below) => new() { Below = below };
}
