using Quiesce.Freezing.Holders;
using Quiesce.Freezing.Kernel;
using Quiesce.Freezing.Planning;
using Quiesce.Freezing.Reports;
using Quiesce.Freezing.Windows;

namespace Quiesce.Holder;

/// <summary>Resolves and reports what would be frozen, skipped or refused; freezes nothing.</summary>
internal static class InspectTask
{
    internal static int Run(HolderOrder order, HolderChannel channel, LinuxKernel kernel)
    {
        var plan = FreezePlanner.Plan(kernel, order.Plan);
        var refusal = Privilege.Missing() ?? plan.Refusal;
        return channel.TrySend(HolderCodec.Encode(new WindowReport
        {
            WindowId = order.WindowId,
            Phase = refusal is null ? WindowPhase.Thawed : WindowPhase.Failed,
            Reason = refusal?.Reason,
            Message = refusal?.Message,
            Filesystems =
            [
                .. plan.Filesystems.Select(f => new FilesystemReport
                {
                    Path = f.Path,
                    State = FilesystemState.Resolved,
                    Type = f.Type,
                    Source = f.Source,
                    Device = f.Superblock.ToString(),
                }),
                .. plan.Findings,
            ],
        })) ? 0 : 1;
    }
}
