using System.Net;
using Microsoft.Extensions.Time.Testing;
using Quiesce.Cluster.Faults;
using Quiesce.Cluster.Tests.Api;

namespace Quiesce.Cluster.Tests.Local;

public sealed class RequestFaultTests : LocalTests
{
    private readonly FakeTimeProvider _clock = new(new DateTimeOffset(2026, 1, 1, 0, 0, 0, TimeSpan.Zero));

    protected override LocalClusterOptions Options => new() { Clock = _clock };

    public static TheoryData<string, int, string> Refusals => new()
    {
        { nameof(FaultEffect.Conflict), 409, "Conflict" },
        { nameof(FaultEffect.Expired), 410, "Expired" },
        { nameof(FaultEffect.InternalError), 500, "InternalError" },
        { nameof(FaultEffect.Unavailable), 503, "ServiceUnavailable" },
    };

    [Theory]
    [MemberData(nameof(Refusals))]
    public async Task A_refusal_is_a_Status_and_nothing_is_written(string effect, int code, string reason)
    {
        using var rule = Cluster.Faults.Inject(RequestMatch.Of("create", "configmaps"), Effect(effect));

        var refused = await CreateAsync("one");
        var missing = await Http.GetAsync($"{Maps}/one", Cancel);
        var accepted = await CreateAsync("one");

        Assert.Equal(code, (int)refused.StatusCode);
        Assert.Equal(reason, (await BodyAsync(refused))["reason"]!.GetValue<string>());
        Assert.Equal(HttpStatusCode.NotFound, missing.StatusCode);
        Assert.Equal(HttpStatusCode.Created, accepted.StatusCode);
        Assert.Equal(1, rule.Hits);
    }

    [Fact]
    public async Task Too_many_requests_says_when_to_come_back()
    {
        Cluster.Faults.Inject(RequestMatch.Of("list"), FaultEffect.TooManyRequests(7));

        var answer = await Http.GetAsync(Maps, Cancel);

        Assert.Equal(HttpStatusCode.TooManyRequests, answer.StatusCode);
        Assert.Equal(TimeSpan.FromSeconds(7), answer.Headers.RetryAfter!.Delta);
        Assert.Equal(7, (await BodyAsync(answer))["details"]!["retryAfterSeconds"]!.GetValue<int>());
    }

    [Fact]
    public async Task A_rule_can_let_some_through_first_and_then_hit_a_number_of_times()
    {
        Cluster.Faults.Inject(RequestMatch.Of("create"), FaultEffect.Unavailable, times: 2, skip: 1);

        var codes = new List<int>();
        foreach (var name in new[] { "a", "b", "c", "d" })
            codes.Add((int)(await CreateAsync(name)).StatusCode);

        Assert.Equal([201, 503, 503, 201], codes);
    }

    [Fact]
    public async Task A_rule_hits_only_what_it_matches()
    {
        await CreateAsync("one");
        await CreateAsync("two");
        Cluster.Faults.Inject(new RequestMatch { Verbs = ["get"], Name = "one", Namespace = "default", UserAgent = "operator" }, FaultEffect.Unavailable, times: 100);

        async Task<int> Get(string name, string agent) => (int)(await SendAsync(HttpMethod.Get, $"{Maps}/{name}", userAgent: agent)).StatusCode;

        Assert.Equal(503, await Get("one", "quiesce-operator/1.0"));
        Assert.Equal(200, await Get("two", "quiesce-operator/1.0"));
        Assert.Equal(200, await Get("one", "quiesce-agent/1.0"));
    }

    [Fact]
    public async Task Of_two_rules_the_older_one_goes_first()
    {
        Cluster.Faults.Inject(RequestMatch.Any, FaultEffect.Unavailable);
        Cluster.Faults.Inject(RequestMatch.Any, FaultEffect.InternalError);

        Assert.Equal(503, (int)(await Http.GetAsync(Maps, Cancel)).StatusCode);
        Assert.Equal(500, (int)(await Http.GetAsync(Maps, Cancel)).StatusCode);
        Assert.Equal(200, (int)(await Http.GetAsync(Maps, Cancel)).StatusCode);
    }

    [Fact]
    public async Task A_rule_that_is_taken_out_does_nothing_any_more()
    {
        Cluster.Faults.Inject(RequestMatch.Any, FaultEffect.Unavailable).Dispose();
        Assert.Equal(200, (int)(await Http.GetAsync(Maps, Cancel)).StatusCode);

        Cluster.Faults.Inject(RequestMatch.Any, FaultEffect.Unavailable);
        Cluster.Faults.Clear();
        Assert.Equal(200, (int)(await Http.GetAsync(Maps, Cancel)).StatusCode);
    }

    [Fact]
    public async Task A_delay_goes_by_the_clusters_clock()
    {
        var rule = Cluster.Faults.Inject(RequestMatch.Of("create"), FaultEffect.Delay(TimeSpan.FromMinutes(5)));

        var creation = CreateAsync("one");
        await rule.FirstHit.WaitAsync(TimeSpan.FromSeconds(30), Cancel);
        var before = await Http.GetAsync($"{Maps}/one", Cancel);
        while (!creation.IsCompleted)
        {
            _clock.Advance(TimeSpan.FromMinutes(5));
            await Task.WhenAny(creation, Task.Delay(10, Cancel));
        }

        Assert.Equal(HttpStatusCode.NotFound, before.StatusCode);
        Assert.Equal(HttpStatusCode.Created, (await creation).StatusCode);
    }

    [Fact]
    public async Task A_request_can_be_held_until_the_test_lets_it_go()
    {
        var release = new TaskCompletionSource();
        var rule = Cluster.Faults.Inject(RequestMatch.Of("create"), FaultEffect.HoldUntil(release.Task));

        var creation = CreateAsync("one");
        await rule.FirstHit.WaitAsync(TimeSpan.FromSeconds(30), Cancel);
        var before = await Http.GetAsync($"{Maps}/one", Cancel);
        release.SetResult();

        Assert.Equal(HttpStatusCode.NotFound, before.StatusCode);
        Assert.Equal(HttpStatusCode.Created, (await creation).StatusCode);
    }

    [Fact]
    public async Task A_connection_cut_before_serving_has_done_nothing()
    {
        Cluster.Faults.Inject(RequestMatch.Of("create"), FaultEffect.CutBefore);

        await Assert.ThrowsAsync<HttpRequestException>(() => CreateAsync("one"));

        Assert.Equal(HttpStatusCode.NotFound, (await Http.GetAsync($"{Maps}/one", Cancel)).StatusCode);
    }

    [Fact]
    public async Task A_connection_cut_after_serving_has_done_its_work()
    {
        Cluster.Faults.Inject(RequestMatch.Of("create"), FaultEffect.CutAfter);
        Cluster.Faults.Inject(RequestMatch.Of("patch"), FaultEffect.CutAfter);
        Cluster.Faults.Inject(RequestMatch.Of("delete"), FaultEffect.CutAfter);

        await Assert.ThrowsAsync<HttpRequestException>(() => CreateAsync("one"));
        Assert.Equal("one", (await GetAsync($"{Maps}/one")).Name());
        await Assert.ThrowsAsync<HttpRequestException>(() => MergeAsync("one", """{"data": {"a": "b"}}"""));
        Assert.Equal("b", (await GetAsync($"{Maps}/one"))["data"]!["a"]!.GetValue<string>());
        await Assert.ThrowsAsync<HttpRequestException>(() => Http.DeleteAsync($"{Maps}/one", Cancel));
        Assert.Equal(HttpStatusCode.NotFound, (await Http.GetAsync($"{Maps}/one", Cancel)).StatusCode);
    }

    [Fact]
    public async Task Refused_connections_come_back_on_the_same_port_with_everything_kept()
    {
        await CreateAsync("one");
        var (url, version) = (Cluster.Url, await VersionAsync());
        using var watch = await WatchAsync($"resourceVersion={version}");

        await Cluster.RefuseConnectionsAsync();
        await Assert.ThrowsAnyAsync<Exception>(() => watch.NextAsync(Cancel));
        var refused = await Assert.ThrowsAsync<HttpRequestException>(() => Http.GetAsync(Maps, Cancel));
        await Cluster.ResumeAsync();

        Assert.Equal(HttpRequestError.ConnectionError, refused.HttpRequestError);
        Assert.Equal(url, Cluster.Url);
        Assert.Equal("one", (await GetAsync($"{Maps}/one")).Name());
        using var again = await WatchAsync($"resourceVersion={version}");
        await CreateAsync("two");
        Assert.Equal("ADDED two", (await again.NextChangeAsync(Cancel)).Said);
    }

    private static FaultEffect Effect(string name) => name switch
    {
        nameof(FaultEffect.Conflict) => FaultEffect.Conflict,
        nameof(FaultEffect.Expired) => FaultEffect.Expired,
        nameof(FaultEffect.InternalError) => FaultEffect.InternalError,
        _ => FaultEffect.Unavailable,
    };
}
