using System.Threading.Channels;
using Quiesce.Freezing;
using Quiesce.Freezing.Holders;
using Quiesce.Freezing.Kernel;
using Quiesce.Freezing.Reports;
using Quiesce.Freezing.Windows;
using Tmds.Linux;

namespace Quiesce.Agent.Holding;

/// <summary>A running holder: where its reports come from and its commands go to.</summary>
/// <remarks>
/// A thread of its own starts it, reads its channel and reaps it. That it is one and the same thread matters: the kernel sends the
/// parent-death signal when the starting <em>thread</em> ends, and a pool thread may end any time.
/// </remarks>
internal sealed class HolderProcess
{
    private readonly Channel<WindowReport> reports = Channel.CreateUnbounded<WindowReport>(new() { SingleReader = true, SingleWriter = true });
    private readonly List<int> descriptors = [];
    private readonly object gate = new();
    private readonly Queue<HolderCommand> early = new();
    private HolderChannel? channel;
    private bool ended;
    private bool wantsNoDescriptors;
    private int processId;
    private ProcessIdentity identity;

    private HolderProcess()
    {
    }

    /// <summary>Its reports. Of a hold, their end means that the process, and every call of it, is gone: its descriptors and its journal can be used by another.</summary>
    internal ChannelReader<WindowReport> Reports => reports.Reader;

    /// <summary>The program that lies beside this one.</summary>
    internal static string Program { get; } = Path.Combine(AppContext.BaseDirectory, "quiesce-holder");

    /// <summary>Starts a holder on an order. Where that fails, the one report says so.</summary>
    /// <param name="order">What it is to do; the agent's process id is filled in here.</param>
    /// <param name="kept">Descriptors to send along; they stay the caller's.</param>
    internal static HolderProcess Start(HolderOrder order, IReadOnlyList<int>? kept = null)
    {
        var holder = new HolderProcess();
        var thread = new Thread(() => holder.Live(order with { AgentProcess = Environment.ProcessId }, kept ?? [])) { IsBackground = true, Name = $"holder {order.WindowId}" };
        try
        {
            thread.Start();
        }
        catch (OutOfMemoryException e)
        {
            // That is how the runtime says that there is no room for another thread, as on a node out of processes.
            holder.NotStarted(order, $"no thread can be started for it: {e.Message}");
            _ = holder.reports.Writer.TryComplete();
        }
        return holder;
    }

    /// <summary>Sends a command, behind the order however early it comes; one to a holder that is gone is dropped, because it has thawed.</summary>
    internal void Send(HolderCommand command)
    {
        lock (gate)
        {
            if (channel is not null) _ = channel.TrySend(HolderCodec.Encode(command));
            else if (!ended) early.Enqueue(command);
        }
    }

    /// <summary>Kills it. What it held is the caller's to thaw, once <see cref="Reports"/> has ended.</summary>
    internal void Kill()
    {
        lock (gate)
            if (processId > 0) _ = LibC.kill(processId, LibC.SIGKILL); // not reaped yet, so the number is still its own
    }

    /// <summary>Whether it is dead, but not gone: a call of it does not return, and until then neither its channel nor its exit tells of the death.</summary>
    internal bool IsDying
    {
        get
        {
            lock (gate) return processId > 0 && identity.Life() == ProcessLife.Dying;
        }
    }

    /// <summary>Copies of the holder's descriptors, in the order of its journal; ours until <see cref="CloseDescriptors"/>.</summary>
    internal IReadOnlyList<int> Descriptors
    {
        get
        {
            lock (gate) return [.. descriptors];
        }
    }

    /// <summary>Gives the copies back, those too that are still on their way; from then on a volume can be unmounted.</summary>
    internal void CloseDescriptors()
    {
        lock (gate)
        {
            wantsNoDescriptors = true;
            foreach (var fd in descriptors) _ = LibC.close(fd);
            descriptors.Clear();
        }
    }

    private void Live(HolderOrder order, IReadOnlyList<int> kept)
    {
        try
        {
            var (ours, theirs) = HolderChannel.CreatePair();
            var error = PosixSpawn.Start(Program, theirs, out var pid);
            _ = LibC.close(theirs);
            if (error != Errno.None)
            {
                _ = LibC.close(ours);
                NotStarted(order, $"{Program} cannot be started: {error.Describe()}; it must lie beside quiesce-agent and be executable");
                return;
            }
            lock (gate) (processId, identity) = (pid, ProcessIdentity.Of(pid));
            using (var ends = new HolderChannel(ours)) Converse(ends, order, kept);
            // With its channel closed the holder thaws and exits, if it has not already.
            if (order.Task != HolderTask.Hold) reports.Writer.TryComplete(); // it may go on with a stuck call, alone
            PosixSpawn.WaitForExit(pid);
            lock (gate)
            {
                PosixSpawn.Reap(pid); // only now is the number free for others: no Kill can hit one of them
                processId = 0;
            }
        }
        catch (IOException e)
        {
            NotStarted(order, e.Message);
        }
        finally
        {
            _ = reports.Writer.TryComplete();
        }
    }

    private void Converse(HolderChannel ends, HolderOrder order, IReadOnlyList<int> kept)
    {
        var message = HolderCodec.Encode(order);
        if (message.Length > HolderCodec.MaximumMessage || !ends.TrySend(message, [.. kept]))
        {
            NotStarted(order, message.Length > HolderCodec.MaximumMessage
                ? "the order does not fit into the holder's channel; ask for fewer or shorter paths"
                : $"{Program} ended before it took its order; it must be the one of this release");
            return;
        }
        lock (gate)
        {
            channel = ends; // from here on: a command that overtook the order would be taken for it
            while (early.TryDequeue(out var command)) _ = ends.TrySend(HolderCodec.Encode(command));
        }
        Receive(ends, order);
        lock (gate)
        {
            channel = null;
            ended = true;
        }
    }

    private void Receive(HolderChannel ends, HolderOrder order)
    {
        var received = new List<int>();
        while (ends.Receive(received) is { IsEmpty: false } message)
        {
            lock (gate)
            {
                descriptors.AddRange(received);
                if (wantsNoDescriptors) CloseDescriptors();
            }
            received.Clear();
            try
            {
                _ = reports.Writer.TryWrite(HolderCodec.DecodeReport(message));
            }
            catch (InvalidDataException e)
            {
                NotStarted(order, e.Message);
                return;
            }
        }
    }

    private void NotStarted(HolderOrder order, string message) => _ = reports.Writer.TryWrite(new WindowReport
    {
        WindowId = order.WindowId,
        Phase = WindowPhase.Failed,
        Reason = FreezeReason.HolderNotStarted,
        Message = message,
    });
}
