using Quiesce.Crds;
using Quiesce.Operator.Nodes;
using Quiesce.Operator.Thawing;

namespace Quiesce.Operator.Tests.Deciding;

/// <summary>The life of a ThawRequest.</summary>
public sealed class ThawTests
{
    private static readonly DateTimeOffset Start = World.Start;

    private ThawState _state = new()
    {
        Request = new()
        {
            Metadata = new() { Name = "recover", Uid = "0c9d8f3e-0000-4000-8000-000000000002", Generation = 1 },
            Spec = new() { NodeName = "node-1", Paths = ["/srv/orders"], TtlSecondsAfterFinished = 60 },
        },
        Cluster = new(new Dictionary<string, IReadOnlyDictionary<string, string>> { ["node-1"] = new Dictionary<string, string>() }, new HashSet<string> { "node-1" }),
        Now = Start,
    };

    private readonly List<ThawAction> _actions = [];

    private ThawRequestStatus Status => _state.Request.Status!;

    [Fact]
    public void It_labels_reports_and_then_tells_the_node()
    {
        Settle();
        Assert.Equal([ThawAction.Label, ThawAction.Create], _actions);
        var plan = _state.NodeFreeze!;
        Assert.Equal(_state.Request.Metadata.Uid, plan.Metadata.Labels[QuiesceApi.RequestUidLabel]);
        Assert.Equal((NodeFreezeMode.ThawUnconditionally, null, "", "recover"), (plan.Spec.Mode, plan.Spec.Window, plan.Spec.Request.Namespace, plan.Spec.Request.Name));
        Assert.Equal(["/srv/orders"], plan.Spec.Paths);
        Assert.False(plan.Spec.AllFilesystems);
        Assert.Equal((ThawPhase.Thawing, Start), (Status.Phase, Status.StartedAt));
    }

    [Fact]
    public void Without_paths_it_means_every_filesystem()
    {
        _state = _state with { Request = _state.Request with { Spec = _state.Request.Spec with { Paths = [] } } };
        Settle();
        Assert.True(_state.NodeFreeze!.Spec.AllFilesystems);
    }

    [Fact]
    public void It_ends_with_the_count_and_cleans_up_and_goes_when_its_time_is_over()
    {
        Settle();
        Report(new() { Phase = NodeFreezePhase.Thawed, ThawedFilesystems = 3, Filesystems = [new() { Path = "/srv/orders", State = FilesystemState.Thawed }] });
        var after = Settle();
        Assert.Equal((ThawPhase.Thawed, 3), (Status.Phase, Status.ThawedFilesystems));
        Assert.Single(Status.Filesystems);
        Assert.Equal(ConditionStatus.True, Condition(ConditionTypes.Thawed).Status);
        Assert.Equal(ConditionStatus.True, Condition(ConditionTypes.Finished).Status);
        Assert.Null(_state.NodeFreeze);
        Assert.Equal(TimeSpan.FromSeconds(60.001), after);
        _state = _state with { Now = Start.AddSeconds(60) };
        Assert.Equal(ThawAction.DeleteRequest, ThawDecision.Decide(_state).Action);
    }

    [Fact]
    public void A_thaw_that_failed_is_told_with_its_reason()
    {
        Settle();
        Report(new() { Phase = NodeFreezePhase.Failed, Reason = Reasons.ThawStuck, ThawedFilesystems = 1, Filesystems = [new() { Path = "/srv/orders", State = FilesystemState.Stuck, Reason = Reasons.ThawStuck, Message = "does not return" }] });
        Settle();
        Assert.Equal((ThawPhase.Failed, Reasons.ThawStuck, 1), (Status.Phase, Status.Reason, Status.ThawedFilesystems));
        Assert.Contains("/srv/orders: does not return", Status.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_node_that_does_not_answer_in_time_is_lost()
    {
        Assert.Equal(TimeSpan.FromSeconds(30.001), Settle());
        _state = _state with { Now = Start.AddSeconds(30) };
        Settle();
        Assert.Equal((ThawPhase.Failed, Reasons.NodeLost), (Status.Phase, Status.Reason));
        Assert.Null(_state.NodeFreeze);
    }

    [Theory]
    [InlineData(Reasons.NodeNotFound)]
    [InlineData(Reasons.AgentNotReady)]
    [InlineData(Reasons.Restored)]
    public void What_cannot_be_done_is_refused_at_once(string reason)
    {
        _state = reason switch
        {
            Reasons.NodeNotFound => _state with { Cluster = ClusterView.Empty },
            Reasons.AgentNotReady => _state with { Cluster = _state.Cluster with { ReadyAgents = new HashSet<string>() } },
            _ => _state,
        };
        if (reason == Reasons.Restored) _state.Request.Metadata.Labels = new Dictionary<string, string> { [QuiesceApi.RestoreNameLabel] = "r" };
        Assert.Equal(reason != Reasons.Restored, ThawDecision.Decide(_state).RestsOnAbsence);
        Settle();
        Assert.Equal((ThawPhase.Failed, reason), (Status.Phase, Status.Reason));
        Assert.Equal((ConditionStatus.False, reason), (Condition(ConditionTypes.Accepted).Status, Condition(ConditionTypes.Accepted).Reason));
        Assert.Empty(_actions);
    }

    [Fact]
    public void What_the_api_server_refuses_for_good_ends_it()
    {
        _state = _state with { Request = _state.Request with { Status = null } };
        Settle(untilAction: ThawAction.Create);
        _state = _state with { NodeFreeze = null, WriteRefused = new(Reasons.InternalError, "the API server refused: no.") };
        Settle();
        Assert.Equal((ThawPhase.Failed, Reasons.InternalError), (Status.Phase, Status.Reason));
    }

    [Fact]
    public void A_copy_thaws_nothing_whatever_its_labels_are()
    {
        Settle();
        // As kubectl writes it and creates it again, with everything but the status.
        _state = _state with { Request = _state.Request with { Status = null }, NodeFreeze = null };
        _state.Request.Metadata.Uid = "0c9d8f3e-0000-4000-8000-000000000003";
        _actions.Clear();
        Settle();
        Assert.Equal((ThawPhase.Failed, Reasons.Restored), (Status.Phase, Status.Reason));
        Assert.Empty(_actions);
    }

    [Fact]
    public void One_that_is_being_deleted_is_left_alone()
    {
        _state.Request.Metadata.DeletionTimestamp = Start.UtcDateTime;
        Assert.Null(Settle());
        Assert.Empty(_actions);
    }

    private Condition Condition(string type) => Assert.Single(Status.Conditions, c => c.Type == type);

    private void Report(NodeFreezeStatus status) => _state = _state with { NodeFreeze = _state.NodeFreeze! with { Status = status } };

    private TimeSpan? Settle(ThawAction? untilAction = null)
    {
        for (var i = 0; i < 20; i++)
        {
            var step = ThawDecision.Decide(_state);
            if (step.Action != ThawAction.None)
            {
                _actions.Add(step.Action);
                if (step.Action == ThawAction.Label)
                {
                    _state.Request.Metadata.Labels = new Dictionary<string, string> { [QuiesceApi.ExcludeFromBackupLabel] = "true" };
                    _state.Request.Metadata.Annotations = new Dictionary<string, string> { [QuiesceApi.TakenAsAnnotation] = _state.Request.Metadata.Uid };
                }
                if (step.Action == ThawAction.Create) _state = _state with { NodeFreeze = step.NodeFreeze };
                if (step.Action == ThawAction.DeleteNodeFreeze) _state = _state with { NodeFreeze = null };
                if (step.Action == untilAction) return null;
            }
            else if (step.Status is not null)
            {
                _state = _state with { Request = _state.Request with { Status = step.Status } };
            }
            else
            {
                return step.RequeueAfter;
            }
        }

        throw new InvalidOperationException("it never comes to rest");
    }
}
