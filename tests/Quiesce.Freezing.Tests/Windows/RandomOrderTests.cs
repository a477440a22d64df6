using CsCheck;
using Quiesce.Freezing.Kernel;
using Quiesce.Freezing.Windows;

namespace Quiesce.Freezing.Tests.Windows;

/// <summary>Larger windows, with everything that can happen, in orders drawn at random; a failure is shrunk and names its seed.</summary>
public sealed class RandomOrderTests
{
    private const long Millisecond = WorldOptions.Millisecond;

    private static readonly long[] Deadlines = [1, 300, 5_000];
    private static readonly long[] Timeouts = [1, 500, 2_000];

    /// <summary>A case, and which of the possible events comes at each step; from one step on the calls of some filesystems never return.</summary>
    private sealed record Run(WorldOptions Options, int[] Choices, int StuckFrom, int Stuck);

    private static readonly Gen<WorldOptions> AnyOptions =
        from jumps in Gen.Bool.Array[0, 7]
        from unsupported in Gen.Int[0, 7].Array[0, 2]
        from atOnce in Gen.Bool
        from confirm in Gen.Bool
        from fail in Gen.Bool
        from deadline in Gen.Int[0, 2].Select(i => Deadlines[i])
        from timeout in Gen.Int[0, 2].Select(i => Timeouts[i])
        from budgets in Gen.Int[0, 3].Array[7]
        select new WorldOptions
        {
            Stages = Stages(jumps),
            Unsupported = unsupported,
            Window = new WindowOptions { Deadline = deadline * Millisecond, FreezeTimeout = timeout * Millisecond, FreezeAtOnce = atOnce, RequireConfirmation = confirm, FailUnsupported = fail },
            FlushErrors = [Errno.InputOutput, Errno.Interrupted],
            FreezeErrors = [Errno.Busy, Errno.NotSupported, Errno.NotPermitted, Errno.InputOutput, Errno.Interrupted, Errno.NoMemory, Errno.TryAgain],
            ThawErrors = [Errno.InputOutput, Errno.Interrupted, Errno.TryAgain, Errno.NotPermitted],
            Ends = [EndCause.ThawRequested, EndCause.AgentDied, EndCause.Stopped, EndCause.CommandGone, EndCause.ThawedByRequest],
            Errors = budgets[0],
            StrangerFreezes = budgets[1],
            StrangerThaws = budgets[2],
            Writes = budgets[3],
            SlowFlushes = budgets[4],
            LateClocks = budgets[5],
            Raises = budgets[6],
        };

    private static readonly Gen<Run> AnyRun =
        from options in AnyOptions
        from choices in Gen.Int[0, 99_999].Array[0, 300]
        from start in Gen.Int[0, 200]
        from stuck in Gen.Int[0, 255]
        select new Run(options, choices, start, stuck);

    [Fact]
    public void Up_to_eight_filesystems_in_any_order()
    {
        var (runs, events, crashes) = (0L, 0L, 0L);
        AnyRun.Sample(run =>
        {
            var (e, c) = Go(run with { StuckFrom = int.MaxValue });
            _ = Interlocked.Increment(ref runs);
            _ = Interlocked.Add(ref events, e);
            _ = Interlocked.Add(ref crashes, c);
        }, iter: 10_000, print: Print);
        Console.WriteLine($"[figure] windows of up to eight filesystems: {runs:N0} random runs, {events:N0} events, {crashes:N0} crashes recovered");
    }

    [Fact]
    public void Calls_that_never_return_hold_up_no_other()
    {
        var (runs, events) = (0L, 0L);
        AnyRun.Sample(run =>
        {
            var (e, _) = Go(run);
            _ = Interlocked.Increment(ref runs);
            _ = Interlocked.Add(ref events, e);
        }, iter: 10_000, print: Print);
        Console.WriteLine($"[figure] windows with calls that never return: {runs:N0} random runs, {events:N0} events");
    }

    private static (long Events, long Crashes) Go(Run run)
    {
        var world = new World(new Machine(run.Options));
        var trace = new List<WorldEvent>();
        var crashes = 0L;
        try
        {
            for (var step = 0; ; step++)
            {
                Invariants.State(world);
                if (step % 8 == 0) crashes += Invariants.Crash(world).Holders;
                var stuck = step >= run.StuckFrom ? run.Stuck : 0;
                var possible = world.Possible().Where(e => !IsOfCall(e) || (stuck & (1 << e.Index)) == 0).ToList();
                if (possible.Count == 0)
                {
                    if (stuck == 0 || world.Window.Finished) Invariants.End(world);
                    else Invariants.OnlyStuckOnesRemain(world, stuck);
                    return (trace.Count, crashes);
                }
                // Once the choices are used up, the first event: calls return before the clock goes on.
                var e = step < run.Choices.Length ? Choose(possible, run.Choices[step]) : possible[0];
                trace.Add(e);
                world.Apply(e);
            }
        }
        catch (InvariantException e)
        {
            throw new InvariantException($"{e.Message}\nafter: {string.Join(", ", trace)}");
        }
    }

    // Errors, the clock and the ends are rare, else hardly a window would ever be open.
    private static WorldEvent Choose(List<WorldEvent> possible, int choice)
    {
        var kinds = choice % 100 < 88 ? possible.Where(e => IsOfCall(e) && e.Value <= 0).ToList()
            : choice % 100 < 91 ? possible.Where(e => e.Value > 0).ToList()
            : choice % 100 < 97 ? possible.Where(e => e.Kind is EventKind.Freeze or EventKind.Confirm or EventKind.Raise or EventKind.StrangerFreezes or EventKind.StrangerThaws or EventKind.Write).ToList()
            : possible.Where(e => e.Kind is EventKind.Timer or EventKind.LateClock or EventKind.End).ToList();
        return kinds.Count > 0 ? kinds[choice / 100 % kinds.Count] : possible[choice % possible.Count];
    }

    private static bool IsOfCall(WorldEvent e) => e.Kind is EventKind.Flush or EventKind.Begin or EventKind.Enter or EventKind.Complete;

    private static int[] Stages(bool[] jumps)
    {
        var stages = new int[jumps.Length + 1];
        for (var i = 0; i < jumps.Length; i++) stages[i + 1] = stages[i] + (jumps[i] ? 1 : 0);
        return stages;
    }

    private static string Print(Run run) =>
        $"stages {string.Join(' ', run.Options.Stages)}, unsupported {string.Join(' ', run.Options.Unsupported)}, {run.Options.Window}, stuck {run.Stuck} from {run.StuckFrom}, choices {string.Join(' ', run.Choices)}";
}
