using Quiesce.Crds;
using Quiesce.Freezing.Kernel;
using Quiesce.Freezing.Reports;
using Quiesce.Freezing.Windows;
using ApiState = Quiesce.Crds.FilesystemState;

namespace Quiesce.Agent.Serving;

/// <summary>Turns a window's report into the status of its NodeFreeze: same states, milliseconds, wall-clock times, bounded lists.</summary>
internal static class NodeReport
{
    // The bound of the API (crds/manifests).
    private const int MaximumFilesystems = 64;

    /// <summary>The status to write.</summary>
    /// <param name="report">What the holder said.</param>
    /// <param name="generation">The generation of the plan.</param>
    /// <param name="identity">Who writes it.</param>
    /// <param name="time">The wall clock.</param>
    /// <param name="volumes">The volumes of the plan, to tell whose a mount is.</param>
    internal static NodeFreezeStatus Of(WindowReport report, long? generation, AgentIdentity identity, TimeProvider time, IReadOnlyList<NodeVolume>? volumes = null)
    {
        var ordered = report.Filesystems.OrderBy(Rank).ThenByDescending(f => f.FreezeNanoseconds ?? 0).ToList();
        return new NodeFreezeStatus
        {
            ObservedGeneration = generation ?? 1,
            Phase = Phase(report.Phase),
            Reason = report.Reason,
            Message = report.Message,
            BootID = identity.BootId,
            AgentInstance = identity.Instance,
            DeadlineSeconds = report.Deadline > 0 ? (int)(report.Deadline / 1_000_000_000) : null,
            FrozenAt = Wall(report.FrozenAt, time),
            ThawedAt = Wall(report.ReleasedAt, time),
            HolderProtected = report.HolderProtected,
            HolderProtectionMessage = report.HolderProtectionMessage,
            FrozenFilesystems = report.FrozenFilesystems,
            ThawedFilesystems = report.ThawedFilesystems,
            Filesystems = [.. ordered.Take(MaximumFilesystems).Select(f => Of(f, time, volumes ?? []))],
            FilesystemsOmitted = Math.Max(0, ordered.Count - MaximumFilesystems),
        };
    }

    private static FilesystemStatus Of(FilesystemReport f, TimeProvider time, IReadOnlyList<NodeVolume> volumes) => new()
    {
        Path = f.Path,
        Claim = volumes.FirstOrDefault(v => f.Path.EndsWith($"/{KubeletVolumes.Folder(v)}", StringComparison.Ordinal))?.Claim,
        State = State(f.State),
        Reason = f.Reason,
        Message = f.Message,
        Type = f.Type,
        Source = f.Source,
        Device = f.Device,
        FlushMilliseconds = Milliseconds(f.FlushNanoseconds),
        FlushedAt = Wall(f.FlushedAt, time),
        FreezeMilliseconds = Milliseconds(f.FreezeNanoseconds),
        FrozenAt = Wall(f.FrozenAt, time),
        HeldMilliseconds = Milliseconds(f.HeldNanoseconds),
        ThawMilliseconds = Milliseconds(f.ThawNanoseconds),
    };

    private static int Rank(FilesystemReport f) => f.State switch
    {
        Freezing.Reports.FilesystemState.Stuck => 0,
        Freezing.Reports.FilesystemState.Failed => 1,
        Freezing.Reports.FilesystemState.Refused => 2,
        Freezing.Reports.FilesystemState.Skipped => 4,
        _ => 3,
    };

    private static NodeFreezePhase Phase(WindowPhase phase) => phase switch
    {
        WindowPhase.Preparing => NodeFreezePhase.Preparing,
        WindowPhase.Prepared => NodeFreezePhase.Prepared,
        WindowPhase.Freezing => NodeFreezePhase.Freezing,
        WindowPhase.Frozen => NodeFreezePhase.Frozen,
        WindowPhase.Thawing => NodeFreezePhase.Thawing,
        WindowPhase.Thawed => NodeFreezePhase.Thawed,
        WindowPhase.Expired => NodeFreezePhase.Expired,
        WindowPhase.Broken => NodeFreezePhase.Broken,
        _ => NodeFreezePhase.Failed,
    };

    private static ApiState State(Freezing.Reports.FilesystemState state) => state switch
    {
        Freezing.Reports.FilesystemState.Resolved => ApiState.Resolved,
        Freezing.Reports.FilesystemState.Prepared => ApiState.Prepared,
        Freezing.Reports.FilesystemState.Freezing => ApiState.Freezing,
        Freezing.Reports.FilesystemState.Frozen => ApiState.Frozen,
        Freezing.Reports.FilesystemState.Thawing => ApiState.Thawing,
        Freezing.Reports.FilesystemState.Thawed => ApiState.Thawed,
        Freezing.Reports.FilesystemState.Skipped => ApiState.Skipped,
        Freezing.Reports.FilesystemState.Refused => ApiState.Refused,
        Freezing.Reports.FilesystemState.Failed => ApiState.Failed,
        _ => ApiState.Stuck,
    };

    // Moments are kept in CLOCK_BOOTTIME; people and the skew read the wall clock.
    private static DateTimeOffset? Wall(long? bootTime, TimeProvider time) =>
        bootTime is { } moment ? time.GetUtcNow() - TimeSpan.FromTicks((Native.BootTimeNanoseconds() - moment) / 100) : null;

    private static double? Milliseconds(long? nanoseconds) => nanoseconds is { } ns ? Math.Round(ns / 1e6, 3) : null;
}
