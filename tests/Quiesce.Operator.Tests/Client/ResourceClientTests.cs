using System.Net;
using System.Text.Json.Nodes;
using Quiesce.Cluster.Faults;
using Quiesce.Crds;
using Quiesce.Crds.Client;

namespace Quiesce.Operator.Tests.Client;

/// <summary>Reading and writing objects.</summary>
public sealed class ResourceClientTests : IAsyncLifetime
{
    private TestCluster _cluster = null!;
    private ResourceClient<FreezeRequest> _requests = null!;

    public async ValueTask InitializeAsync()
    {
        _cluster = await TestCluster.StartAsync();
        _requests = _cluster.FreezeRequests;
    }

    public ValueTask DisposeAsync() => _cluster.DisposeAsync();

    private Task<FreezeRequest> CreateAsync(string name = "r") => _requests.CreateAsync(
        new()
        {
            Metadata = new() { Name = name, NamespaceProperty = "shop", Labels = new Dictionary<string, string> { ["n"] = name } },
            Spec = new() { Targets = [new() { HostPath = new() { Path = "/srv", NodeName = "node-1" } }] },
        },
        CancellationToken.None);

    [Fact]
    public async Task What_is_missing_reads_as_null() => Assert.Null(await _requests.GetAsync("shop", "none", CancellationToken.None));

    [Fact]
    public async Task What_was_created_reads_back_with_its_defaults_and_without_managed_fields()
    {
        await CreateAsync();
        var read = await _requests.GetAsync("shop", "r", CancellationToken.None);
        Assert.Equal((20, 10, "/srv"), (read!.Spec.DeadlineSeconds, read.Spec.FreezeTimeoutSeconds, read.Spec.Targets[0].HostPath!.Path));
        Assert.Null(read.Metadata.ManagedFields);
        Assert.NotNull(read.Metadata.Uid);
    }

    [Fact]
    public async Task A_name_that_is_taken_is_told_apart_from_a_conflict()
    {
        await CreateAsync();
        var e = await Assert.ThrowsAsync<KubernetesApiException>(() => CreateAsync());
        Assert.Equal((true, false, HttpStatusCode.Conflict, "AlreadyExists"), (e.IsAlreadyExists, e.IsConflict, e.Status, e.Reason));
        Assert.Contains("POST", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_patch_of_an_older_version_is_a_conflict_and_changes_nothing()
    {
        var created = await CreateAsync();
        var patch = new JsonObject { ["metadata"] = new JsonObject { ["labels"] = new JsonObject { ["a"] = "1" } } };
        await _requests.PatchAsync("shop", "r", patch, created.Metadata.ResourceVersion);
        var e = await Assert.ThrowsAsync<KubernetesApiException>(() => _requests.PatchAsync("shop", "r", patch, created.Metadata.ResourceVersion));
        Assert.True(e.IsConflict);
        Assert.False(e.IsTransient);
    }

    [Fact]
    public async Task A_status_patch_writes_the_difference_removes_what_is_gone_and_leaves_the_rest()
    {
        var created = await CreateAsync();
        var first = await _requests.PatchStatusAsync(
            created, created with { Status = new() { Phase = FreezePhase.Preparing, Message = "m", NodeCount = 2, StartedAt = DateTimeOffset.UnixEpoch } }, CancellationToken.None);
        Assert.Equal("m", first.Status!.Message);
        var second = await _requests.PatchStatusAsync(first, first with { Status = first.Status with { Message = null, Phase = FreezePhase.Frozen } }, CancellationToken.None);
        Assert.Null(second.Status!.Message);
        Assert.Equal((FreezePhase.Frozen, 2), (second.Status.Phase, second.Status.NodeCount));
        Assert.Equal(created.Metadata.Generation, second.Metadata.Generation);
    }

    [Fact]
    public async Task A_status_that_is_the_same_is_not_written()
    {
        var created = await CreateAsync();
        var first = await _requests.PatchStatusAsync(created, created with { Status = new() { Message = "m" } }, CancellationToken.None);
        _cluster.Server.Requests.Clear();
        Assert.Same(first, await _requests.PatchStatusAsync(first, first with { Status = first.Status! with { } }, CancellationToken.None));
        Assert.Empty(_cluster.Server.Requests.Requests);
    }

    [Fact]
    public async Task A_status_patch_does_not_reach_a_namesake()
    {
        var old = await CreateAsync();
        await _requests.DeleteAsync("shop", "r");
        await CreateAsync();
        var e = await Assert.ThrowsAsync<KubernetesApiException>(
            () => _requests.PatchStatusAsync(old, old with { Status = new() { Message = "m" } }, CancellationToken.None));
        Assert.True(e.IsConflict);
        Assert.Null((await _requests.GetAsync("shop", "r", CancellationToken.None))!.Status);
    }

    [Fact]
    public async Task A_patch_that_names_its_object_does_not_reach_a_namesake()
    {
        var old = await CreateAsync();
        await _requests.DeleteAsync("shop", "r");
        var there = await CreateAsync();
        JsonObject patch = new() { ["metadata"] = new JsonObject { ["uid"] = old.Metadata.Uid, ["labels"] = new JsonObject { ["a"] = "b" } } };
        var e = await Assert.ThrowsAsync<KubernetesApiException>(() => _requests.PatchAsync("shop", "r", patch));
        Assert.Equal(HttpStatusCode.UnprocessableEntity, e.Status);
        Assert.True(e.IsConflict);
        Assert.Equal(there.Metadata.ResourceVersion, (await _requests.GetAsync("shop", "r", CancellationToken.None))!.Metadata.ResourceVersion);
        patch["metadata"]!["uid"] = there.Metadata.Uid;
        Assert.Equal("b", (await _requests.PatchAsync("shop", "r", patch)).Metadata.Labels["a"]);
    }

    [Fact]
    public async Task A_delete_spares_another_incarnation_and_says_when_there_was_nothing()
    {
        var created = await CreateAsync();
        var e = await Assert.ThrowsAsync<KubernetesApiException>(() => _requests.DeleteAsync("shop", "r", uid: "another"));
        Assert.True(e.IsConflict);
        Assert.True(await _requests.DeleteAsync("shop", "r", created.Metadata.Uid));
        Assert.False(await _requests.DeleteAsync("shop", "r", created.Metadata.Uid));
    }

    [Fact]
    public async Task A_list_is_whole_though_it_comes_in_pages()
    {
        await Parallel.ForEachAsync(Enumerable.Range(0, 620), async (i, _) => await CreateAsync($"r{i:D3}"));
        _cluster.Server.Requests.Clear();
        var list = await _requests.ListAsync("shop");
        Assert.Equal(620, list.Items.Count);
        Assert.Equal(2, _cluster.Server.Requests.Count(RequestMatch.Of("list", "freezerequests")));
        Assert.All(list.Items, r => Assert.Equal("FreezeRequest", r.Kind));
        Assert.Single((await _requests.ListAsync("shop", labelSelector: "n=r007")).Items);
        Assert.Single((await _requests.ListAsync(null, fieldSelector: "metadata.name=r008")).Items);
    }

    [Fact]
    public async Task A_list_whose_pages_expired_begins_again()
    {
        await Parallel.ForEachAsync(Enumerable.Range(0, 501), async (i, _) => await CreateAsync($"r{i:D3}"));
        _cluster.Server.Faults.Inject(RequestMatch.Of("list", "freezerequests"), FaultEffect.Expired, skip: 1);
        Assert.Equal(501, (await _requests.ListAsync("shop")).Items.Count);
    }

    [Fact]
    public async Task Being_asked_to_wait_is_passed_on()
    {
        _cluster.Server.Faults.Inject(RequestMatch.Of("get", "freezerequests"), FaultEffect.TooManyRequests(7));
        var e = await Assert.ThrowsAsync<KubernetesApiException>(() => _requests.GetAsync("shop", "r", CancellationToken.None));
        Assert.Equal((HttpStatusCode.TooManyRequests, TimeSpan.FromSeconds(7), true), (e.Status, e.RetryAfter, e.IsTransient));
    }

    [Fact]
    public async Task No_answer_is_told_apart_from_a_refusal()
    {
        _cluster.Server.Faults.Inject(RequestMatch.Of("get", "freezerequests"), FaultEffect.CutBefore, times: 10);
        var e = await Assert.ThrowsAsync<KubernetesApiException>(() => _requests.GetAsync("shop", "r", CancellationToken.None));
        Assert.Equal((null, "Unreachable", true), (e.Status, e.Reason, e.IsTransient));
    }

    [Fact]
    public async Task An_answer_that_does_not_come_is_given_up()
    {
        _cluster.Server.Faults.Inject(RequestMatch.Of("get", "freezerequests"), FaultEffect.Delay(TimeSpan.FromMinutes(5)));
        var hasty = new ResourceClient<FreezeRequest>(_cluster.Connect(new() { RequestTimeout = TimeSpan.FromMilliseconds(200) }), Kinds.FreezeRequests);
        var e = await Assert.ThrowsAsync<KubernetesApiException>(() => hasty.GetAsync("shop", "r", CancellationToken.None));
        Assert.Equal((null, "Timeout"), (e.Status, e.Reason));
    }

    [Fact]
    public async Task Cancelling_is_not_an_error_of_the_api()
    {
        _cluster.Server.Faults.Inject(RequestMatch.Of("get", "freezerequests"), FaultEffect.Delay(TimeSpan.FromMinutes(5)));
        using var cancel = new CancellationTokenSource();
        var read = _requests.GetAsync("shop", "r", cancel.Token);
        await cancel.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => read);
    }

    [Fact]
    public async Task A_lease_and_an_event_are_taken_by_the_server()
    {
        var now = DateTimeOffset.UnixEpoch.AddSeconds(1_700_000_000);
        var lease = await new ResourceClient<Lease>(_cluster.Connection, Kinds.Leases).CreateAsync(
            new() { Metadata = new() { Name = "l", NamespaceProperty = "shop" }, Spec = new() { HolderIdentity = "me", RenewTime = now, LeaseDurationSeconds = 15 } }, CancellationToken.None);
        Assert.Equal((now, "me"), (lease.Spec.RenewTime, lease.Spec.HolderIdentity));
        var told = await new ResourceClient<Event>(_cluster.Connection, Kinds.Events).CreateAsync(
            new()
            {
                Metadata = new() { Name = "e", NamespaceProperty = "shop" },
                EventTime = now,
                ReportingController = "quiesce.dev/operator",
                ReportingInstance = "me",
                Action = "Freezing",
                Reason = "Freezing",
                Note = "n",
                Type = "Normal",
                Regarding = new() { Kind = "FreezeRequest", Name = "r", Namespace = "shop" },
            },
            CancellationToken.None);
        Assert.Equal(now, told.EventTime);
    }
}
