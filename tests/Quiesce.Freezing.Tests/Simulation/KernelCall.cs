using Quiesce.Freezing.Kernel;

namespace Quiesce.Freezing.Tests.Simulation;

public enum CallKind
{
    ReadMountTable,
    OpenPath,
    OpenFolder,
    MountDetached,
    Identify,
    IdentifyFilesystem,
    Flush,
    Freeze,
    Thaw,
    Close,
    DevicesBelow,
    LoopBacking,
    IsLoop,
    DeviceOf,
    SectorsWritten,
}

/// <summary>One call as it enters the kernel.</summary>
/// <param name="Kind">Which.</param>
/// <param name="Path">The path, for the calls that take one.</param>
/// <param name="Filesystem">What its descriptor stands on, for the calls that take one.</param>
internal readonly record struct KernelCall(CallKind Kind, string? Path, SimulatedFilesystem? Filesystem);

/// <summary>One call with its answer.</summary>
internal readonly record struct AnsweredCall(KernelCall Call, Errno Answer);
