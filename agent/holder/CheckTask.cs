using Quiesce.Freezing.Holders;
using Quiesce.Freezing.Reports;
using Quiesce.Freezing.Windows;

namespace Quiesce.Holder;

/// <summary>Does what a holder does before it freezes anything, and says whether it could: it has started, may freeze, and has left the container's cgroups.</summary>
internal static class CheckTask
{
    internal static int Run(HolderOrder order, HolderChannel channel)
    {
        var missing = Privilege.Missing();
        var protection = missing is null ? Protection.Leave() : null;
        return channel.TrySend(HolderCodec.Encode(new WindowReport
        {
            WindowId = order.WindowId,
            Phase = missing is null ? WindowPhase.Thawed : WindowPhase.Failed,
            Reason = missing?.Reason,
            Message = missing?.Message,
            HolderProtected = protection?.IsProtected,
            HolderProtectionMessage = protection?.Message,
        })) ? 0 : 1;
    }
}
