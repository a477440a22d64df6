using Quiesce.Cluster.Faults;

namespace Quiesce.Cluster.Tests.Local;

public sealed class RecorderTests : LocalTests
{
    [Fact]
    public async Task Every_request_is_recorded_in_order_with_what_it_was()
    {
        await CreateAsync("one");
        await MergeAsync("one", """{"data": {"a": "b"}}""");
        await SendAsync(HttpMethod.Patch, "/api/v1/namespaces/default/pods/none/status", "{}", "application/merge-patch+json", "quiesce-agent/1.0");
        await Http.GetAsync($"{Maps}?labelSelector=a%3Db", Cancel);
        await Http.DeleteAsync($"{Maps}/one", Cancel);
        await Http.GetAsync("/version", Cancel);

        Assert.Equal(
            ["1 create configmaps default/ 201", "2 patch configmaps default/one 200", "3 patch pods/status default/none 404", "4 list configmaps default/ 200", "5 delete configmaps default/one 200", "6 get /version / 200"],
            Cluster.Requests.Requests.Select(r => r.ToString()));
        Assert.Equal("quiesce-agent/1.0", Cluster.Requests.Requests[2].UserAgent);
        Assert.Equal("?labelSelector=a%3Db", Cluster.Requests.Requests[3].Query);
        Assert.Equal(4, Cluster.Requests.Count(RequestMatch.Writes));
        Assert.Equal(1, Cluster.Requests.Count(RequestMatch.Writes with { UserAgent = "quiesce-agent" }));
        Assert.Equal(1, Cluster.Requests.Totals[("patch", "pods/status")]);
    }

    [Fact]
    public async Task A_faulted_request_is_recorded_as_such()
    {
        Cluster.Faults.Inject(RequestMatch.Any, FaultEffect.CutBefore);

        await Assert.ThrowsAsync<HttpRequestException>(() => CreateAsync("one"));

        var request = Assert.Single(Cluster.Requests.Requests);
        Assert.True(request.Faulted);
        Assert.Equal(0, request.StatusCode);
    }

    [Fact]
    public async Task Forgetting_keeps_the_numbering()
    {
        await CreateAsync("one");
        Cluster.Requests.Clear();
        await CreateAsync("two");

        Assert.Equal(2, Assert.Single(Cluster.Requests.Requests).Number);
    }

    [Fact]
    public async Task A_test_can_wait_for_a_number_of_requests()
    {
        await CreateAsync("one");
        var waiting = Cluster.Requests.WaitForAsync(RequestMatch.Of("create", "configmaps"), 2, Cancel);
        Assert.False(waiting.IsCompleted);

        await CreateAsync("two");

        await waiting.WaitAsync(TimeSpan.FromSeconds(30), Cancel);
        await Cluster.Requests.WaitForAsync(RequestMatch.Of("create"), 1, Cancel);
    }

    [Fact]
    public async Task Every_write_of_a_scenario_is_a_point_at_which_to_inject_a_fault()
    {
        async Task Scenario()
        {
            await CreateAsync("one");
            await MergeAsync("one", """{"data": {"a": "b"}}""");
            await Http.DeleteAsync($"{Maps}/one", Cancel);
        }

        await Scenario();
        var writes = Cluster.Requests.Count(RequestMatch.Writes);
        foreach (var point in Enumerable.Range(0, writes))
        {
            using var rule = Cluster.Faults.Inject(RequestMatch.Writes, FaultEffect.Unavailable, skip: point);
            await Scenario();
            Assert.Equal(1, rule.Hits);
            await Http.DeleteAsync($"{Maps}/one", Cancel);
        }

        Assert.Equal(3, writes);
    }
}
