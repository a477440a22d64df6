using System.Collections.Concurrent;
using System.Net;
using Microsoft.Extensions.Logging;
using Quiesce.Crds;
using Quiesce.Crds.Client;
using Quiesce.Operator.Reconciling;

namespace Quiesce.Operator.Hooks;

/// <summary>The commands of hooks that this process has under way, and how those of a moment ago ended. Safe for any number of threads.</summary>
/// <remarks>
/// In memory alone: whoever comes after knows from the status which commands may have run. A command is sent once its status is written, and never by
/// an operator that has lost its lease. How many run at once is bounded for each namespace: none waits for another tenant's.
/// </remarks>
internal sealed partial class HookRuns(KubernetesConnection connection, OperatorSettings settings, TimeProvider time, ILogger<HookRuns> logger)
{
    /// <summary>Commands under way at once for one namespace, which waits for none of another's.</summary>
    private const int MostOfNamespace = 256;

    /// <summary>What could not be sent is sent again for as long; after the thaw that holds from a deletion on, which waits for it.</summary>
    private static readonly TimeSpan RetryFor = TimeSpan.FromSeconds(60);

    /// <summary>The same for what is owed to an application that has been told to wait.</summary>
    private static readonly TimeSpan RetryOwedFor = TimeSpan.FromMinutes(5);

    private static readonly TimeSpan RetryPause = TimeSpan.FromSeconds(1);

    private readonly PodExec _exec = new(connection);
    private readonly ResourceClient<Pod> _pods = new(connection, Kinds.Pods);
    private readonly ConcurrentDictionary<string, SemaphoreSlim> _turns = new();
    private readonly Lock _lock = new();
    private readonly Dictionary<string, Dictionary<string, Run>> _runs = [];
    private readonly Dictionary<string, long> _deleted = [];

    /// <summary>Called when a command has ended, or has to be sent again, with its request.</summary>
    public Action<ObjectKey>? Ended { get; set; }

    /// <summary>The runs of one request, by <see cref="HookPlan.Key"/>.</summary>
    public IReadOnlyDictionary<string, HookRunView> Of(string uid)
    {
        lock (_lock)
        {
            return _runs.TryGetValue(uid, out var runs)
                ? runs.ToDictionary(r => r.Key, r => new HookRunView(r.Value.StartedAt, r.Value.IsStarted, r.Value.Cancellation.IsCancellationRequested, r.Value.Result, r.Value.Trouble))
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
        if (request.Metadata.DeletionTimestamp is not null) Deleting(request.Metadata.Uid);
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

    /// <summary>Notes that a request is being deleted: what it owes is not tried for longer than a deletion waits.</summary>
    public void Deleting(string uid)
    {
        lock (_lock)
        {
            if (_runs.ContainsKey(uid)) _deleted.TryAdd(uid, time.GetTimestamp());
        }
    }

    /// <summary>Forgets a request that is gone or has ended; what is still under way is called off.</summary>
    public void Forget(string uid)
    {
        Cancel(uid);
        lock (_lock)
        {
            _runs.Remove(uid);
            _deleted.Remove(uid);
        }
    }

    private async Task FollowAsync(FreezeRequest request, HookStatus hook, Run run, CancellationToken cancellationToken)
    {
        var key = ObjectKey.Of(request);
        HookResult result;
        try
        {
            result = await RunAsync(request, hook, run, cancellationToken);
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
            result = CalledOff;
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

    private async Task<HookResult> RunAsync(FreezeRequest request, HookStatus hook, Run run, CancellationToken cancellationToken)
    {
        using var either = CancellationTokenSource.CreateLinkedTokenSource(run.Cancellation.Token, cancellationToken);
        var turn = _turns.GetOrAdd(request.Metadata.NamespaceProperty, _ => new(MostOfNamespace));
        var (key, began, wasGone) = (ObjectKey.Of(request), time.GetTimestamp(), false);
        while (true)
        {
            // Not while it waits to be tried again: those of a node that is away would keep everybody else's from being sent.
            await turn.WaitAsync(either.Token);
            HookResult result;
            bool isWorthARetry;
            try
            {
                (result, isWorthARetry) = await OnceAsync(request, hook, run.Cancellation.Token, cancellationToken);
            }
            finally
            {
                turn.Release();
            }

            // There are those who say so untruly, for a moment.
            var isGoneAgain = result.Reason == Reasons.PodGone && wasGone;
            wasGone = result.Reason == Reasons.PodGone;
            // Before the freeze a command that may have run is not sent again; after the thaw it has to run at least once.
            if (isGoneAgain || !(isWorthARetry || wasGone) || IsOver(request.Metadata.Uid, hook.Stage, began)) return result;
            LogAgain(key, hook.Hook, hook.Pod, result.Message);
            bool isNew;
            lock (_lock) (isNew, run.Trouble) = (run.Trouble is null, $"it is tried again: {result.Message}");
            if (isNew) Ended?.Invoke(key);
            await Task.Delay(RetryPause, time, either.Token);
        }
    }

    /// <summary>It has been tried for long enough. A deletion may come at any time, and waits for a minute of its own at most.</summary>
    private bool IsOver(string uid, HookStage stage, long began)
    {
        var tried = time.GetElapsedTime(began);
        if (stage == HookStage.PreFreeze) return tried >= RetryFor;
        lock (_lock) return tried >= RetryOwedFor || (tried >= RetryFor && _deleted.TryGetValue(uid, out var deleted) && time.GetElapsedTime(deleted) >= RetryFor);
    }

    private async Task<(HookResult Result, bool IsWorthARetry)> OnceAsync(FreezeRequest request, HookStatus hook, CancellationToken calledOff, CancellationToken cancellationToken)
    {
        var (ns, isAfter) = (request.Metadata.NamespaceProperty, hook.Stage == HookStage.PostThaw);
        var (started, isSent, hasBegun) = (time.GetTimestamp(), false, false);
        var heard = new TaskCompletionSource<Func<string>>(TaskCreationOptions.RunContinuationsAsynchronously);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(calledOff, cancellationToken);
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        try
        {
            // Exec knows pods by name alone: one of another UID has taken its place, and was told nothing.
            if (await _pods.GetAsync(ns, hook.Pod, either.Token) is not { } pod || pod.Metadata.Uid != hook.PodUid) return (Gone(hook), false);
            var ofAnnotations = request.Spec.Hooks is { Velero: true } && hook.Hook == HookCommand.OfVelero;
            var command = HookCommand.InSpec(request.Spec.Hooks, hook) is { } inSpec ? HookCommand.Of(inSpec, pod) : ofAnnotations ? HookCommand.OfAnnotations(hook.Stage, pod) : null;
            if (command is null) return (new() { State = HookState.Skipped, Message = "there is no such hook any more." }, false);
            either.Token.ThrowIfCancellationRequested();
            (started, isSent) = (time.GetTimestamp(), true);
            var exec = _exec.RunAsync(
                ns, hook.Pod, hook.Container ?? command.Container, command.Command, Bounds.HookOutputLength, () => hasBegun = true, output => heard.TrySetResult(output), stop.Token);
            await ((Task)exec).WaitAsync(command.Timeout, time, either.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            var isLate = !exec.IsCompleted && !calledOff.IsCancellationRequested;
            // One that has said nothing may be on its way still. Only the end of that tells whether it came to its pod, and whether it has to be sent again. The API server gives up later
            // than this counts: it takes the connection first.
            if (!exec.IsCompleted && (isAfter || calledOff.IsCancellationRequested) && Coming(isAfter ? HookSteps.Settle : TimeSpan.Zero) is { } more)
                await ((Task)Task.WhenAny(exec, heard.Task)).WaitAsync(more, time, isAfter ? either.Token : cancellationToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            if (!exec.IsCompleted)
            {
                await stop.CancelAsync();
                await ((Task)exec).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }

            cancellationToken.ThrowIfCancellationRequested();
            if (exec.IsCanceled)
            {
                var output = heard.Task.IsCompletedSuccessfully ? heard.Task.Result() : null;
                var mayComeFor = output is null ? (Coming() ?? TimeSpan.Zero) + HookSteps.Settle : (TimeSpan?)null;
                if (!isLate) return (CalledOff with { Output = output, MayComeFor = mayComeFor }, false);
                var message = $"the command did not end within {command.Timeout.TotalSeconds:0.###} s, and may run still.";
                return (Failed(Reasons.HookTimeout, message) with { DurationMilliseconds = (long)command.Timeout.TotalMilliseconds, Output = output, MayComeFor = mayComeFor }, isAfter && !hasBegun);
            }

            var end = await exec;
            var result = end switch
            {
                { ExitCode: { } code } when isLate => Failed(Reasons.HookTimeout, $"the command did not end within {command.Timeout.TotalSeconds:0.###} s, but later, with exit code {code}{LastLine(end.Output)}"),
                { ExitCode: 0 } => new() { State = HookState.Succeeded },
                { ExitCode: { } code } => Failed(Reasons.HookFailed, $"the command ended with exit code {code}{LastLine(end.Output)}"),
                _ => NotRun($"the command could not be run: {end.Error}"),
            };
            // kube-apiserver takes the connection before it asks the kubelet, so that one that is away is told of in this way.
            return (result with { ExitCode = end.ExitCode, DurationMilliseconds = Took(), Output = end.Output }, end.ExitCode is null && isAfter);
        }
        catch (KubernetesApiException e) when (!hasBegun && e.Status == HttpStatusCode.Forbidden)
        {
            // Rights come back, and what is owed waits for them.
            return (NotRun($"{e.Message}: the operator may not exec in pods of namespace {ns}; it needs the verbs get and create on pods/exec there, and get on pods."), isAfter && IsOwed(request));
        }
        catch (KubernetesApiException e)
        {
            // What was refused has not run. An error of the server's own does not tell: kube-apiserver answers 500 also when the kubelet took the command and went.
            var mayHaveRun = hasBegun || (isSent && e.Status is null or HttpStatusCode.RequestTimeout or >= HttpStatusCode.InternalServerError);
            var again = isAfter ? e.Status is not HttpStatusCode.BadRequest : !mayHaveRun && (e.IsTransient || e.IsNotFound || e.Status is HttpStatusCode.Unauthorized);
            var result = !mayHaveRun ? NotRun(e.Message) : NotRun($"the connection was lost before the command's end was known, and it may run still: {e.Message}") with { DurationMilliseconds = Took() };
            // Behind an answer that is not kube-apiserver's own, or none, it may be asking the kubelet still.
            var mayCome = mayHaveRun && !heard.Task.IsCompleted && e.Status is null or HttpStatusCode.RequestTimeout or HttpStatusCode.BadGateway or HttpStatusCode.GatewayTimeout;
            return (mayCome ? result with { MayComeFor = (Coming() ?? TimeSpan.Zero) + HookSteps.Settle } : result, again);
        }

        long Took() => (long)time.GetElapsedTime(started).TotalMilliseconds;

        // For how long what was sent may still be on its way.
        TimeSpan? Coming(TimeSpan longer = default) =>
            !heard.Task.IsCompleted && settings.Limits.HookDial + longer - time.GetElapsedTime(started) is var more && more > TimeSpan.Zero ? more : null;
    }

    /// <summary>Something was frozen, or some application may have been told to wait. Else nobody is to wait for a right that was never there.</summary>
    private static bool IsOwed(FreezeRequest request) => !(request.Status is { Phase: FreezePhase.Pending } status
        && status.Hooks.Where(h => h.Stage == HookStage.PreFreeze).All(h => h.State == HookState.Skipped || h is { Reason: Reasons.HookNotRun, DurationMilliseconds: null }));

    private static HookResult CalledOff => Failed(Reasons.HookInterrupted, "it was called off, because the request was ended.");

    private static HookResult Failed(string reason, string message) => new() { State = HookState.Failed, Reason = reason, Message = message };

    private static HookResult NotRun(string message) => Failed(Reasons.HookNotRun, message);

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

        public string? Trouble { get; set; }
    }

    [LoggerMessage(Level = LogLevel.Information, Message = "FreezeRequest {key}: {hook} in pod {pod}: {state}, exit code {exitCode} {text}")]
    private partial void LogEnded(ObjectKey key, string hook, string pod, HookState state, int? exitCode, string? text);

    [LoggerMessage(Level = LogLevel.Warning, Message = "FreezeRequest {key}: {hook} in pod {pod} is tried again: {error}")]
    private partial void LogAgain(ObjectKey key, string hook, string pod, string? error);
}
