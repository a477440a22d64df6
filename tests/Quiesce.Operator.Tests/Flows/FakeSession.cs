using System.Text.Json;
using System.Threading.Channels;
using Quiesce.Crds;
using Quiesce.Crds.Client;
using Quiesce.Operator.Nodes;

namespace Quiesce.Operator.Tests.Flows;

/// <summary>One NodeFreeze as an agent serves it: prepares, freezes on command, holds to the thaw, its own deadline, or a missing confirmation.</summary>
internal sealed class FakeSession
{
    private readonly FakeAgent _agent;
    private NodeFreeze _plan;
    private readonly KubernetesConnection _connection;
    private readonly CancellationTokenSource _die = new();
    private readonly Channel<FreezeWindow?> _commands = Channel.CreateUnbounded<FreezeWindow?>();
    private readonly Task _run;
    private readonly TaskCompletionSource _watching = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private NodeFreezeStatus _status = new();
    private int _nodes = 1;
    private volatile NodeFreeze? _made;

    // The window that called; null where none did.
    private readonly FreezeWindow? _call;

    /// <param name="agent">Whose it is.</param>
    /// <param name="plan">The plan; of a node that was called it does not exist yet.</param>
    /// <param name="connection">The API server.</param>
    /// <param name="call">The window that called, whose commands come by <see cref="Command"/>; null where none did.</param>
    public FakeSession(FakeAgent agent, NodeFreeze plan, KubernetesConnection connection, FreezeWindow? call = null)
    {
        (_agent, _plan, _connection, _call) = (agent, plan, connection, call);
        if (call is not null) _commands.Writer.TryWrite(call);
        _run = Task.Run(RunAsync);
    }

    private string Uid => _plan.Spec.Request.Uid;

    private AgentScript Script => _agent.Script;

    private bool IsSilent => Script.IsSilent || (Script.FallsSilentWhenFrozen && _status.Phase >= NodeFreezePhase.Frozen);

    /// <summary>The plan is gone, which means thaw.</summary>
    public void Gone() => _commands.Writer.TryWrite(null);

    /// <summary>What the window commands that called.</summary>
    public void Command(FreezeWindow window) => _commands.Writer.TryWrite(window);

    /// <summary>The plan exists: the operator made it after all.</summary>
    public void Exists(NodeFreeze plan)
    {
        if (string.IsNullOrEmpty(_plan.Metadata.Uid)) _made = plan;
    }

    public async Task DieAsync()
    {
        await _die.CancelAsync();
        await _run.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        _agent.Ledger?.Thawed(Uid, _agent.Node);
    }

    private async Task RunAsync()
    {
        switch (_plan.Spec.Mode)
        {
            case NodeFreezeMode.Inspect:
                await ReportAsync(Script.FailsToPrepare is { } refused
                    ? Failed(refused)
                    : new() { Phase = NodeFreezePhase.Thawed, Filesystems = Filesystems(FilesystemState.Resolved) });
                break;
            case NodeFreezeMode.ThawUnconditionally:
                await ReportAsync(Script.BreaksAtThaw is { } stuck
                    ? Failed(stuck)
                    : new() { Phase = NodeFreezePhase.Thawed, ThawedFilesystems = Script.Filesystems, Filesystems = Filesystems(FilesystemState.Thawed) });
                break;
            default:
                using (var window = CancellationTokenSource.CreateLinkedTokenSource(_die.Token))
                {
                    var follow = FollowAsync(window.Token);
                    var end = await HoldAsync();
                    if (end.Phase == NodeFreezePhase.Thawed) await Task.Delay(AnswerPause.Next(_nodes), _die.Token);
                    await ReportAsync(end);
                    await window.CancelAsync();
                    await follow.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
                }

                break;
        }
    }

    private async Task<NodeFreezeStatus> HoldAsync()
    {
        var timeout = TimeSpan.FromSeconds(_plan.Spec.FreezeTimeoutSeconds);
        var seen = TimeProvider.System.GetTimestamp();
        TimeSpan Left() => timeout - TimeProvider.System.GetElapsedTime(seen);
        var (late, command) = await NextAsync(Left());
        if (late) return Failed(Reasons.FreezeTimeout);
        if (command is null) return Failed(Reasons.CommandGone);
        if (command.Spec.DesiredState == WindowState.Thawed) return Failed(Reasons.ThawedBeforeFrozen);
        var atOnce = command.Spec is { DesiredState: WindowState.Frozen, Confirmed: true };
        var begun = TimeProvider.System.GetTimestamp();
        while (Script.PrepareTime - TimeProvider.System.GetElapsedTime(begun) is var rest && rest > TimeSpan.Zero)
        {
            var (prepared, next) = await NextAsync(rest);
            if (prepared) break;
            if (next is null) return Failed(Reasons.CommandGone);
            if (next.Spec.DesiredState == WindowState.Thawed) return Failed(Reasons.ThawedBeforeFrozen);
            command = next;
        }

        if (Script.FailsToPrepare is { } reason) return Failed(reason);
        // What the node knows before anyone else can: a freeze before this line on another node would be a broken barrier.
        _agent.Ledger?.Prepared(Uid, _agent.Node);
        if (!atOnce && await WouldHearAsync(timeout / 4)) await ReportAsync(new() { Phase = NodeFreezePhase.Prepared, Filesystems = Filesystems(FilesystemState.Prepared) });
        while (command.Spec.DesiredState == WindowState.Prepared)
        {
            (late, command) = await NextAsync(Left());
            if (late) return Failed(Reasons.FreezeTimeout);
            if (command is null) return Failed(Reasons.CommandGone);
        }

        if (command.Spec.DesiredState == WindowState.Thawed) return Failed(Reasons.ThawedBeforeFrozen);
        if (Left() < TimeSpan.Zero) return Failed(Reasons.FreezeTimeout);
        await Task.Delay(Script.FreezeTime, _die.Token);
        if (Script.FailsToFreeze is { } failure) return Failed(failure);
        if (Script.FreezeSticksUntil is { } returns) return await StuckInFreezeAsync(returns, Left);
        return await FrozenAsync(command, timeout);
    }

    private async Task<NodeFreezeStatus> FrozenAsync(FreezeWindow command, TimeSpan timeout)
    {
        var since = TimeProvider.System.GetTimestamp();
        // Of the freeze command, which is never the one that came with the plan.
        _agent.Ledger?.Frozen(Uid, _agent.Node, NodeTargets.Read(command.Metadata.Annotations[Freezing.WindowRecord.NodesAnnotation])!.Names);
        var (deadline, confirmed) = (command.Spec.DeadlineSeconds, command.Spec.Confirmed);
        try
        {
            var frozen = Frozen(deadline);
            await Task.Delay(AnswerPause.Next(_nodes = command.Spec.Nodes), _die.Token);
            await ReportAsync(frozen);
            while (true)
            {
                var held = TimeProvider.System.GetElapsedTime(since);
                var bound = TimeSpan.FromSeconds(deadline);
                var (over, next) = await NextAsync((confirmed || bound < timeout ? bound : timeout) - held);
                if (over) return Ended(confirmed || bound < timeout ? NodeFreezePhase.Expired : NodeFreezePhase.Broken, confirmed || bound < timeout ? null : Reasons.NotConfirmed);
                if (next is null) return Ended(NodeFreezePhase.Broken, Reasons.CommandGone);
                if (next.Spec.DesiredState == WindowState.Thawed)
                {
                    if (Script.ThawSticksUntil is { } returns) await StuckInThawAsync(returns);
                    return Script.BreaksAtThaw is { } reason ? Ended(NodeFreezePhase.Broken, reason) : Ended(NodeFreezePhase.Thawed, null);
                }

                confirmed = next.Spec.Confirmed;
                if (next.Spec.DeadlineSeconds == deadline) continue;
                deadline = next.Spec.DeadlineSeconds;
                await ReportAsync(Frozen(deadline));
            }
        }
        finally
        {
            _agent.Ledger?.Thawed(Uid, _agent.Node);
        }
    }

    /// <summary>Given up meanwhile, it is thawed as soon as its freeze call returns.</summary>
    private async Task<NodeFreezeStatus> StuckInFreezeAsync(Task returns, Func<TimeSpan> left)
    {
        var (late, command) = (false, (FreezeWindow?)null);
        do (late, command) = await NextAsync(left());
        while (!late && command is { Spec.DesiredState: WindowState.Frozen });
        var stuck = new NodeFreezeStatus
        {
            Phase = NodeFreezePhase.Thawing,
            Reason = late ? Reasons.FreezeTimeout : Reasons.ThawRequested,
            Filesystems = [new() { Path = "/srv/0", State = FilesystemState.Stuck, Reason = Reasons.FreezeStuck, Type = "ext4" }],
        };
        await ReportAsync(stuck);
        await returns.WaitAsync(_die.Token);
        return stuck with { Phase = NodeFreezePhase.Failed, FrozenFilesystems = 1, ThawedFilesystems = 1, Filesystems = [stuck.Filesystems[0] with { State = FilesystemState.Thawed, Reason = null }] };
    }

    private async Task StuckInThawAsync(Task returns)
    {
        await ReportAsync(_status with
        {
            Phase = NodeFreezePhase.Thawing,
            ThawedFilesystems = Script.Filesystems - 1,
            Filesystems = [.. Filesystems(FilesystemState.Thawed).Select((f, i) => i > 0 ? f : f with { State = FilesystemState.Stuck, Reason = Reasons.ThawStuck })],
        });
        await returns.WaitAsync(_die.Token);
    }

    private NodeFreezeStatus Frozen(int deadline) => new()
    {
        Phase = NodeFreezePhase.Frozen,
        DeadlineSeconds = deadline,
        FrozenAt = _status.FrozenAt ?? TimeProvider.System.GetUtcNow(),
        FrozenFilesystems = Script.Filesystems,
        Filesystems = Filesystems(FilesystemState.Frozen),
    };

    private NodeFreezeStatus Ended(NodeFreezePhase phase, string? reason) => _status with
    {
        Phase = phase,
        Reason = reason,
        ThawedAt = TimeProvider.System.GetUtcNow(),
        ThawedFilesystems = phase == NodeFreezePhase.Broken ? 0 : Script.Filesystems,
        Filesystems = Filesystems(phase == NodeFreezePhase.Broken ? FilesystemState.Failed : FilesystemState.Thawed, reason),
    };

    private NodeFreezeStatus Failed(string reason) => new() { Phase = NodeFreezePhase.Failed, Reason = reason, Filesystems = Filesystems(FilesystemState.Failed, reason) };

    private FilesystemStatus[] Filesystems(FilesystemState state, string? reason = null) =>
        [.. Enumerable.Range(0, Script.Filesystems).Select(i => new FilesystemStatus { Path = $"/srv/{i}", State = state, Reason = reason, Type = "ext4", FreezeMilliseconds = i })];

    /// <summary>Waits until the window is watched, for a quarter of the freeze timeout at most; false when anything but Prepared is commanded first.</summary>
    private async Task<bool> WouldHearAsync(TimeSpan within)
    {
        using var over = CancellationTokenSource.CreateLinkedTokenSource(_die.Token);
        over.CancelAfter(within > TimeSpan.Zero ? within : TimeSpan.Zero);
        await Task.WhenAny(_watching.Task, _commands.Reader.WaitToReadAsync(over.Token).AsTask());
        return !_commands.Reader.TryPeek(out var next) || next is { Spec.DesiredState: WindowState.Prepared };
    }

    /// <summary>The next command; <c>Late</c> when none comes in time.</summary>
    private async Task<(bool Late, FreezeWindow? Command)> NextAsync(TimeSpan within)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(_die.Token);
        limit.CancelAfter(within > TimeSpan.Zero ? within : TimeSpan.Zero);
        try
        {
            return (false, await _commands.Reader.ReadAsync(limit.Token));
        }
        catch (OperationCanceledException) when (!_die.IsCancellationRequested)
        {
            return (true, null);
        }
    }

    private async Task FollowAsync(CancellationToken cancellationToken)
    {
        if (_call is not null)
        {
            _watching.TrySetResult();
            return;
        }

        var known = _plan.Metadata.Annotations?.TryGetValue(QuiesceApi.WindowAnnotation, out var json) is true ? JsonSerializer.Deserialize(json, CrdsJson.Default.FreezeWindow) : null;
        if (known is not null) _commands.Writer.TryWrite(known);
        var windows = new ListWatch<FreezeWindow>(
            new(_connection, Kinds.FreezeWindows),
            new() { Namespace = InternalNames.DefaultNamespace, FieldSelector = $"metadata.name={_plan.Spec.Window}", Backoff = new(TimeSpan.FromMilliseconds(10), TimeSpan.FromMilliseconds(100)) },
            null,
            known is null ? null : new(known.Metadata.ResourceVersion, [known]));
        await foreach (var change in windows.FollowAsync(cancellationToken))
        {
            switch (change)
            {
                case WatchEvent<FreezeWindow>.Added(var window):
                    _commands.Writer.TryWrite(window);
                    break;
                case WatchEvent<FreezeWindow>.Modified(var window):
                    _commands.Writer.TryWrite(window);
                    break;
                case WatchEvent<FreezeWindow>.Watching:
                    _watching.TrySetResult();
                    break;
                case WatchEvent<FreezeWindow>.Deleted or WatchEvent<FreezeWindow>.Synced { Items.Count: 0 }:
                    _commands.Writer.TryWrite(null);
                    break;
            }
        }
    }

    private async Task ReportAsync(NodeFreezeStatus status)
    {
        _status = status with { HolderProtected = Script.HolderProtected, BootID = "boot", AgentInstance = _agent.Instance, ObservedGeneration = _plan.Metadata.Generation ?? 1 };
        if (IsSilent) return;
        var client = new ResourceClient<NodeFreeze>(_connection, Kinds.NodeFreezes);
        var stale = false;
        for (var tries = 1; !_die.IsCancellationRequested; tries++)
        {
            try
            {
                if (stale)
                {
                    if (await client.GetAsync(_plan.Metadata.NamespaceProperty, _plan.Metadata.Name, _die.Token) is not { } now || now.Metadata.Uid != _plan.Metadata.Uid) return;
                    _plan = now;
                    stale = false;
                }

                if (string.IsNullOrEmpty(_plan.Metadata.Uid) && _made is { } made) _plan = made;
                if (string.IsNullOrEmpty(_plan.Metadata.Uid))
                {
                    // A window that has ended is not told what it has not heard yet.
                    if (_status.Reason is Reasons.ThawedBeforeFrozen or Reasons.CommandGone) return;
                    _plan = await CreateAsync(client, JsonSerializer.Serialize(_status, CrdsJson.Default.NodeFreezeStatus));
                    return;
                }

                // Against no status at all: every member is written.
                _plan = await client.PatchStatusAsync(_plan with { Status = null }, _plan with { Status = _status }, _die.Token);
                return;
            }
            catch (KubernetesApiException e) when (e.IsAlreadyExists)
            {
                if (await client.GetAsync(_plan.Metadata.NamespaceProperty, _plan.Metadata.Name, _die.Token) is { } there && there.PlanId == _plan.PlanId) _plan = there;
                else _plan.Metadata.Name = InternalNames.NodeFreeze(_agent.Node, (InternalNames.PlaceOf(_agent.Node, _plan.Metadata.Name) ?? 0) + 1);
            }
            catch (KubernetesApiException e) when (e.IsConflict)
            {
                stale = true;
            }
            catch (KubernetesApiException e) when (e.IsTransient)
            {
                await Task.Delay(Backoff.Default.After(tries), _die.Token);
            }
            catch (KubernetesApiException)
            {
                // Gone.
                return;
            }
        }
    }

    private Task<NodeFreeze> CreateAsync(ResourceClient<NodeFreeze> client, string report)
    {
        var meta = _plan.Metadata;
        var annotations = new Dictionary<string, string>(meta.Annotations) { [QuiesceApi.ReportAnnotation] = report };
        return client.CreateAsync(_plan with { Metadata = new() { Name = meta.Name, NamespaceProperty = meta.NamespaceProperty, Labels = meta.Labels, Annotations = annotations } }, _die.Token);
    }
}
