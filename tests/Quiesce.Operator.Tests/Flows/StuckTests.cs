using Quiesce.Crds;

namespace Quiesce.Operator.Tests.Flows;

/// <summary>Freeze and thaw calls that do not return, from the first report of one to its release.</summary>
public sealed class StuckTests
{
    private readonly TaskCompletionSource _returns = new(TaskCreationOptions.RunContinuationsAsynchronously);

    private static async Task<FreezeRequestStatus> StuckConditionAsync(Stage stage, FreezeRequest request, string status) => await Eventually.GetAsync(
        async () => (await stage.GetAsync(request))!.Status is { } s && s.Conditions.Any(c => c.Type == ConditionTypes.FilesystemStuck && c.Status == status) ? s : null,
        () => $"FilesystemStuck={status}\n{stage.Said}");

    private static async Task<IReadOnlyList<(string Type, string Reason)>> EventsAsync(Stage stage, FreezeRequest request, string until) => await Eventually.GetAsync(
        async () => (await stage.EventsAsync(request.Metadata.Uid)).Select(e => (e.Type!, e.Reason!)).ToArray() is { } all && all.Any(e => e.Item2 == until) ? all : null,
        () => $"the Event {until}\n{stage.Said}");

    [Fact]
    public async Task A_stuck_freeze_fails_the_request_at_once_and_is_followed_to_its_release_also_by_another_operator()
    {
        await using var stage = await Stage.SetAsync(2);
        stage.Agents[1].Script = new() { FreezeSticksUntil = _returns.Task };
        var request = await stage.RequestAsync(s => s with { FreezeTimeoutSeconds = 1, DeadlineSeconds = 60 });
        var failed = await stage.PhaseAsync(request, FreezePhase.Failed);
        Assert.Equal(Reasons.FreezeStuck, failed.Reason);
        Assert.Contains("node node-2: /srv/0", failed.Message, StringComparison.Ordinal);
        Assert.Equal(ConditionStatus.True, Stage.Condition(failed, ConditionTypes.FilesystemStuck).Status);
        Assert.Equal(0, stage.Ledger.Holding);
        await Eventually.GetAsync(async () => (await stage.GetAsync(request))!.Metadata.Finalizers is null or [] ? "released" : null, () => "no finalizer\n" + stage.Said);
        await Eventually.TrueAsync(() => (Gauge.Read("quiesce.cluster.filesystems.stuck", "freeze"), Gauge.Read("quiesce.cluster.filesystems.stuck", "thaw")) == (1, 0), "the metric");
        Assert.Contains(("Warning", Reasons.FreezeStuck), await EventsAsync(stage, request, "Failed"));

        await stage.StopOperatorAsync(stage.Operator);
        await stage.StartOperatorAsync();
        await Eventually.TrueAsync(() => Gauge.Read("quiesce.cluster.filesystems.stuck", "freeze") == 1, "the metric after a restart");
        Assert.Equal(2, (await stage.Cluster.NodeFreezes.ListAsync(InternalNames.DefaultNamespace)).Items.Count);
        _returns.SetResult();
        var released = await StuckConditionAsync(stage, request, ConditionStatus.False);
        Assert.Equal((FreezePhase.Failed, Reasons.FreezeStuck), (released.Phase, released.Reason));
        Assert.Equal(Reasons.Released, Stage.Condition(released, ConditionTypes.FilesystemStuck).Reason);
        Assert.Equal(ConditionStatus.True, Stage.Condition(released, ConditionTypes.Thawed).Status);
        await stage.CleanAsync();
        await Eventually.TrueAsync(() => Gauge.Read("quiesce.cluster.filesystems.stuck") == 0, "nothing stuck");
        var events = await EventsAsync(stage, request, Reasons.Released);
        Assert.Contains(("Normal", Reasons.Released), events);
        Assert.Single(events, e => e.Reason == Reasons.FreezeStuck);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(3)]
    public async Task A_stuck_thaw_breaks_the_window_and_holds_up_nobody(int nodes)
    {
        await using var stage = await Stage.SetAsync(nodes);
        stage.Agents[0].Script = new() { ThawSticksUntil = _returns.Task };
        var request = await stage.RequestAsync(s => s with { DeadlineSeconds = 60 });
        await stage.PhaseAsync(request, FreezePhase.Frozen);
        await stage.ThawAsync(request);
        var broken = await stage.PhaseAsync(request, FreezePhase.Broken);
        Assert.Equal((Reasons.ThawStuck, (nodes * 2) - 1), (broken.Reason, broken.ThawedFilesystems));
        Assert.Equal((ConditionStatus.False, ConditionStatus.False), (Stage.Condition(broken, ConditionTypes.WindowIntact).Status, Stage.Condition(broken, ConditionTypes.Thawed).Status));
        await Eventually.TrueAsync(() => Gauge.Read("quiesce.cluster.filesystems.stuck", "thaw") == 1, "the metric");
        _returns.SetResult();
        var released = await StuckConditionAsync(stage, request, ConditionStatus.False);
        Assert.Equal((FreezePhase.Broken, nodes * 2, ConditionStatus.True), (released.Phase, released.ThawedFilesystems, Stage.Condition(released, ConditionTypes.Thawed).Status));
        await stage.CleanAsync();
    }

    [Fact]
    public async Task A_request_is_deleted_although_something_is_stuck_and_what_is_left_of_it_is_swept()
    {
        await using var stage = await Stage.SetAsync(1);
        stage.Agents[0].Script = new() { ThawSticksUntil = _returns.Task };
        var (open, finished) = (await stage.RequestAsync(), await stage.RequestAsync());
        foreach (var request in new[] { open, finished }) await stage.PhaseAsync(request, FreezePhase.Frozen);
        await stage.ThawAsync(finished);
        await stage.PhaseAsync(finished, FreezePhase.Broken);
        foreach (var request in new[] { open, finished }) await stage.DeleteAsync(request);
        foreach (var request in new[] { open, finished }) await stage.GoneAsync(request);
        await Eventually.GetAsync(
            async () => (await stage.Cluster.NodeFreezes.ListAsync(InternalNames.DefaultNamespace)).Items.Count == 0 ? "swept" : null, () => "swept\n" + stage.Said);
        _returns.SetResult();
        await stage.CleanAsync();
    }

    [Fact]
    public async Task A_request_whose_time_is_over_deletes_itself_although_something_is_stuck()
    {
        await using var stage = await Stage.SetAsync(1);
        stage.Agents[0].Script = new() { ThawSticksUntil = _returns.Task };
        var request = await stage.RequestAsync(s => s with { TtlSecondsAfterFinished = 1 });
        await stage.PhaseAsync(request, FreezePhase.Frozen);
        await stage.ThawAsync(request);
        await stage.PhaseAsync(request, FreezePhase.Broken);
        await stage.GoneAsync(request);
        _returns.SetResult();
        await stage.CleanAsync();
    }

    [Fact]
    public async Task An_unprotected_holder_is_a_condition_and_a_metric()
    {
        await using var stage = await Stage.SetAsync(2);
        stage.Agents[0].Script = new() { HolderProtected = true };
        stage.Agents[1].Script = new() { HolderProtected = false };
        var request = await stage.RequestAsync();
        var frozen = await stage.PhaseAsync(request, FreezePhase.Frozen);
        var condition = Stage.Condition(frozen, ConditionTypes.HolderProtected);
        Assert.Equal((ConditionStatus.False, Reasons.HolderUnprotected), (condition.Status, condition.Reason));
        Assert.StartsWith("node node-2: ", condition.Message, StringComparison.Ordinal);
        await Eventually.TrueAsync(() => Gauge.Read("quiesce.cluster.nodes.unprotected") == 1, "the metric");
        await stage.ThawAsync(request);
        await stage.PhaseAsync(request, FreezePhase.Thawed);
        await stage.CleanAsync();
    }
}
