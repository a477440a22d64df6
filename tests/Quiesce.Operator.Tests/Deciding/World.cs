using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization.Metadata;
using Quiesce.Crds;
using Quiesce.Operator.Freezing;
using Quiesce.Operator.Hooks;
using Quiesce.Operator.Nodes;

namespace Quiesce.Operator.Tests.Deciding;

/// <summary>One request and its objects in memory: carries out what is decided, as the API server and the reconciler would.</summary>
internal sealed class World
{
    public static readonly DateTimeOffset Start = new(2026, 3, 1, 12, 0, 0, TimeSpan.Zero);

    public FreezeRequest Request { get; set; } = new();

    public FreezeWindow? Window { get; set; }

    public Dictionary<string, NodeFreeze> Plans { get; } = [];

    public HashSet<string> Restarted { get; } = [];

    public Dictionary<string, IReadOnlyDictionary<string, string>> Nodes { get; } = [];

    public HashSet<string> Agents { get; } = [];

    /// <summary>Pods and claims as they are; what was read of them is <see cref="Read"/>.</summary>
    public Namespace Shop { get; } = new();

    /// <summary>How often pods and claims were read.</summary>
    public int Reads { get; private set; }

    /// <summary>The API server does not answer when it is asked for them.</summary>
    public bool CannotRead { get; set; }

    private Workloads? Read { get; set; }

    public Refusal? WriteRefused { get; set; }

    public Refusal? RaiseRefused { get; set; }

    public FreezeLimits Limits { get; set; } = new();

    public int Ahead { get; set; }

    public bool HooksAreEnabled { get; set; } = true;

    /// <summary>The commands that this operator has sent.</summary>
    public Dictionary<string, HookRunView> Runs { get; } = [];

    public DateTimeOffset Now { get; private set; } = Start;

    /// <summary>Every write so far: the action's name, or <c>Status:Phase</c>.</summary>
    public List<string> Writes { get; } = [];

    public List<Story> Stories { get; } = [];

    public TimeSpan? RequeueAfter { get; private set; }

    public FreezeRequestStatus Status => Request.Status!;

    /// <summary>A request for one folder on each of these nodes, which exist and have ready agents.</summary>
    public static World With(params string[] nodes)
    {
        var world = new World
        {
            Request = new()
            {
                Metadata = new() { Name = "nightly", NamespaceProperty = "shop", Uid = "0c9d8f3e-0000-4000-8000-000000000001", Generation = 1 },
                Spec = new() { Targets = [.. nodes.Select(n => Target(n))] },
            },
        };
        foreach (var node in nodes) world.AddNode(node);
        return world;
    }

    public static FreezeTarget Target(string node, string path = "/srv/orders") => new() { HostPath = new() { Path = path, NodeName = node } };

    public World Spec(Func<FreezeRequestSpec, FreezeRequestSpec> change)
    {
        Request = Request with { Spec = change(Request.Spec) };
        Request.Metadata.Generation++;
        return this;
    }

    public World AddNode(string name, bool agent = true, params (string Key, string Value)[] labels)
    {
        Nodes[name] = labels.ToDictionary(l => l.Key, l => l.Value);
        if (agent) Agents.Add(name);
        return this;
    }

    public FreezeState State => new()
    {
        Request = Request,
        Window = Window,
        NodeFreezes = Plans,
        Restarted = Restarted,
        Cluster = new(Nodes, Agents),
        Workloads = Read,
        Ahead = Ahead,
        HooksAreEnabled = HooksAreEnabled,
        HookRuns = Runs,
        WriteRefused = WriteRefused,
        RaiseRefused = RaiseRefused,
        Now = Now,
        Limits = Limits,
    };

    public Decision Decide() => FreezeDecision.Decide(State);

    /// <summary>Decides and writes until nothing is left to do now.</summary>
    public World Settle(int steps = 100)
    {
        Read = null;
        for (var i = 0; i < steps; i++)
        {
            if (!Step()) return this;
        }

        return steps == 100 ? throw new InvalidOperationException("it never comes to rest: " + string.Join(", ", Writes)) : this;
    }

    /// <summary>One decision and its write.</summary>
    /// <returns>False when there was nothing to write.</returns>
    public bool Step()
    {
        var decision = Decide();
        if (decision.NeedsWorkloads)
        {
            if (CannotRead) return false;
            Assert.Null(Read);
            (Read, Reads) = (Shop.Read(), Reads + 1);
            return true;
        }

        RequeueAfter = decision.RequeueAfter;
        if (decision.Action is { } action)
        {
            Apply(action, decision.Status);
            if (action is not (FreezeAction.Claim or FreezeAction.CreateWindow or FreezeAction.Raise)) Read = null;
            if (action is FreezeAction.CreateWindow && decision.Status is { } beside) Write(beside);
            Stories.AddRange(decision.Stories);
            return true;
        }

        if (decision.Status is null || Same(decision.Status)) return false;
        Write(decision.Status);
        Stories.AddRange(decision.Stories);
        return true;
    }

    public World Advance(double seconds)
    {
        Now += TimeSpan.FromSeconds(seconds);
        return this;
    }

    /// <summary>An agent's report.</summary>
    public World Report(string node, NodeFreezePhase phase, string? reason = null, int frozen = 1, int? thawed = null, int? deadline = null, params FilesystemStatus[] filesystems)
    {
        var before = Plans[node].Status;
        var wasFrozen = phase is NodeFreezePhase.Frozen or NodeFreezePhase.Thawing or NodeFreezePhase.Thawed or NodeFreezePhase.Expired or NodeFreezePhase.Broken;
        Plans[node] = Plans[node] with
        {
            Status = new()
            {
                Phase = phase,
                Reason = reason,
                Message = reason is null ? null : $"said {reason}",
                BootID = "boot",
                AgentInstance = "instance",
                DeadlineSeconds = deadline ?? before?.DeadlineSeconds,
                FrozenAt = wasFrozen ? before?.FrozenAt ?? Now : null,
                FrozenFilesystems = wasFrozen ? frozen : 0,
                HolderProtected = before?.HolderProtected,
                HolderProtectionMessage = before?.HolderProtectionMessage,
                ThawedFilesystems = thawed ?? (phase is NodeFreezePhase.Thawed or NodeFreezePhase.Expired ? frozen : 0),
                Filesystems = filesystems,
            },
        };
        return this;
    }

    /// <summary>Takes back that all of it was frozen at some time.</summary>
    public World WithoutFrozenAt(string node) => Said(node, s => s with { FrozenAt = null });

    /// <summary>What an agent says of its holder.</summary>
    public World Protection(string node, bool isProtected, string? why = null) => Said(node, s => s with { HolderProtected = isProtected, HolderProtectionMessage = why });

    public World Report(NodeFreezePhase phase, params string[] nodes)
    {
        foreach (var node in nodes) Report(node, phase);
        return this;
    }

    /// <summary>Brings a world to Frozen.</summary>
    public World Freeze()
    {
        Settle();
        var nodes = Plans.Keys.ToArray();
        if (nodes.Length > 1) Report(NodeFreezePhase.Prepared, nodes).Settle();
        return Report(NodeFreezePhase.Frozen, nodes).Settle();
    }

    public World Thaw() => Spec(s => s with { DesiredState = DesiredState.Thawed }).Settle();

    public World Delete()
    {
        Request.Metadata.DeletionTimestamp = Now.UtcDateTime;
        return this;
    }

    public Condition Condition(string type) => Assert.Single(Status.Conditions, c => c.Type == type);

    private World Said(string node, Func<NodeFreezeStatus, NodeFreezeStatus> change)
    {
        Plans[node] = Plans[node] with { Status = change(Plans[node].Status!) };
        return this;
    }

    /// <summary>A command ends.</summary>
    /// <param name="hook">Its stage and name, and the pod, as in <c>preFreeze[0]/db-0</c>.</param>
    /// <param name="exitCode">What it ends with.</param>
    /// <param name="seconds">How long it took; the time goes on by as much.</param>
    public World Ends(string hook, int exitCode = 0, double seconds = 0) => Ends(hook, exitCode == 0
        ? new HookResult { State = HookState.Succeeded, ExitCode = 0, DurationMilliseconds = (long)(seconds * 1000), Output = "done" }
        : new() { State = HookState.Failed, Reason = Reasons.HookFailed, Message = $"the command ended with exit code {exitCode}.", ExitCode = exitCode, Output = "no" }, seconds);

    public World Ends(string hook, HookResult result, double seconds = 0)
    {
        var key = Runs.Keys.Last(key => key.Contains($"/{hook}/", StringComparison.Ordinal) && Runs[key].Result is null);
        Assert.True(Runs[key] is { IsStarted: true, Result: null }, $"{hook} is not under way");
        Advance(seconds);
        Runs[key] = Runs[key] with { Result = result };
        return this;
    }

    /// <summary>What runs now, as in <c>preFreeze[0]/db-0</c>.</summary>
    public IEnumerable<string> Running => Status.Hooks.Where(h => h.State == HookState.Running).Select(h => $"{h.Hook}/{h.Pod}");

    public HookStatus Hook(string hook) => Assert.Single(Status.Hooks, h => $"{h.Hook}/{h.Pod}" == hook);

    private void Apply(FreezeAction action, FreezeRequestStatus? status)
    {
        Writes.Add(action.GetType().Name);
        var meta = Request.Metadata;
        switch (action)
        {
            case FreezeAction.Claim:
                meta.Finalizers = [.. meta.Finalizers ?? [], QuiesceApi.Finalizer];
                meta.Labels = new Dictionary<string, string>(meta.Labels ?? new Dictionary<string, string>()) { [QuiesceApi.ExcludeFromBackupLabel] = "true" };
                meta.Annotations = new Dictionary<string, string>(meta.Annotations ?? new Dictionary<string, string>()) { [QuiesceApi.TakenAsAnnotation] = meta.Uid };
                break;
            case FreezeAction.RunHooks run:
                // What has begun is written down before it begins.
                if (!Same(status!)) Write(status!);
                foreach (var hook in run.Starts)
                {
                    Assert.Contains(hook, Status.Hooks);
                    Runs[HookPlan.Key(hook)] = new(hook.StartedAt!.Value, true, false, null);
                }

                break;
            case FreezeAction.CancelHooks:
                foreach (var (key, run) in Runs.Where(r => r.Value.Result is null).ToArray()) Runs[key] = run with { IsCancelled = true };
                break;
            case FreezeAction.CreateWindow create:
                Assert.Null(Window);
                Window = Stored(create.Window, CrdsJson.Default.FreezeWindow);
                break;
            case FreezeAction.CreateNodeFreezes create:
                // The rule that everything rests on: a plan is never there before its window and the finalizer.
                Assert.True(Request.Spec.DryRun || Window is not null);
                Assert.Contains(QuiesceApi.Finalizer, meta.Finalizers);
                foreach (var plan in create.NodeFreezes)
                {
                    Assert.Null(plan.Metadata.Name); // whoever writes it knows which are free
                    plan.Metadata.Name = InternalNames.NodeFreeze(plan.Spec.NodeName, 0);
                    Plans.Add(plan.Spec.NodeName, Stored(plan, CrdsJson.Default.NodeFreeze));
                }

                break;
            case FreezeAction.Command command:
                Patch(command.Patch);
                break;
            case FreezeAction.Raise raise:
                Patch(raise.Patch);
                break;
            case FreezeAction.Thaw thaw:
                Patch(thaw.Patch);
                break;
            case FreezeAction.ReleaseRequest:
                meta.Finalizers = [.. meta.Finalizers.Where(f => f != QuiesceApi.Finalizer)];
                break;
            case FreezeAction.DeleteInternals:
                Window = null;
                Plans.Clear();
                break;
            case FreezeAction.DeleteRequest:
                break;
            default:
                throw new InvalidOperationException(action.ToString());
        }
    }

    private void Patch(JsonObject patch)
    {
        var before = Window!.Spec;
        var json = JsonSerializer.SerializeToNode(Window, CrdsJson.Default.FreezeWindow)!.AsObject();
        Merge(json, patch);
        Window = json.Deserialize(CrdsJson.Default.FreezeWindow)!;
        // As the schema's rules: commands only move forward.
        Assert.True(Window.Spec.DesiredState >= before.DesiredState);
        Assert.True(Window.Spec.DeadlineSeconds >= before.DeadlineSeconds);
        Assert.True(Window.Spec.Confirmed || !before.Confirmed);
        Writes[^1] += Window.Spec.DesiredState != before.DesiredState ? $":{Window.Spec.DesiredState}"
            : Window.Spec.Confirmed != before.Confirmed ? ":Confirmed"
            : $":{Window.Spec.DeadlineSeconds}s";
    }

    private void Write(FreezeRequestStatus status)
    {
        Writes.Add($"Status:{status.Phase}");
        Request = Request with { Status = Stored(status, CrdsJson.Default.FreezeRequestStatus) };
    }

    private bool Same(FreezeRequestStatus status) => Request.Status is { } before
        && JsonSerializer.Serialize(before, CrdsJson.Default.FreezeRequestStatus) == JsonSerializer.Serialize(status, CrdsJson.Default.FreezeRequestStatus);

    private static T Stored<T>(T o, JsonTypeInfo<T> type) => JsonSerializer.Deserialize(JsonSerializer.Serialize(o, type), type)!;

    private static void Merge(JsonObject target, JsonObject patch)
    {
        foreach (var (name, value) in patch)
        {
            if (value is JsonObject inner && target[name] is JsonObject into) Merge(into, inner);
            else target[name] = value?.DeepClone();
        }
    }
}
