using System.Text.Json.Nodes;
using k8s.Models;
using Microsoft.Extensions.Logging;
using Quiesce.Crds.Client;

namespace Quiesce.Runtime;

/// <summary>Leadership by a Lease, as a token that is cancelled when it ends, not as a question.</summary>
/// <remarks>
/// The holder's time runs from before it <i>sent</i> its last successful renewal and ends after the renew deadline; a candidate's runs
/// from when it <i>saw</i> the lease change and ends after the longer lease duration. Both are measured on monotonic clocks; the
/// times in the lease are for people. So the token is cancelled before anyone else can hold the lease, whether or not
/// the API server answers. No failure of a call ends the election.
/// </remarks>
public sealed partial class LeaderElection(
    ResourceClient<Lease> leases, LeaderElectionOptions options, TimeProvider time, ILogger logger, RuntimeMeter? meter = null)
{
    /// <summary>How long giving the lease back may take: the next leader would have it in little more without that.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(2);

    private (string? Version, long At) _seen;

    /// <summary>A write that makes the lease ours was sent, and nothing said since that it is not. That its answer did not come does not say so.</summary>
    private bool _mayHold;

    /// <summary>The last write. It is not cancelled with who waits for it: the API server may carry out what it was sent, after a read that was sent later.</summary>
    private (Task Answered, CancellationTokenSource Sending)? _write;

    /// <summary>Leads whenever it can, until the token is cancelled; then gives the lease back.</summary>
    /// <param name="lead">What a leader does, until its token is cancelled. It is waited for before the next try to lead.</param>
    /// <param name="cancellationToken">Ends the election.</param>
    public async Task RunAsync(Func<CancellationToken, Task> lead, CancellationToken cancellationToken)
    {
        meter?.Leads(options.LeaseName, leads: false);
        try
        {
            await ElectAsync(lead, cancellationToken);
        }
        finally
        {
            if (_mayHold) await GiveBackAsync();
        }
    }

    private async Task ElectAsync(Func<CancellationToken, Task> lead, CancellationToken cancellationToken)
    {
        while (!cancellationToken.IsCancellationRequested)
        {
            var sent = time.GetTimestamp();
            var held = await TryAsync(cancellationToken);
            if (held is null)
            {
                await Task.Delay(options.RetryPeriod, time, cancellationToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
                continue;
            }

            LogLeading(options.Identity, options.Namespace, options.LeaseName);
            meter?.Leads(options.LeaseName, leads: true);
            using var leadership = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
            using var deadline = new CancellationTokenSource(Left(sent), time);
            await using var ends = deadline.Token.UnsafeRegister(static source => ((CancellationTokenSource)source!).Cancel(), leadership);
            var work = lead(leadership.Token);
            await RenewAsync(held, deadline, leadership, work);
            await leadership.CancelAsync();
            try
            {
                await work;
            }
            catch (OperationCanceledException)
            {
                // As it was asked to.
            }
            finally
            {
                LogEnded(options.Identity);
                meter?.Leads(options.LeaseName, leads: false);
                if (!cancellationToken.IsCancellationRequested) await GiveBackAsync();
            }
        }
    }

    private async Task RenewAsync(Lease held, CancellationTokenSource deadline, CancellationTokenSource leadership, Task work)
    {
        while (!leadership.IsCancellationRequested && !work.IsCompleted)
        {
            await Task.WhenAny(work, Task.Delay(options.RetryPeriod, time, leadership.Token));
            if (leadership.IsCancellationRequested || work.IsCompleted) return;
            var sent = time.GetTimestamp();
            try
            {
                var now = time.GetUtcNow();
                var renewed = await WriteAsync(held, new JsonObject { ["renewTime"] = MicroTime.Format(now) }, leadership.Token);
                held = renewed;
                _seen = (renewed.Metadata.ResourceVersion, sent);
                deadline.CancelAfter(Left(sent));
            }
            catch (OperationCanceledException)
            {
                return;
            }
            catch (KubernetesApiException e) when (e.IsConflict || e.IsNotFound)
            {
                // Either our own write whose answer was lost, or someone else's.
                var (answered, lease) = await ReadAsync(leadership.Token);
                if (answered && lease?.Spec.HolderIdentity != options.Identity)
                {
                    LogLost(options.Identity, e.Message);
                    return;
                }

                held = lease ?? held;
            }
            catch (KubernetesApiException e)
            {
                LogRenewFailed(options.Identity, e.Message);
            }
        }
    }

    /// <summary>One try to get the lease.</summary>
    /// <returns>The lease as it is held by us; null when another holds it, or the API server did not help.</returns>
    private async Task<Lease?> TryAsync(CancellationToken cancellationToken)
    {
        try
        {
            var lease = await leases.GetAsync(options.Namespace, options.LeaseName, cancellationToken);
            if (lease is null)
            {
                _mayHold = true;
                return await SendAsync(token => leases.CreateAsync(New(), token), cancellationToken);
            }

            if (lease.Metadata.ResourceVersion != _seen.Version) _seen = (lease.Metadata.ResourceVersion, time.GetTimestamp());
            var duration = TimeSpan.FromSeconds(lease.Spec.LeaseDurationSeconds ?? options.LeaseDuration.TotalSeconds);
            var ours = lease.Spec.HolderIdentity == options.Identity;
            _mayHold = ours;
            if (!ours && !string.IsNullOrEmpty(lease.Spec.HolderIdentity) && time.GetElapsedTime(_seen.At) <= duration) return null;
            var now = time.GetUtcNow();
            var spec = new JsonObject
            {
                ["holderIdentity"] = options.Identity,
                ["leaseDurationSeconds"] = (int)options.LeaseDuration.TotalSeconds,
                ["acquireTime"] = MicroTime.Format(now),
                ["renewTime"] = MicroTime.Format(now),
                ["leaseTransitions"] = (lease.Spec.LeaseTransitions ?? 0) + (ours ? 0 : 1),
            };
            _mayHold = true;
            return await WriteAsync(lease, spec, cancellationToken);
        }
        catch (KubernetesApiException e) when (e.IsConflict || e.IsAlreadyExists)
        {
            return null; // somebody else was faster, or it was ourselves and the answer did not come
        }
        catch (KubernetesApiException e)
        {
            LogTryFailed(options.Identity, e.Message);
            return null;
        }
        catch (OperationCanceledException)
        {
            return null;
        }
    }

    private async Task<(bool Answered, Lease? Lease)> ReadAsync(CancellationToken cancellationToken)
    {
        try
        {
            return (true, await leases.GetAsync(options.Namespace, options.LeaseName, cancellationToken));
        }
        catch (Exception e) when (e is KubernetesApiException or OperationCanceledException)
        {
            return (false, null);
        }
    }

    /// <summary>Empties the lease, so that the next leader need not wait; best effort.</summary>
    private async Task GiveBackAsync()
    {
        using var limit = new CancellationTokenSource(Patience, time);
        if (_write is { } write)
        {
            await write.Answered.WaitAsync(Patience / 2, time).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            await write.Sending.CancelAsync();
        }

        while (!limit.IsCancellationRequested)
        {
            var (answered, lease) = await ReadAsync(limit.Token);
            if (!answered) return;
            if (lease?.Spec.HolderIdentity == options.Identity)
            {
                try
                {
                    var empty = new JsonObject { ["holderIdentity"] = "", ["leaseDurationSeconds"] = 1, ["renewTime"] = MicroTime.Format(time.GetUtcNow()) };
                    await WriteAsync(lease, empty, limit.Token);
                }
                catch (KubernetesApiException e) when (e.IsConflict)
                {
                    continue; // our own last renewal
                }
                catch (Exception e) when (e is KubernetesApiException or OperationCanceledException)
                {
                    return; // it runs out by itself
                }
            }

            _mayHold = false;
            return;
        }
    }

    private Task<Lease> WriteAsync(Lease lease, JsonObject spec, CancellationToken cancellationToken) => SendAsync(
        token => leases.PatchAsync(options.Namespace, options.LeaseName, new JsonObject { ["spec"] = spec }, lease.Metadata.ResourceVersion, token), cancellationToken);

    private async Task<Lease> SendAsync(Func<CancellationToken, Task<Lease>> send, CancellationToken cancellationToken)
    {
        _write?.Sending.Dispose();
        var sending = new CancellationTokenSource();
        var answered = send(sending.Token);
        _write = (answered, sending);
        return await answered.WaitAsync(cancellationToken);
    }

    private Lease New()
    {
        var now = time.GetUtcNow();
        return new()
        {
            Metadata = new V1ObjectMeta { Name = options.LeaseName, NamespaceProperty = options.Namespace },
            Spec = new()
            {
                HolderIdentity = options.Identity,
                LeaseDurationSeconds = (int)options.LeaseDuration.TotalSeconds,
                AcquireTime = now,
                RenewTime = now,
                LeaseTransitions = 0,
            },
        };
    }

    private TimeSpan Left(long sent)
    {
        var left = options.RenewDeadline - time.GetElapsedTime(sent);
        return left > TimeSpan.Zero ? left : TimeSpan.Zero;
    }

    [LoggerMessage(Level = LogLevel.Information, Message = "{identity} leads: it holds the lease {ns}/{lease}")]
    private partial void LogLeading(string identity, string ns, string lease);

    [LoggerMessage(Level = LogLevel.Warning, Message = "{identity} lost the lease: {error}")]
    private partial void LogLost(string identity, string error);

    [LoggerMessage(Level = LogLevel.Information, Message = "{identity} leads no more")]
    private partial void LogEnded(string identity);

    [LoggerMessage(Level = LogLevel.Warning, Message = "{identity} could not renew the lease: {error}")]
    private partial void LogRenewFailed(string identity, string error);

    [LoggerMessage(Level = LogLevel.Warning, Message = "{identity} could not try for the lease: {error}")]
    private partial void LogTryFailed(string identity, string error);
}
