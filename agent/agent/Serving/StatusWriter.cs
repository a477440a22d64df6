using System.Diagnostics.CodeAnalysis;
using System.Text.Json;
using Microsoft.Extensions.Logging;
using Quiesce.Crds;
using Quiesce.Crds.Client;

namespace Quiesce.Agent.Serving;

/// <summary>
/// Writes the status of one NodeFreeze, the newest wins: whoever reports never waits for the API server, and an outage costs no more than
/// the reports in between. A NodeFreeze that does not exist yet, because its node was called, is created with the first report.
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
    // All annotations of an object may have 256 KiB.
    private const int LongestFirstReport = 128 * 1024;

    private const int MostNames = 32;

    private NodeFreeze written;
    private readonly TaskCompletionSource exists = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private NodeFreeze? found;
    private volatile bool isNeedless;
    private bool wasSent;
    private (NodeFreezeStatus Status, Task After)? wanted;
    private bool last;

    internal StatusWriter(NodeFreeze o, ResourceClient<NodeFreeze> client, TimeProvider time, ILogger log)
    {
        (written, this.client, this.time, this.log) = (o, client, time, log);
        writing = Task.Run(WriteAsync);
    }

    /// <summary>Nothing is left to write: the newest report is in the object, or the object is gone.</summary>
    internal bool Written { get; private set; }

    /// <summary>Replaces what is to be written next.</summary>
    internal void Write(NodeFreezeStatus status) => Write(status, Task.CompletedTask);

    /// <summary>Replaces what is to be written next.</summary>
    /// <param name="status">What it is.</param>
    /// <param name="after">It is kept back until then, unless something newer takes its place.</param>
    internal void Write(NodeFreezeStatus status, Task after)
    {
        lock (gate)
        {
            // What is the same but for a number, such as another deadline, does not wait anew: raised again and again, it would never be written.
            if (wanted is { After.IsCompleted: false } kept && kept.Status.Phase == status.Phase) after = kept.After;
            wanted = (status, after);
        }
        _ = after.ContinueWith(_ => changed.Release(), CancellationToken.None, TaskContinuationOptions.ExecuteSynchronously, TaskScheduler.Default);
    }

    /// <summary>The NodeFreeze exists: created by the operator after all, or by this, and the answer was lost.</summary>
    internal void Exists(NodeFreeze there)
    {
        lock (gate) found ??= there;
        exists.TrySetResult();
    }

    /// <summary>Its window has ended: what does not exist by now is not created any more.</summary>
    internal void Needless() => isNeedless = true;

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
                (NodeFreezeStatus Status, Task After)? now;
                lock (gate)
                {
                    if (wanted is { After.IsCompleted: false }) continue;
                    (now, wanted) = (wanted, null);
                }
                if (now is { } next && !await TryWriteAsync(next.Status).ConfigureAwait(false))
                {
                    var pause = Task.Delay(Backoff.Default.After(++failures), time, stop.Token);
                    // What could not be created may be there at any moment, and then nothing keeps the report back.
                    if (written.Metadata.Uid is not { Length: > 0 } && await Task.WhenAny(pause, exists.Task).ConfigureAwait(false) != pause) failures = 0;
                    else await pause.ConfigureAwait(false);
                    stop.Token.ThrowIfCancellationRequested();
                    lock (gate) wanted ??= next;
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
            if (written.Metadata.Uid is not { Length: > 0 } && await TryCreateAsync(status).ConfigureAwait(false) is { } done) return done;
            try
            {
                written = await client.PatchStatusAsync(written, written with { Status = status }, stop.Token).ConfigureAwait(false);
            }
            catch (KubernetesApiException e) when (e.IsConflict)
            {
                // Not the version that came of the last write: somebody else wrote, or an answer was lost; or it is the next plan of this name.
                var (ns, name, uid) = (written.Metadata.NamespaceProperty, written.Metadata.Name, written.Metadata.Uid);
                if (await client.GetAsync(ns, name, stop.Token).ConfigureAwait(false) is not { } now || now.Metadata.Uid != uid) return true;
                written = now;
                written = await client.PatchStatusAsync(written, written with { Status = status }, stop.Token).ConfigureAwait(false);
            }
            return true;
        }
        catch (KubernetesApiException e) when (e.IsNotFound && written.Metadata.Uid is { Length: > 0 })
        {
            return true;
        }
        catch (KubernetesApiException e) when (e.Status == System.Net.HttpStatusCode.UnprocessableEntity && written.Metadata.Uid is { Length: > 0 })
        {
            log.StatusRefused(written.Metadata.Name, e.Message);
            return true; // the same again would be answered the same
        }
        catch (KubernetesApiException e)
        {
            log.StatusNotWritten(written.Metadata.Name, e.Message);
            return false;
        }
    }

    // Creates the object with the report; null where it exists, and the report is still to be written. Else as above.
    private async Task<bool?> TryCreateAsync(NodeFreezeStatus status)
    {
        lock (gate)
        {
            if (found is { } there)
            {
                written = there;
                return null;
            }
        }
        var meta = written.Metadata;
        if (isNeedless)
        {
            // What was sent and not answered may have come to be, and then it has to be told the end.
            if (!wasSent || await client.GetAsync(meta.NamespaceProperty, meta.Name, stop.Token).ConfigureAwait(false) is not { } sent || sent.PlanId != written.PlanId) return true;
            written = sent;
            return null;
        }
        wasSent = true;
        var report = JsonSerializer.Serialize(status, CrdsJson.Default.NodeFreezeStatus);
        var fits = report.Length <= LongestFirstReport;
        var plan = written with { Metadata = new() { Name = meta.Name, NamespaceProperty = meta.NamespaceProperty, Labels = meta.Labels, Annotations = new Dictionary<string, string>(meta.Annotations) } };
        if (fits) plan.Metadata.Annotations[QuiesceApi.ReportAnnotation] = report;
        try
        {
            written = await client.CreateAsync(plan, stop.Token).ConfigureAwait(false);
            return fits ? true : null;
        }
        catch (KubernetesApiException e) when (e.IsAlreadyExists)
        {
            if (await client.GetAsync(meta.NamespaceProperty, meta.Name, stop.Token).ConfigureAwait(false) is not { } there) return false;
            if (there.PlanId == written.PlanId)
            {
                written = there;
                return null;
            }
            // Another's, of which the operator did not know: the next name, and as soon as there is one that is free.
            var (node, taken) = (written.Spec.NodeName, InternalNames.PlaceOf(written.Spec.NodeName, meta.Name) ?? 0);
            log.NameTaken(meta.Name, there.Spec.Request.Name);
            meta.Name = InternalNames.NodeFreeze(node, taken + 1);
            if (taken + 1 < MostNames) return await TryCreateAsync(status).ConfigureAwait(false);
            meta.Name = InternalNames.NodeFreeze(node, 0);
            return false;
        }
    }
}
