using Quiesce.Freezing.Kernel;
using Quiesce.Freezing.Reports;

namespace Quiesce.Freezing.Windows;

/// <summary>What can honestly be said of a window, from what its filesystems went through.</summary>
internal static class Verdict
{
    /// <summary>The final phase. A window that someone else broke is Broken whatever ended it.</summary>
    internal static WindowPhase FinalPhase(Window window, bool wasOpen, EndCause cause) => Judge(window, wasOpen, cause).Phase;

    internal static WindowReport Of(Window window, bool wasOpen, EndCause? cause, Func<HeldFilesystem, bool> isStuck)
    {
        var (reason, message) = cause is null ? (null, null)
            : window.Finished ? Judge(window, wasOpen, cause) is var v ? (v.Reason, v.Message) : default
            : (cause.Reason, cause.Message);
        var filesystems = window.Filesystems;
        return new WindowReport
        {
            Phase = window.Phase,
            Reason = reason,
            Message = message,
            Deadline = window.Deadline,
            DeadlineAt = window.DeadlineAt,
            FrozenAt = window.FrozenAt,
            ReleasedAt = window.ReleasedAt,
            FrozenFilesystems = filesystems.Count(f => WasFrozen(f)),
            ThawedFilesystems = filesystems.Count(f => f.Step == HoldStep.Thawed),
            Filesystems = [.. filesystems.Select(f => Of(f, cause, isStuck(f)))],
        };
    }

    private static (WindowPhase Phase, string Reason, string Message) Judge(Window window, bool wasOpen, EndCause cause)
    {
        var failed = First(window, f => f.Step == HoldStep.ThawFailed);
        if (failed is not null)
            return (wasOpen ? WindowPhase.Broken : WindowPhase.Failed, FreezeReason.ThawFailed, ThawFailed(failed));
        if (!wasOpen)
            return cause.Reason == FreezeReason.ThawRequested
                ? (WindowPhase.Failed, FreezeReason.ThawedBeforeFrozen, "ended by the caller before everything was frozen")
                : (WindowPhase.Failed, cause.Reason, cause.Message);
        if (First(window, f => f.Step == HoldStep.NotHeld) is { } lost)
            return (WindowPhase.Broken, FreezeReason.ThawedByOther, NotHeld(lost, cause));
        if (First(window, f => f.Written) is { } written)
            return (WindowPhase.Broken, FreezeReason.DeviceWritten, Written(written));
        return cause.Reason switch
        {
            FreezeReason.ThawRequested => (WindowPhase.Thawed, cause.Reason, cause.Message),
            FreezeReason.DeadlineExceeded => (WindowPhase.Expired, cause.Reason, cause.Message),
            _ => (WindowPhase.Broken, cause.Reason, cause.Message),
        };
    }

    private static HeldFilesystem? First(Window window, Func<HeldFilesystem, bool> condition) => window.Filesystems.FirstOrDefault(condition);

    private static bool WasFrozen(HeldFilesystem f) =>
        f.Step is HoldStep.Frozen or HoldStep.Thawing or HoldStep.Thawed or HoldStep.NotHeld or HoldStep.ThawFailed;

    private static FilesystemReport Of(HeldFilesystem f, EndCause? cause, bool stuck)
    {
        var (state, reason, message) = f.Step switch
        {
            HoldStep.Resolved or HoldStep.Flushing => (cause is null ? FilesystemState.Resolved : FilesystemState.Failed, Given(cause), Untouched(f, cause)),
            HoldStep.Flushed => (cause is null ? FilesystemState.Prepared : FilesystemState.Failed, f.Reason ?? Given(cause), f.Message ?? Untouched(f, cause)),
            HoldStep.Freezing when stuck => (FilesystemState.Stuck, FreezeReason.FreezeStuck, StuckCalls.Freeze(f.Plan.Path)),
            HoldStep.Freezing => (FilesystemState.Freezing, null, null),
            HoldStep.Frozen => (FilesystemState.Frozen, null, null),
            HoldStep.Thawing when stuck => (FilesystemState.Stuck, FreezeReason.ThawStuck, StuckCalls.Thaw(f.Plan.Path)),
            HoldStep.Thawing => (FilesystemState.Thawing, null, null),
            HoldStep.Thawed when f.Written => (FilesystemState.Thawed, FreezeReason.DeviceWritten, Written(f)),
            HoldStep.Thawed => (FilesystemState.Thawed, null, null),
            HoldStep.NotHeld => (FilesystemState.Failed, FreezeReason.ThawedByOther, NotHeld(f, cause)),
            HoldStep.Unsupported => (FilesystemState.Skipped, FreezeReason.FreezeNotSupported, $"{f.Plan.Path}: {f.Plan.Type} cannot freeze; it was left out"),
            HoldStep.ThawFailed => (FilesystemState.Failed, FreezeReason.ThawFailed, ThawFailed(f)),
            _ => (FilesystemState.Failed, f.Reason ?? Given(cause), f.Message ?? Untouched(f, cause)),
        };
        return new FilesystemReport
        {
            Path = f.Plan.Path,
            State = state,
            Reason = reason,
            Message = message,
            Type = f.Plan.Type,
            Source = f.Plan.Source,
            Device = f.Plan.Superblock.ToString(),
            FlushNanoseconds = f.FlushNanoseconds > 0 ? f.FlushNanoseconds : null,
            FlushedAt = f.FlushedAt,
            FreezeNanoseconds = f.FreezeNanoseconds,
            FrozenAt = f.FrozenAt > 0 ? f.FrozenAt : null,
            HeldNanoseconds = f.HeldNanoseconds,
            ThawNanoseconds = f.ThawNanoseconds,
        };
    }

    private static string? Given(EndCause? cause) => cause is null ? null : FreezeReason.RolledBack;

    private static string? Untouched(HeldFilesystem f, EndCause? cause) =>
        cause is null ? null : $"{f.Plan.Path}: not frozen, the window ended before";

    private static string NotHeld(HeldFilesystem f, EndCause? cause) => cause == EndCause.ThawedByRequest
        ? $"{f.Plan.Path}: {cause.Message}"
        : $"{f.Plan.Path}: was not frozen any more when it was to be thawed (EINVAL): someone else thawed it; do not trust what was copied in this window";

    private static string Written(HeldFilesystem f) =>
        $"{f.Plan.Path}: its device {f.Plan.Superblock} was written to while it was frozen; do not trust what was copied in this window";

    private static string ThawFailed(HeldFilesystem f) =>
        $"{f.Plan.Path}: FITHAW failed with {f.ThawError.Describe()} {f.ThawAttempts} times and the filesystem may still be frozen; "
        + $"run 'quiesce-agent thaw {f.Plan.Path}' or 'fsfreeze --unfreeze {f.Plan.Path}' on the node, and check the device's health";
}
