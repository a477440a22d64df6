using System.Collections.Concurrent;
using System.Net;
using Microsoft.Extensions.Logging;
using Quiesce.Crds;
using Quiesce.Crds.Client;

namespace Quiesce.Operator.Hooks;

/// <summary>The commands of hooks that this process has under way, and how those of a moment ago ended. Safe for any number of threads.</summary>
/// <remarks>
/// In memory alone: whoever comes after knows from the status which commands may have run. A command is sent once its status is written, and never by
/// an operator that has lost its lease. How many run at once is bounded for each namespace: none waits for another tenant's.
/// </remarks>
internal sealed partial class HookRuns(KubernetesConnection connection, TimeProvider time, ILogger<HookRuns> logger)
{
    /// <summary>Commands under way at once for one namespace, which waits for none of another's.</summary>
    private const int MostOfNamespace = 256;

    /// <summary>What could not be sent is sent again for as long: also after a deletion, which waits for it.</summary>
    private static readonly TimeSpan RetryFor = TimeSpan.FromSeconds(60);

    /// <summary>The same for what is owed to an application that has been told to wait.</summary>
    private static readonly TimeSpan RetryOwedFor = TimeSpan.FromMinutes(5);

    private static readonly TimeSpan RetryPause = TimeSpan.FromSeconds(1);

    private readonly PodExec _exec = new(connection);
    private readonly ResourceClient<Pod> _pods = new(connection, Kinds.Pods);
    private readonly ConcurrentDictionary<string, SemaphoreSlim> _turns = new();
    private readonly Lock _lock = new();
    private readonly Dictionary<string, Dictionary<string, Run>> _runs = [];

    /// <summary>Called when a command has ended, with its request.</summary>
    public Action<ObjectKey>? Ended { get; set; }

    /// <summary>The runs of one request, by <see cref="HookPlan.Key"/>.</summary>
    public IReadOnlyDictionary<string, HookRunView> Of(string uid)
    {
        lock (_lock)
        {
            return _runs.TryGetValue(uid, out var runs)
                ? runs.ToDictionary(r => r.Key, r => new HookRunView(r.Value.StartedAt, r.Value.IsStarted, r.Value.Cancellation.IsCancellationRequested, r.Value.Result))
                : new Dictionary<string, HookRunView>();
        }
    }

    /// <summary>Notes that these will be started, before their status is written: if the answer to that is lost, they are known to be this process's own.</summary>
    public void Intend(string uid, IEnumerable<HookStatus> starts)
    {
        lock (_lock)
        {
            if (!_runs.TryGetValue(uid, out var runs)) _runs[uid] = runs = [];
            foreach (var hook in starts)
            {
                if (runs.TryGetValue(HookPlan.Key(hook), out var there) && there.StartedAt == hook.StartedAt) continue;
                runs[HookPlan.Key(hook)] = new(hook.StartedAt!.Value);
            }
        }
    }

    /// <summary>Sends the commands of hooks that were noted.</summary>
    /// <param name="request">The request.</param>
    /// <param name="starts">Its hooks.</param>
    /// <param name="cancellationToken">Ends with the lease: nothing is sent then, and what is under way is left to the next operator.</param>
    public void Start(FreezeRequest request, IEnumerable<HookStatus> starts, CancellationToken cancellationToken)
    {
        foreach (var hook in starts)
        {
            Run? run;
            lock (_lock)
            {
                if (_runs.GetValueOrDefault(request.Metadata.Uid)?.GetValueOrDefault(HookPlan.Key(hook)) is not { IsStarted: false } found) continue;
                run = found;
                run.IsStarted = true;
            }

            _ = Task.Run(() => FollowAsync(request, hook, run, cancellationToken), CancellationToken.None);
        }
    }

    /// <summary>Calls off what is under way for a request. The commands themselves cannot be ended; each is reported as interrupted.</summary>
    public void Cancel(string uid)
    {
        Run[] runs;
        lock (_lock) runs = [.. _runs.GetValueOrDefault(uid)?.Values ?? Enumerable.Empty<Run>()];
        foreach (var run in runs) run.Cancellation.Cancel();
    }

    /// <summary>Forgets a request that is gone or has ended; what is still under way is called off.</summary>
    public void Forget(string uid)
    {
        Cancel(uid);
        lock (_lock) _runs.Remove(uid);
    }

    private async Task FollowAsync(FreezeRequest request, HookStatus hook, Run run, CancellationToken cancellationToken)
    {
        var key = ObjectKey.Of(request);
        HookResult result;
        try
        {
            using var either = CancellationTokenSource.CreateLinkedTokenSource(run.Cancellation.Token, cancellationToken);
            result = await RunAsync(request, hook, either.Token);
        }
        catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
        {
            // The lease is lost: whether the command ran to its end is for the next operator to wonder.
            lock (_lock)
            {
                if (_runs.TryGetValue(request.Metadata.Uid, out var runs) && runs.GetValueOrDefault(HookPlan.Key(hook)) == run) runs.Remove(HookPlan.Key(hook));
            }

            return;
        }
        catch (OperationCanceledException)
        {
            result = new() { State = HookState.Failed, Reason = Reasons.HookInterrupted, Message = "it was called off, because the request was ended." };
        }
#pragma warning disable CA1031 // A hook that nobody foresaw to fail so has failed, and its request must not wait for it.
        catch (Exception e)
#pragma warning restore CA1031
        {
            result = NotRun(e.Message);
        }

        LogEnded(key, hook.Hook, hook.Pod, result.State, result.ExitCode, result.Message);
        lock (_lock) run.Result = result;
        Ended?.Invoke(key);
    }

    private async Task<HookResult> RunAsync(FreezeRequest request, HookStatus hook, CancellationToken cancellationToken)
    {
        var turn = _turns.GetOrAdd(request.Metadata.NamespaceProperty, _ => new(MostOfNamespace));
        await turn.WaitAsync(cancellationToken);
        try
        {
            var (began, wasGone) = (time.GetTimestamp(), false);
            var limit = hook.Stage == HookStage.PostThaw && request.Metadata.DeletionTimestamp is null ? RetryOwedFor : RetryFor;
            while (true)
            {
                var (result, isWorthARetry) = await OnceAsync(request, hook, cancellationToken);
                // There are those who say so untruly, for a moment.
                var isGoneAgain = result.Reason == Reasons.PodGone && wasGone;
                wasGone = result.Reason == Reasons.PodGone;
                // Before the freeze a command that may have run is not sent again; after the thaw it has to run at least once.
                if (isGoneAgain || !(isWorthARetry || wasGone) || time.GetElapsedTime(began) >= limit) return result;
                LogAgain(ObjectKey.Of(request), hook.Hook, hook.Pod, result.Message);
                await Task.Delay(RetryPause, time, cancellationToken);
            }
        }
        finally
        {
            turn.Release();
        }
    }

    private async Task<(HookResult Result, bool IsWorthARetry)> OnceAsync(FreezeRequest request, HookStatus hook, CancellationToken cancellationToken)
    {
        var (ns, isAfter) = (request.Metadata.NamespaceProperty, hook.Stage == HookStage.PostThaw);
        var (started, timeout, isSent, hasBegun) = (time.GetTimestamp(), TimeSpan.Zero, false, false);
        using var limit = new CancellationTokenSource();
        using var either = CancellationTokenSource.CreateLinkedTokenSource(limit.Token, cancellationToken);
        try
        {
            // Exec knows pods by name alone: one of another UID has taken its place, and was told nothing.
            if (await _pods.GetAsync(ns, hook.Pod, cancellationToken) is not { } pod || pod.Metadata.Uid != hook.PodUid) return (Gone(hook), false);
            var ofAnnotations = request.Spec.Hooks is { Velero: true } && hook.Hook == HookCommand.OfVelero;
            var command = HookCommand.InSpec(request.Spec.Hooks, hook) is { } inSpec ? HookCommand.Of(inSpec, pod) : ofAnnotations ? HookCommand.OfAnnotations(hook.Stage, pod) : null;
            if (command is null) return (new() { State = HookState.Skipped, Message = "there is no such hook any more." }, false);
            timeout = command.Timeout;
            (started, isSent) = (time.GetTimestamp(), true);
            limit.CancelAfter(timeout);
            var end = await _exec.RunAsync(ns, hook.Pod, hook.Container ?? command.Container, command.Command, Bounds.HookOutputLength, () => hasBegun = true, either.Token);
            var took = (long)time.GetElapsedTime(started).TotalMilliseconds;
            var result = end switch
            {
                { ExitCode: 0 } => new HookResult { State = HookState.Succeeded },
                { ExitCode: { } code } => new() { State = HookState.Failed, Reason = Reasons.HookFailed, Message = $"the command ended with exit code {code}{LastLine(end.Output)}" },
                _ => new() { State = HookState.Failed, Reason = Reasons.HookNotRun, Message = $"the command could not be run: {end.Error}" },
            };
            // kube-apiserver takes the connection before it asks the kubelet, so that one that is away is told of in this way.
            return (result with { ExitCode = end.ExitCode, DurationMilliseconds = took, Output = end.Output }, end.ExitCode is null && isAfter);
        }
        catch (OperationCanceledException) when (limit.IsCancellationRequested && !cancellationToken.IsCancellationRequested)
        {
            var message = $"the command did not end within {timeout.TotalSeconds:0.###} s, and may run still.";
            return (new() { State = HookState.Failed, Reason = Reasons.HookTimeout, Message = message, DurationMilliseconds = (long)timeout.TotalMilliseconds }, isAfter && !hasBegun);
        }
        catch (KubernetesApiException e) when (!hasBegun && e.Status == HttpStatusCode.Forbidden)
        {
            return (NotRun($"{e.Message}: the operator may not exec in pods of namespace {ns}; it needs the verbs get and create on pods/exec there."), false);
        }
        catch (KubernetesApiException e)
        {
            // What was refused has not run. An error of the server's own does not tell: kube-apiserver answers 500 also when the kubelet took the command and went.
            var mayHaveRun = hasBegun || (isSent && e.Status is null or HttpStatusCode.RequestTimeout or >= HttpStatusCode.InternalServerError);
            var again = isAfter ? e.Status is not HttpStatusCode.BadRequest : !mayHaveRun && (e.IsTransient || e.IsNotFound || e.Status is HttpStatusCode.Unauthorized);
            return (NotRun(mayHaveRun ? $"the connection was lost before the command's end was known, and it may run still: {e.Message}" : e.Message), again);
        }
    }

    private static HookResult NotRun(string message) => new() { State = HookState.Failed, Reason = Reasons.HookNotRun, Message = message };

    /// <summary>After the thaw there is nobody left to tell; before the freeze nobody was told.</summary>
    private static HookResult Gone(HookStatus hook) => new()
    {
        State = hook.Stage == HookStage.PostThaw ? HookState.Skipped : HookState.Failed,
        Reason = Reasons.PodGone,
        Message = "the pod is gone.",
    };

    private static string LastLine(string output) =>
        output.Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries) is [.., var last] ? $": {(last.Length > 200 ? $"{last[..200]}…" : last)}" : ".";

    /// <summary>One run.</summary>
    private sealed class Run(DateTimeOffset startedAt)
    {
        public DateTimeOffset StartedAt { get; } = startedAt;

        public CancellationTokenSource Cancellation { get; } = new();

        public bool IsStarted { get; set; }

        public HookResult? Result { get; set; }
    }

    [LoggerMessage(Level = LogLevel.Information, Message = "FreezeRequest {key}: {hook} in pod {pod}: {state}, exit code {exitCode} {text}")]
    private partial void LogEnded(ObjectKey key, string hook, string pod, HookState state, int? exitCode, string? text);

    [LoggerMessage(Level = LogLevel.Warning, Message = "FreezeRequest {key}: {hook} in pod {pod} is tried again: {error}")]
    private partial void LogAgain(ObjectKey key, string hook, string pod, string? error);
}
