using System.Diagnostics.CodeAnalysis;
using Microsoft.Extensions.Logging;
using Quiesce.Crds;
using Quiesce.Crds.Client;

namespace Quiesce.Agent.Serving;

/// <summary>
/// Writes the status of one NodeFreeze, the newest wins: whoever reports never waits for the API server, and an outage costs no more than
/// the reports in between.
/// </summary>
[SuppressMessage("Design", "CA1001", Justification = "Its end is FinishAsync, which releases what holds anything.")]
internal sealed class StatusWriter
{
    private readonly ResourceClient<NodeFreeze> client;
    private readonly TimeProvider time;
    private readonly ILogger log;
    private readonly SemaphoreSlim changed = new(0);
    private readonly object gate = new();
    private readonly CancellationTokenSource stop = new();
    private readonly Task writing;
    private NodeFreeze written;
    private NodeFreezeStatus? wanted;
    private bool last;

    internal StatusWriter(NodeFreeze o, ResourceClient<NodeFreeze> client, TimeProvider time, ILogger log)
    {
        (written, this.client, this.time, this.log) = (o, client, time, log);
        writing = Task.Run(WriteAsync);
    }

    /// <summary>Nothing is left to write: the newest report is in the object, or the object is gone.</summary>
    internal bool Written { get; private set; }

    /// <summary>Replaces what is to be written next.</summary>
    internal void Write(NodeFreezeStatus status)
    {
        lock (gate) wanted = status;
        changed.Release();
    }

    /// <summary>Writes what is left, until it succeeds, the object is gone, or the patience is over.</summary>
    internal async Task FinishAsync(TimeSpan patience)
    {
        lock (gate) last = true;
        changed.Release();
        stop.CancelAfter(patience);
        await writing.ConfigureAwait(false);
        stop.Dispose(); // its timer would keep all this for as long as the patience is
    }

    private async Task WriteAsync()
    {
        try
        {
            for (var failures = 0; ;)
            {
                await changed.WaitAsync(stop.Token).ConfigureAwait(false);
                NodeFreezeStatus? status;
                lock (gate) (status, wanted) = (wanted, null);
                if (status is not null && !await TryWriteAsync(status).ConfigureAwait(false))
                {
                    await Task.Delay(Backoff.Default.After(++failures), time, stop.Token).ConfigureAwait(false);
                    lock (gate) wanted ??= status;
                    changed.Release();
                    continue;
                }
                failures = 0;
                lock (gate)
                    if (Written = last && wanted is null) return;
            }
        }
        catch (OperationCanceledException)
        {
            // The patience is over: the operator reads silence as it must.
        }
    }

    // True when it need not be tried again.
    private async Task<bool> TryWriteAsync(NodeFreezeStatus status)
    {
        try
        {
            // Every write names its request, whatever the one before it has written: the object may be another's of the same name by now, and the API server then refuses it.
            var before = written with { Status = written.Status is { } known ? known with { RequestUID = null } : null };
            written = await client.PatchStatusAsync(before, written with { Status = status with { RequestUID = written.Spec.Request.Uid } }, checkVersion: false, stop.Token).ConfigureAwait(false);
            return true;
        }
        catch (KubernetesApiException e) when (e.IsNotFound || e.IsConflict)
        {
            return true; // deleted, or another one of this name by now
        }
        catch (KubernetesApiException e) when (e.Status == System.Net.HttpStatusCode.UnprocessableEntity)
        {
            // So a plan of another request that has the name now answers too; whatever it is, the same again would be answered the same.
            log.StatusNotWritten(written.Metadata.Name, e.Message);
            return true;
        }
        catch (KubernetesApiException e)
        {
            log.StatusNotWritten(written.Metadata.Name, e.Message);
            return false;
        }
    }
}
