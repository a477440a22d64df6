using Quiesce.Freezing;
using Quiesce.Freezing.Holders;
using Quiesce.Freezing.Kernel;
using Quiesce.Freezing.Reports;
using Quiesce.Freezing.Windows;
using Tmds.Linux;

namespace Quiesce.Holder;

/// <summary>
/// The process that makes every call that can block, so that the agent never does. It serves one order on descriptor 3 and exits; while
/// it lives the window is held, and when its agent dies, its deadline passes or it is told to, it thaws.
/// </summary>
internal static class Program
{
    /// <summary>Where the agent puts its end of the channel.</summary>
    private const int Channel = 3;

    private static int Main()
    {
        // First of all, so that no moment is left in which the agent's death goes unnoticed.
        Native.DieWithParent();
        var channel = new HolderChannel(Channel);
        var descriptors = new List<int>();
        var message = channel.Receive(descriptors);
        if (message.IsEmpty) return 0; // started by hand, or the agent died before it ordered anything
        HolderOrder order;
        try
        {
            order = HolderCodec.DecodeOrder(message);
        }
        catch (InvalidDataException e)
        {
            return Refuse(channel, "", FreezeReason.InternalError, e.Message);
        }
        if (LibC.getppid() != order.AgentProcess) return 0;
        if (order.Task is HolderTask.Recover or HolderTask.ThawUnconditionally) Memory.Lock(); // something is frozen already
        LinuxKernel? kernel = null;
        var error = HostRoot.Resolve(order.Plan.HostRoot, out var hostRoot);
        if (error == Errno.None) error = LinuxKernel.Open(hostRoot, out kernel);
        if (error != Errno.None)
            return Refuse(channel, order.WindowId, ReasonOf(error), $"the host root {order.Plan.HostRoot} cannot be opened: {error.Describe()}; check --host-root and the volume mounted there");
        order = order with { Plan = order.Plan with { HostRoot = hostRoot } };
        if (order.Task is HolderTask.Hold or HolderTask.ThawUnconditionally && Privilege.Missing() is { } missing)
            return Refuse(channel, order.WindowId, missing.Reason, missing.Message);
        return order.Task switch
        {
            HolderTask.Hold => new HoldTask(order, channel, kernel!).Run(),
            HolderTask.Inspect => InspectTask.Run(order, channel, kernel!),
            HolderTask.Check => CheckTask.Run(order, channel),
            HolderTask.Recover => new RecoverTask(order, channel, kernel!, descriptors).Run(),
            _ => UnconditionalThawTask.Run(order, channel, kernel!),
        };
    }

    private static string ReasonOf(Errno error) => error switch
    {
        Errno.NoEntry => FreezeReason.PathNotFound,
        Errno.NotDirectory => FreezeReason.NotADirectory,
        Errno.NotPermitted or Errno.AccessDenied => FreezeReason.PermissionDenied,
        _ => FreezeReason.InternalError,
    };

    private static int Refuse(HolderChannel channel, string windowId, string reason, string message)
    {
        _ = channel.TrySend(HolderCodec.Encode(new WindowReport
        {
            WindowId = windowId,
            Phase = WindowPhase.Failed,
            Reason = reason,
            Message = message,
        }));
        return 1;
    }
}
