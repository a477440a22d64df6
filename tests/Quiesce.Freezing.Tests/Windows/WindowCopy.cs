using System.Runtime.CompilerServices;
using Quiesce.Freezing.Windows;

namespace Quiesce.Freezing.Tests.Windows;

/// <summary>Copies a window, and digests its whole state, so that a state met twice is explored once.</summary>
internal static class WindowCopy
{
    /// <summary>A window in the same state that goes its own way.</summary>
    internal static Window Of(Window window)
    {
        var copy = (Window)Clone(window);
        ref var filesystems = ref Filesystems(copy);
        filesystems = [.. filesystems];
        for (var i = 0; i < filesystems.Length; i++) filesystems[i] = (HeldFilesystem)Clone(filesystems[i]);
        Assert.Empty(Actions(window)); // all were taken
        Actions(copy) = new Queue<WindowAction>();
        return copy;
    }

    /// <summary>Adds everything that tells one state of a window from another. <see cref="DigestedFields"/> are all it has.</summary>
    internal static void Digest(Window window, ref Digest digest)
    {
        digest.Add((long)window.Phase);
        digest.Add(FreezeCommanded(window) ? 1 : 0);
        digest.Add(Confirmed(window) ? 1 : 0);
        digest.Add(window.Deadline);
        digest.Add(ArmedAt(window));
        digest.Add(ConfirmBy(window));
        digest.Add(FreezeStage(window));
        digest.Add(ThawStage(window));
        digest.Add(ThawStageUntil(window));
        digest.Add(StuckReportAt(window));
        digest.Add(EndedAt(window));
        digest.Add(WasOpen(window) ? 1 : 0);
        digest.Add(window.FrozenAt);
        digest.Add(window.ReleasedAt);
        digest.Add(Cause(window)?.Message);
        foreach (var f in window.Filesystems)
        {
            digest.Add((long)f.Step);
            digest.Add(f.Step == HoldStep.Freezing ? f.CallStarted : null);
            digest.Add(f.FlushRounds);
            digest.Add(f.ThawAttempts);
            digest.Add(f.FlushNanoseconds);
            digest.Add(f.FlushedAt);
            digest.Add(f.FreezeNanoseconds);
            digest.Add(f.FrozenAt);
            digest.Add(f.HeldNanoseconds);
            digest.Add(f.ThawNanoseconds);
            digest.Add((long)f.ThawError);
            digest.Add(f.SectorsAtFreeze);
            digest.Add(f.Written ? 1 : 0);
            digest.Add(f.Message);
        }
    }

    /// <summary>The fields that are digested or never change; a test compares them with what the classes have.</summary>
    internal static IReadOnlyList<string> DigestedFields { get; } =
    [
        "options", "filesystems", "lastStage", "freezeTimeoutAt", "actions", "freezeCommanded", "confirmed", "deadline", "armedAt", "confirmBy",
        "freezeStage", "thawStage", "thawStageUntil", "stuckReportAt", "endedAt", "wasOpen", "cause", "<Phase>k__BackingField",
        "<FrozenAt>k__BackingField", "<ReleasedAt>k__BackingField",
    ];

    /// <inheritdoc cref="DigestedFields"/>
    internal static IReadOnlyList<string> DigestedProperties { get; } =
    [
        "Plan", "Step", "CallStarted", "FlushRounds", "ThawAttempts", "FlushNanoseconds", "FlushedAt", "FreezeNanoseconds", "FrozenAt", "HeldNanoseconds", "ThawNanoseconds",
        "ThawError", "SectorsAtFreeze", "Written", "Reason", "Message", "IsReleased",
    ];

    internal static EndCause? CauseOf(Window window) => Cause(window);

    internal static long? EndedAtOf(Window window) => EndedAt(window);

    internal static long? ArmedAtOf(Window window) => ArmedAt(window);

    [UnsafeAccessor(UnsafeAccessorKind.Method, Name = "MemberwiseClone")]
    private static extern object Clone(object of);

    [UnsafeAccessor(UnsafeAccessorKind.Field, Name = "filesystems")]
    private static extern ref HeldFilesystem[] Filesystems(Window of);

    [UnsafeAccessor(UnsafeAccessorKind.Field, Name = "actions")]
    private static extern ref Queue<WindowAction> Actions(Window of);

    [UnsafeAccessor(UnsafeAccessorKind.Field, Name = "freezeCommanded")]
    private static extern ref bool FreezeCommanded(Window of);

    [UnsafeAccessor(UnsafeAccessorKind.Field, Name = "confirmed")]
    private static extern ref bool Confirmed(Window of);

    [UnsafeAccessor(UnsafeAccessorKind.Field, Name = "armedAt")]
    private static extern ref long? ArmedAt(Window of);

    [UnsafeAccessor(UnsafeAccessorKind.Field, Name = "confirmBy")]
    private static extern ref long? ConfirmBy(Window of);

    [UnsafeAccessor(UnsafeAccessorKind.Field, Name = "freezeStage")]
    private static extern ref int FreezeStage(Window of);

    [UnsafeAccessor(UnsafeAccessorKind.Field, Name = "thawStage")]
    private static extern ref int ThawStage(Window of);

    [UnsafeAccessor(UnsafeAccessorKind.Field, Name = "thawStageUntil")]
    private static extern ref long? ThawStageUntil(Window of);

    [UnsafeAccessor(UnsafeAccessorKind.Field, Name = "stuckReportAt")]
    private static extern ref long? StuckReportAt(Window of);

    [UnsafeAccessor(UnsafeAccessorKind.Field, Name = "endedAt")]
    private static extern ref long? EndedAt(Window of);

    [UnsafeAccessor(UnsafeAccessorKind.Field, Name = "wasOpen")]
    private static extern ref bool WasOpen(Window of);

    [UnsafeAccessor(UnsafeAccessorKind.Field, Name = "cause")]
    private static extern ref EndCause? Cause(Window of);
}
