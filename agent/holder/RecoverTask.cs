using Quiesce.Freezing.Holders;
using Quiesce.Freezing.Journals;
using Quiesce.Freezing.Kernel;
using Quiesce.Freezing.Recovery;
using Quiesce.Freezing.Reports;
using Quiesce.Freezing.Windows;
using Tmds.Linux;

namespace Quiesce.Holder;

/// <summary>Ends the windows of dead holders, kills holders that nobody waits for any more, and reports each; a window that somebody holds is left to him.</summary>
internal sealed class RecoverTask(HolderOrder order, HolderChannel channel, LinuxKernel kernel, IReadOnlyList<int> descriptors)
{
    // A healthy holder whose agent has died thaws within this, in milliseconds; one that is stopped never does.
    private const int OrphansGrace = 25;

    // From SIGKILL until a process without a stuck call is gone.
    private const int KilledGrace = 50;

    internal int Run()
    {
        var windows = TakeOver(out var unreadable);
        foreach (var report in unreadable) _ = channel.TrySend(HolderCodec.Encode(report));
        new RecoveryRun((name, body) => Threads.Start(name, body), report => channel.TrySend(HolderCodec.Encode(report))).Run(windows, firstRound: () =>
        {
            RestoreGracePeriods();
            // Whoever waits for the first answers has them; what is stuck is this process's alone.
            _ = channel.TrySend(HolderCodec.Encode(new WindowReport { Phase = WindowPhase.Thawed }));
            if (windows.Any(w => !w.IsSettled)) _ = Protection.Leave();
        });
        RestoreGracePeriods(); // once more: a dead holder with a stuck call keeps its lock until that returns
        channel.Dispose();
        return 0;
    }

    private void RestoreGracePeriods()
    {
        foreach (var directory in order.Journals.Select(Path.GetDirectoryName).Distinct()) ExpeditedGracePeriods.RestoreLeftBehind(directory!, order.Plan.HostRoot);
    }

    private List<LeftWindow> TakeOver(out IReadOnlyList<WindowReport> unreadable)
    {
        List<(Journal Journal, IReadOnlyList<Descriptor> Kept)> found =
            [.. FoundJournals.Open(order.Journals, out unreadable).Select(f => (f.Journal, (IReadOnlyList<Descriptor>)(f.Index == 0 ? [.. descriptors.Select(fd => new Descriptor(fd))] : [])))];
        found.RemoveAll(f =>
        {
            if (IsGivenUp(f.Journal) || Judge(f.Journal) != Tenure.Kept) return false;
            f.Journal.Dispose();
            return true;
        });

        // Those that live are given a moment all together, then killed all together.
        _ = WaitFor(() => found.TrueForAll(f => f.Journal.TryAcquire() || IsGivenUp(f.Journal) || Judge(f.Journal) == Tenure.Dying), OrphansGrace);
        foreach (var (journal, _) in found)
            if (!journal.TryAcquire()) journal.Content.Holder.Kill();
        _ = WaitFor(() => found.TrueForAll(f => f.Journal.TryAcquire() || f.Journal.Content.Holder.Life() != ProcessLife.Alive), KilledGrace);

        var windows = found.ConvertAll(f => new LeftWindow(kernel, order.Plan.HostRoot, f.Journal, f.Kept));
        foreach (var window in windows) window.CloseUnneeded();
        return windows;
    }

    // Its agent, which gave us this order, has killed its holder.
    private bool IsGivenUp(Journal journal) => order.WindowId.Length > 0 && journal.WindowId == order.WindowId;

    private Tenure Judge(Journal journal) => TenureJudgement.Of(journal.Content, journal.IsOurs, kernel.BootTime(), process => process.Life());

    private static unsafe bool WaitFor(Func<bool> condition, int milliseconds)
    {
        for (; !condition(); milliseconds--)
        {
            if (milliseconds <= 0) return false;
            _ = LibC.poll(null, 0, 1);
        }
        return true;
    }
}
