using System.Reflection;
using Quiesce.Freezing.Kernel;
using Quiesce.Freezing.Planning;
using Quiesce.Freezing.Reports;
using Quiesce.Freezing.Windows;

namespace Quiesce.Freezing.Tests.Windows;

/// <summary>A window's rules one by one: times, messages, counts.</summary>
public sealed class WindowTests
{
    private const long Millisecond = WorldOptions.Millisecond;
    private const long Start = 10_000 * Millisecond;

    private static readonly WindowOptions AtOnce = new() { Deadline = 5_000 * Millisecond, FreezeTimeout = 2_000 * Millisecond, FreezeAtOnce = true };

    [Fact]
    public void Flushed_in_prepare_and_once_more_right_before_the_freeze()
    {
        var window = Make(AtOnce with { FreezeAtOnce = false }, 0, 0);
        Assert.Equal([Flush(0), Flush(1)], Take(window));
        window.Flushed(0, Errno.None, Start, Start + Millisecond);
        Assert.Equal(WindowPhase.Preparing, window.Phase);
        window.Flushed(1, Errno.None, Start, Start + Millisecond);
        Assert.Equal(WindowPhase.Prepared, window.Phase);
        Assert.Equal([Report], Take(window));
        window.CommandFreeze();
        Assert.Equal([Flush(0), Flush(1)], Take(window));
        window.CommandFreeze();
        Assert.Empty(Take(window));
    }

    [Fact]
    public void A_slow_flush_is_repeated_before_the_freeze_but_at_most_three_times_and_not_in_prepare()
    {
        var window = Make(AtOnce, 0);
        _ = Take(window);
        window.Flushed(0, Errno.None, Start, Start + (500 * Millisecond));
        for (var round = 0; round < 3; round++)
        {
            Assert.Equal(WindowPhase.Freezing, window.Phase);
            Assert.Contains(Flush(0), Take(window));
            Assert.Null(window.DeadlineAt);
            window.Flushed(0, Errno.None, Start, Start + (500 * Millisecond));
        }
        Assert.Contains(Freeze(0), Take(window));
        window.FreezeReturned(0, Errno.None, Start, Start);
        Assert.Equal(2_000 * Millisecond, window.Report(Start).Filesystems[0].FlushNanoseconds);
    }

    [Fact]
    public void The_deadline_counts_from_the_first_freeze_call()
    {
        var window = Make(AtOnce, 0);
        _ = Take(window);
        window.Flushed(0, Errno.None, Start, Start + Millisecond);
        Assert.Null(window.DeadlineAt);
        Assert.Equal(Start + (2_000 * Millisecond), window.NextTimer);
        window.Flushed(0, Errno.None, Start, Start + (7 * Millisecond));
        Assert.Equal([Report, Flush(0), Freeze(0), Report], Take(window));
        Assert.Equal(Start + (5_007 * Millisecond), window.DeadlineAt);
        window.FreezeReturned(0, Errno.None, Start, Start + (90 * Millisecond));
        Assert.Equal(WindowPhase.Frozen, window.Phase);
        Assert.Equal(window.DeadlineAt, window.NextTimer);
        window.TimeElapsed(window.NextTimer!.Value - 1);
        Assert.Equal(WindowPhase.Frozen, window.Phase);
        window.TimeElapsed(window.NextTimer!.Value);
        Assert.Equal(WindowPhase.Thawing, window.Phase);
        window.ThawReturned(0, Errno.None, written: false, Start + (5_010 * Millisecond), Start + (5_012 * Millisecond));
        var report = window.Report(Start + (5_012 * Millisecond));
        Assert.Equal((WindowPhase.Expired, FreezeReason.DeadlineExceeded, (bool?)false), (report.Phase, report.Reason, report.Intact));
        Assert.Equal((4_922 * Millisecond, 2 * Millisecond), (report.Filesystems[0].HeldNanoseconds!.Value, report.Filesystems[0].ThawNanoseconds!.Value));
        Assert.Equal(90 * Millisecond, report.Filesystems[0].FreezeNanoseconds);
        Assert.Equal(Start + (5_012 * Millisecond), report.ReleasedAt);
    }

    [Fact]
    public void A_raise_replaces_the_total_and_a_shorter_one_changes_nothing()
    {
        var window = Frozen(AtOnce, 0);
        var armed = window.DeadlineAt - window.Deadline;
        window.RaiseDeadline(8_000 * Millisecond, Start + (100 * Millisecond));
        Assert.Equal(armed + (8_000 * Millisecond), window.DeadlineAt);
        Assert.Equal([Report], Take(window));
        window.RaiseDeadline(7_000 * Millisecond, Start + (100 * Millisecond));
        Assert.Equal(armed + (8_000 * Millisecond), window.DeadlineAt);
        Assert.Empty(Take(window));
    }

    [Fact]
    public void A_raise_after_the_deadline_ends_the_window_even_before_the_clock_was_looked_at()
    {
        var window = Frozen(AtOnce, 0);
        window.RaiseDeadline(60_000 * Millisecond, window.DeadlineAt!.Value);
        Assert.Equal(WindowPhase.Thawing, window.Phase);
        Assert.Equal(5_000 * Millisecond, window.Deadline);
        Assert.Contains(Thaw(0), Take(window));
        Assert.Equal(FreezeReason.DeadlineExceeded, window.Report(window.DeadlineAt.Value).Reason);
    }

    [Fact]
    public void Not_confirmed_within_the_freeze_timeout_it_thaws_itself()
    {
        var window = Frozen(AtOnce with { RequireConfirmation = true }, 0);
        Assert.Equal(window.FrozenAt + (2_000 * Millisecond), window.NextTimer);
        window.TimeElapsed(window.NextTimer!.Value);
        Assert.Equal((WindowPhase.Thawing, FreezeReason.NotConfirmed), (window.Phase, window.Report(Start).Reason));

        window = Frozen(AtOnce with { RequireConfirmation = true }, 0);
        window.Confirm();
        Assert.Equal(window.DeadlineAt, window.NextTimer);
    }

    [Fact]
    public void A_stage_is_waited_for_two_hundred_milliseconds()
    {
        var window = Frozen(AtOnce, 0, 1);
        window.End(EndCause.ThawRequested, Start);
        Assert.Equal([Thaw(1), Report], Take(window));
        Assert.Equal(Start + (200 * Millisecond), window.NextTimer);
        window.TimeElapsed(Start + (200 * Millisecond));
        Assert.Equal([Thaw(0)], Take(window));
        window.ThawReturned(0, Errno.None, written: false, Start, Start + (210 * Millisecond));
        Assert.False(window.Finished);
        window.TimeElapsed(Start + (1_000 * Millisecond));
        Assert.Equal([Report], Take(window));
        var stuck = window.Report(Start + (1_000 * Millisecond)).Filesystems[1];
        Assert.Equal((FilesystemState.Stuck, FreezeReason.ThawStuck), (stuck.State, stuck.Reason));
        window.ThawReturned(1, Errno.None, written: false, Start, Start + (9_000 * Millisecond));
        Assert.Equal(WindowPhase.Thawed, window.Phase); // it was held without a break until the thaw was asked for
        Assert.Null(window.NextTimer);
    }

    [Fact]
    public void However_many_stages_hang_each_is_being_thawed_within_a_second()
    {
        var window = Frozen(AtOnce, [.. Enumerable.Range(0, 12)]);
        window.End(EndCause.Deadline, Start);
        var thawed = Take(window).Count(a => a.Kind == WindowActionKind.Thaw);
        while (window.NextTimer is { } timer)
        {
            Assert.True(timer <= Start + (1_000 * Millisecond));
            window.TimeElapsed(timer);
            thawed += Take(window).Count(a => a.Kind == WindowActionKind.Thaw);
        }
        Assert.Equal(12, thawed);
    }

    [Theory]
    [InlineData(Errno.Busy, FreezeReason.AlreadyFrozen, "frozen already by someone else")]
    [InlineData(Errno.NotPermitted, FreezeReason.PermissionDenied, "CAP_SYS_ADMIN")]
    [InlineData(Errno.AccessDenied, FreezeReason.PermissionDenied, "CAP_SYS_ADMIN")]
    [InlineData(Errno.InputOutput, FreezeReason.FreezeFailed, "EIO")]
    [InlineData(Errno.NotSupported, FreezeReason.FreezeNotSupported, "cannot freeze")]
    public void A_failed_freeze_rolls_back_and_says_what_failed_and_why(Errno error, string reason, string words)
    {
        var window = Frozen(AtOnce with { FailUnsupported = true }, [0, 0], except: 1);
        window.FreezeReturned(1, error, Start, Start);
        Assert.Contains(Thaw(0), Take(window));
        window.ThawReturned(0, Errno.None, written: false, Start, Start);
        var report = window.Report(Start);
        Assert.Equal((WindowPhase.Failed, reason, (bool?)null), (report.Phase, report.Reason, report.Intact));
        Assert.StartsWith("/fs1: ", report.Message, StringComparison.Ordinal);
        Assert.Contains(words, report.Message, StringComparison.Ordinal);
        Assert.Equal((1, 1), (report.FrozenFilesystems, report.ThawedFilesystems));
        Assert.Equal((FilesystemState.Failed, reason), (report.Filesystems[1].State, report.Filesystems[1].Reason));
        Assert.Equal(FilesystemState.Thawed, report.Filesystems[0].State);
    }

    [Fact]
    public void A_thaw_that_fails_three_times_is_broken_and_says_how_to_recover()
    {
        var window = Frozen(AtOnce, 0);
        window.End(EndCause.ThawRequested, Start);
        for (var i = 0; i < 3; i++)
        {
            Assert.Contains(Thaw(0), Take(window));
            window.ThawReturned(0, Errno.InputOutput, written: false, Start, Start);
        }
        Assert.DoesNotContain(Thaw(0), Take(window));
        var report = window.Report(Start);
        Assert.Equal((WindowPhase.Broken, FreezeReason.ThawFailed, (bool?)false), (report.Phase, report.Reason, report.Intact));
        Assert.Contains("quiesce-agent thaw /fs0", report.Message, StringComparison.Ordinal);
        Assert.True(window.OwesThaw);
    }

    [Theory]
    [InlineData(Errno.Invalid, false, FreezeReason.ThawedByOther)]
    [InlineData(Errno.None, true, FreezeReason.DeviceWritten)]
    public void A_window_that_did_not_hold_is_broken_whoever_ended_it(Errno answer, bool written, string reason)
    {
        foreach (var cause in (EndCause[])[EndCause.ThawRequested, EndCause.Deadline, EndCause.AgentDied])
        {
            var window = Frozen(AtOnce, 0, 0);
            window.End(cause, Start);
            window.ThawReturned(0, Errno.None, written: false, Start, Start);
            window.ThawReturned(1, answer, written, Start, Start);
            var report = window.Report(Start);
            Assert.Equal((WindowPhase.Broken, reason, (bool?)false), (report.Phase, report.Reason, report.Intact));
            Assert.StartsWith("/fs1: ", report.Message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void From_the_end_to_the_thaw_calls_nothing_is_allocated()
    {
        _ = Go(Frozen(AtOnce, [.. Enumerable.Range(0, 150), .. Enumerable.Repeat(149, 50)])); // compiles what is used
        Assert.Equal(0, Go(Frozen(AtOnce, [.. Enumerable.Range(0, 150), .. Enumerable.Repeat(149, 50)])));

        static long Go(Window window)
        {
            var before = GC.GetAllocatedBytesForCurrentThread();
            window.End(EndCause.Deadline, Start);
            // All but the last: with that one the verdict is put into words, and nothing is held any more.
            for (var left = window.Filesystems.Count; left > 1;)
                if (window.TryTake(out var action) && action.Kind == WindowActionKind.Thaw && left-- > 1)
                    window.ThawReturned(action.Index, Errno.None, written: false, Start, Start);
            return GC.GetAllocatedBytesForCurrentThread() - before;
        }
    }

    [Fact]
    public void The_explorer_digests_all_that_a_window_is()
    {
        const BindingFlags All = BindingFlags.Instance | BindingFlags.NonPublic | BindingFlags.Public;
        Assert.Equal(typeof(Window).GetFields(All).Select(f => f.Name).Order(StringComparer.Ordinal), WindowCopy.DigestedFields.Order(StringComparer.Ordinal));
        Assert.Equal(typeof(HeldFilesystem).GetProperties(All).Select(f => f.Name).Order(StringComparer.Ordinal), WindowCopy.DigestedProperties.Order(StringComparer.Ordinal));
    }

    private static WindowAction Report => new(WindowActionKind.Report, -1);

    private static WindowAction Flush(int index) => new(WindowActionKind.Flush, index);

    private static WindowAction Freeze(int index) => new(WindowActionKind.Freeze, index);

    private static WindowAction Thaw(int index) => new(WindowActionKind.Thaw, index);

    private static List<WindowAction> Take(Window window)
    {
        var actions = new List<WindowAction>();
        while (window.TryTake(out var action)) actions.Add(action);
        return actions;
    }

    private static Window Make(WindowOptions options, params int[] stages)
    {
        var window = new Window(options, [.. stages.Select((stage, i) => new PlannedFilesystem(
            $"/fs{i}", "ext4", $"/dev/loop{i}", new DeviceNumber(7, (uint)i), default, new Descriptor(i + 3), stage))], Start);
        window.Start();
        return window;
    }

    private static Window Frozen(WindowOptions options, params int[] stages) => Frozen(options, stages, except: -1);

    private static Window Frozen(WindowOptions options, int[] stages, int except)
    {
        var window = Make(options, stages);
        for (var round = 0; round < 2; round++)
            for (var i = 0; i < stages.Length; i++) window.Flushed(i, Errno.None, Start, Start);
        for (var i = 0; i < stages.Length; i++)
            if (i != except) window.FreezeReturned(i, Errno.None, Start, Start);
        _ = Take(window);
        Assert.Equal(except < 0 ? WindowPhase.Frozen : WindowPhase.Freezing, window.Phase);
        return window;
    }
}
