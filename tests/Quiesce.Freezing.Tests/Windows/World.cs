using Quiesce.Freezing.Journals;
using Quiesce.Freezing.Kernel;
using Quiesce.Freezing.Tests.Simulation;
using Quiesce.Freezing.Windows;

namespace Quiesce.Freezing.Tests.Windows;

/// <summary>One state of a case: the window, its calls, the kernel, the journal, the clock, and what is true but not known.</summary>
internal sealed class World
{
    private const long Start = 1_000_000_000;
    private readonly Machine machine;
    private readonly FilesystemCalls calls;
    private readonly Cell[] cells;
    private readonly int[] left;
    private bool finalReported;

    internal World(Machine machine)
    {
        this.machine = machine;
        cells = new Cell[machine.Plan.Count];
        var o = machine.Options;
        left = [o.Errors, o.Ends.Length > 0 ? 1 : 0, o.StrangerFreezes, o.StrangerThaws, o.Writes, o.SlowFlushes, o.LateClocks, o.Raises,
            o.Window.FreezeAtOnce ? 0 : 1, o.Window.RequireConfirmation ? 1 : 0];
        Now = Start;
        LayDown();
        Window = new Window(o.Window, machine.Plan, Now);
        calls = new FilesystemCalls(machine.Kernel, machine.Journal, Window, this);
        Window.Start();
        CarryOut();
    }

    private World(World from)
    {
        machine = from.machine;
        cells = [.. from.cells];
        left = [.. from.left];
        Now = from.Now;
        OpenAtEnd = from.OpenAtEnd;
        EndedBy = from.EndedBy;
        finalReported = from.finalReported;
        Window = WindowCopy.Of(from.Window);
        calls = new FilesystemCalls(machine.Kernel, machine.Journal, Window, this);
    }

    internal Machine Machine => machine;

    internal Window Window { get; }

    internal long Now { get; private set; }

    /// <summary>Whether the window was open when it was ended.</summary>
    internal bool OpenAtEnd { get; private set; }

    /// <summary>What ended it.</summary>
    internal WorldEvent? EndedBy { get; private set; }

    internal int Count => cells.Length;

    internal Ghost Ghost(int index) => cells[index].Ghost;

    internal CallStep StepOf(int index) => cells[index].Step;

    internal WindowAction ActionOf(int index) => cells[index].Action;

    internal Freezer FrozenBy(int index) => cells[index].FrozenBy;

    internal JournalState JournalStateOf(int index) => cells[index].JournalState;

    internal bool IsOutstanding(int index, WindowActionKind kind) => cells[index].Step != CallStep.None && cells[index].Action.Kind == kind;

    internal World Copy() => new(this);

    internal UInt128 Digest()
    {
        var digest = new Digest(17);
        WindowCopy.Digest(Window, ref digest);
        for (var i = 0; i < cells.Length; i++)
        {
            digest.Add((long)cells[i].Step | ((long)cells[i].FrozenBy << 8) | ((long)cells[i].JournalState << 16) | ((long)cells[i].Answer << 32));
            digest.Add(cells[i].Step == CallStep.None ? -1 : (long)cells[i].Action.Kind);
            digest.Add(cells[i].Step >= CallStep.Begun ? cells[i].Call.Sectors : null);
            digest.Add(cells[i].Step >= CallStep.Begun ? cells[i].Call.Started : null);
            digest.Add(cells[i].Sectors);
            digest.Add((long)cells[i].JournalResult);
            var g = cells[i].Ghost;
            digest.Add(g.FrozeAt);
            digest.Add((g.Late ? 1 : 0) | (g.StrangerThawed ? 2 : 0) | (g.StrangerTookOver ? 4 : 0) | (g.Written ? 8 : 0));
            digest.Add((long?)g.ThawAnswer);
            digest.Add(g.ThawPostedAt);
        }
        foreach (var budget in left) digest.Add(budget);
        digest.Add(Now);
        digest.Add(OpenAtEnd ? 1 : 0);
        digest.Add(EndedBy is { } e ? ((long)e.Kind << 16) + (e.Index << 8) + e.Value : -1);
        return digest.Value;
    }

    /// <summary>Everything that can happen next; nothing when it is over.</summary>
    internal List<WorldEvent> Possible()
    {
        var o = machine.Options;
        var events = new List<WorldEvent>();
        for (var i = 0; i < cells.Length; i++)
        {
            switch (cells[i].Step)
            {
                case CallStep.Posted when cells[i].Action.Kind == WindowActionKind.Flush:
                    events.Add(new(EventKind.Flush, i));
                    if (left[5] > 0) events.Add(new(EventKind.Flush, i, -1));
                    AddErrors(EventKind.Flush, i, o.FlushErrors);
                    break;
                case CallStep.Posted:
                    events.Add(new(EventKind.Begin, i));
                    break;
                case CallStep.Begun:
                    events.Add(new(EventKind.Enter, i));
                    AddErrors(EventKind.Enter, i, cells[i].Action.Kind == WindowActionKind.Freeze ? o.FreezeErrors : o.ThawErrors);
                    break;
                case CallStep.Entered:
                    events.Add(new(EventKind.Complete, i));
                    break;
                default:
                    break;
            }
        }
        if (Window.Finished && events.Count == 0) return [];
        if (Window.NextTimer is { } timer)
        {
            events.Add(new(EventKind.Timer));
            if (left[6] > 0 && timer >= Now) events.Add(new(EventKind.LateClock));
        }
        if (left[8] > 0) events.Add(new(EventKind.Freeze));
        if (left[9] > 0) events.Add(new(EventKind.Confirm));
        if (left[7] > 0) events.Add(new(EventKind.Raise));
        if (left[1] > 0) events.AddRange(o.Ends.Select((_, i) => new WorldEvent(EventKind.End, i)));
        for (var i = 0; i < cells.Length; i++)
        {
            if (left[2] > 0 && cells[i].FrozenBy == Freezer.Nobody && machine.Filesystems[i].CanFreeze) events.Add(new(EventKind.StrangerFreezes, i));
            if (left[3] > 0 && cells[i].FrozenBy != Freezer.Nobody) events.Add(new(EventKind.StrangerThaws, i));
            if (left[4] > 0 && (cells[i].Step == CallStep.None || cells[i].Step == CallStep.Posted)) events.Add(new(EventKind.Write, i));
        }
        return events;

        void AddErrors(EventKind kind, int index, Errno[] errors)
        {
            if (left[0] > 0)
                foreach (var error in errors) events.Add(new(kind, index, (int)error));
        }
    }

    /// <summary>Lets one thing happen.</summary>
    internal void Apply(WorldEvent e)
    {
        LayDown();
        var (endedBefore, phaseBefore) = (Window.Ended, Window.Phase);
        var i = e.Index;
        switch (e.Kind)
        {
            case EventKind.Flush:
                var flush = calls.Begin(cells[i].Action)!.Value;
                if (e.Value < 0) Spend(5, () => Now = machine.Kernel.Now += 60 * WorldOptions.Millisecond);
                else if (e.Value > 0) left[0]--;
                cells[i].Step = CallStep.None;
                calls.Complete(flush, e.Value > 0 ? (Errno)e.Value : calls.Enter(cells[i].Action));
                break;
            case EventKind.Begin:
                Begin(i);
                break;
            case EventKind.Enter:
                Enter(i, (Errno)e.Value);
                break;
            case EventKind.Complete:
                cells[i].Step = CallStep.None;
                if (cells[i].Action.Kind == WindowActionKind.Freeze && cells[i].Answer == Errno.None) (cells[i].Ghost.FrozeAt, cells[i].Ghost.Late) = (Now, endedBefore);
                if (cells[i].Action.Kind == WindowActionKind.Thaw) cells[i].Ghost.ThawAnswer = cells[i].Answer;
                calls.Complete(cells[i].Call, cells[i].Answer);
                break;
            case EventKind.Timer:
                Now = machine.Kernel.Now = Math.Max(Now, Window.NextTimer!.Value);
                var due = Window.DeadlineAt <= Now || (Window.Phase < WindowPhase.Frozen && Now >= Start + machine.Options.Window.FreezeTimeout);
                Window.TimeElapsed(Now);
                Invariants.Check(!due || Window.Ended, "its time is up and it goes on");
                break;
            case EventKind.LateClock:
                Spend(6, () => Now = Window.NextTimer!.Value + WorldOptions.Millisecond);
                break;
            case EventKind.Freeze:
                Spend(8, Window.CommandFreeze);
                break;
            case EventKind.Confirm:
                Spend(9, Window.Confirm);
                break;
            case EventKind.Raise:
                var tooLate = Window.DeadlineAt <= Now;
                Spend(7, () => Window.RaiseDeadline(Window.Deadline * 2, Now));
                Invariants.Check(!tooLate || Window.Ended, "the deadline was raised after it had passed");
                break;
            case EventKind.End:
                Spend(1, () => Window.End(machine.Options.Ends[i], Now));
                break;
            case EventKind.StrangerFreezes:
                Spend(2, () => Assert.Equal(Errno.None, SimulatedKernel.FreezeAsStranger(machine.Filesystems[i])));
                cells[i].Ghost.StrangerTookOver |= cells[i].Ghost.StrangerThawed;
                break;
            case EventKind.StrangerThaws:
                cells[i].Ghost.StrangerThawed |= cells[i].FrozenBy == Freezer.Caller;
                Spend(3, () => Assert.Equal(Errno.None, SimulatedKernel.ThawAsStranger(machine.Filesystems[i])));
                break;
            case EventKind.Write:
                cells[i].Ghost.Written |= cells[i].Ghost.Froze && cells[i].Ghost.ThawAnswer != Errno.None;
                Spend(4, () => machine.Filesystems[i].SectorsWritten += 8);
                break;
            default:
                throw new ArgumentOutOfRangeException(nameof(e));
        }
        if (!endedBefore && Window.Ended)
        {
            OpenAtEnd = phaseBefore == WindowPhase.Frozen;
            EndedBy = e;
        }
        CarryOut(late: e.Kind == EventKind.Complete ? i : -1);
        TakeUp();
    }

    /// <summary>The kernel carries out every call that has entered it, as it does for a process that was killed.</summary>
    internal void EnterAllBegun(int subset)
    {
        LayDown();
        for (var i = 0; i < cells.Length; i++)
            if (cells[i].Step == CallStep.Begun && (subset & (1 << i)) != 0) cells[i].Answer = calls.Enter(cells[i].Action);
        TakeUp();
    }

    /// <summary>What was stuck in the kernel is carried out at last, its process long dead.</summary>
    internal void EnterStuck(int subset)
    {
        for (var i = 0; i < cells.Length; i++)
            if ((subset & (1 << i)) != 0) _ = calls.Enter(cells[i].Action);
    }

    /// <summary>Lays this state into the machine.</summary>
    internal void LayDown()
    {
        machine.Kernel.Now = Now;
        for (var i = 0; i < cells.Length; i++)
        {
            machine.Filesystems[i].FrozenBy = cells[i].FrozenBy;
            machine.Filesystems[i].SectorsWritten = cells[i].Sectors;
            machine.Journal.Restore(i, cells[i].JournalState, cells[i].JournalResult);
        }
    }

    /// <summary>Takes over what the machine has become.</summary>
    internal void TakeUp()
    {
        for (var i = 0; i < cells.Length; i++)
        {
            cells[i].FrozenBy = machine.Filesystems[i].FrozenBy;
            cells[i].Sectors = machine.Filesystems[i].SectorsWritten!.Value;
            cells[i].JournalState = machine.Journal.State(i);
            cells[i].JournalResult = machine.Journal.Result(i);
        }
    }

    private void Begin(int i)
    {
        if (cells[i].Action.Kind == WindowActionKind.Freeze && !Window.Ended) Invariants.MayBeginFreeze(this, i);
        var endedBefore = Window.Ended;
        if (calls.Begin(cells[i].Action) is { } call)
        {
            Invariants.Check(cells[i].Action.Kind != WindowActionKind.Freeze || !endedBefore, $"the freeze of {i} begins after the end");
            cells[i].Call = call;
            cells[i].Step = CallStep.Begun;
        }
        else
        {
            cells[i].Step = CallStep.None;
        }
    }

    private void Enter(int i, Errno injected)
    {
        var before = machine.Filesystems[i].FrozenBy;
        if (injected != Errno.None) left[0]--;
        cells[i].Answer = injected != Errno.None ? injected : calls.Enter(cells[i].Action);
        cells[i].Step = CallStep.Entered;
        if (cells[i].Action.Kind == WindowActionKind.Thaw && cells[i].Answer == Errno.None && before == Freezer.Stranger)
            Invariants.Check(cells[i].Ghost.StrangerTookOver, $"{i} was thawed though another program froze it");
    }

    // Takes what the window wants done, as the holder does after every call of it.
    private void CarryOut(int late = -1)
    {
        var final = false;
        while (Window.TryTake(out var action))
        {
            if (action.Kind == WindowActionKind.Report)
            {
                Invariants.Report(this, Window.Report(Now));
                final = Window.Finished;
                continue;
            }
            var i = action.Index;
            Invariants.Check(cells[i].Step == CallStep.None, $"{action.Kind} of {i} is wanted while its {cells[i].Action.Kind} has not returned");
            if (action.Kind == WindowActionKind.Thaw) Invariants.MayPostThaw(this, i, late == i);
            if (action.Kind == WindowActionKind.Thaw) cells[i].Ghost.ThawPostedAt ??= Now;
            cells[i].Step = CallStep.Posted;
            cells[i].Action = action;
        }
        if (Window.Finished && !finalReported) Invariants.Check(final, "finished without a last report");
        finalReported |= final;
    }

    private void Spend(int budget, Action happening)
    {
        left[budget]--;
        happening();
    }

    private struct Cell
    {
        internal CallStep Step;
        internal WindowAction Action;
        internal FilesystemCalls.Call Call;
        internal Errno Answer;
        internal Freezer FrozenBy;
        internal long Sectors;
        internal JournalState JournalState;
        internal Errno JournalResult;
        internal Ghost Ghost;
    }
}
