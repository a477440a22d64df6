using Quiesce.Freezing.Holders;
using Quiesce.Freezing.Kernel;
using Quiesce.Freezing.Recovery;
using Quiesce.Freezing.Reports;
using Quiesce.Freezing.Windows;

namespace Quiesce.Holder;

/// <summary>Thaws whatever is frozen, whoever froze it, and counts each filesystem once.</summary>
internal static class UnconditionalThawTask
{
    private const int Patience = 10_000;

    internal static int Run(HolderOrder order, HolderChannel channel, LinuxKernel kernel)
    {
        var (targets, findings, refusal) = UnconditionalThaw.Find(kernel, order.Plan);
        var parallel = new ParallelThaw();
        var answers = refusal is not null ? [] : parallel.Run([.. targets.Select(t => (
            new FilesystemReport { Path = t.Path, Type = t.Mount.Type, Source = t.Mount.Source, Device = t.Mount.Superblock.ToString() },
            (Func<FilesystemReport>)(() => UnconditionalThaw.Thaw(kernel, order.Plan.HostRoot, t))))], Patience);
        var filesystems = (IReadOnlyList<FilesystemReport>)[.. findings, .. answers];
        var trouble = filesystems.FirstOrDefault(f => f.State is FilesystemState.Failed or FilesystemState.Stuck);
        _ = channel.TrySend(HolderCodec.Encode(new WindowReport
        {
            WindowId = order.WindowId,
            Phase = refusal is null && trouble is null ? WindowPhase.Thawed : WindowPhase.Failed,
            Reason = refusal?.Reason ?? trouble?.Reason,
            Message = refusal?.Message ?? trouble?.Message,
            ThawedFilesystems = filesystems.Count(f => f.State == FilesystemState.Thawed),
            ReleasedAt = kernel.BootTime(),
            Filesystems = filesystems,
        }));
        channel.Dispose(); // the agent has its answer; what is stuck is this process's alone
        parallel.WaitForStuckOnes();
        return 0;
    }
}
