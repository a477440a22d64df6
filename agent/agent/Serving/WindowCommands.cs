using Quiesce.Agent.Holding;
using Quiesce.Crds;
using Quiesce.Freezing.Holders;

namespace Quiesce.Agent.Serving;

/// <summary>What a FreezeWindow says to a holder. Its states only move forward, so saying something twice is harmless.</summary>
internal static class WindowCommands
{
    /// <summary>Passes a FreezeWindow on; null is one that is gone.</summary>
    internal static void Send(HeldWindow holder, FreezeWindowSpec? window)
    {
        switch (window?.DesiredState)
        {
            case null:
                holder.Send(HolderCommandKind.CommandGone);
                return;
            case WindowState.Thawed:
                holder.Send(HolderCommandKind.Thaw);
                return;
            case WindowState.Frozen:
                holder.Send(HolderCommandKind.RaiseDeadline, Nanoseconds(window.DeadlineSeconds));
                holder.Send(HolderCommandKind.Freeze);
                if (window.Confirmed) holder.Send(HolderCommandKind.Confirm);
                return;
            default:
                holder.Send(HolderCommandKind.RaiseDeadline, Nanoseconds(window.DeadlineSeconds));
                return;
        }
    }

    /// <summary>Seconds of the API as nanoseconds of the holder.</summary>
    internal static long Nanoseconds(double seconds) => (long)(seconds * 1e9);
}
