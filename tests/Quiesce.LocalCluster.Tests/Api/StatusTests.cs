using System.Text.Json.Nodes;

namespace Quiesce.Cluster.Tests.Api;

public sealed class StatusTests(SharedServer shared) : ApiTests(shared)
{
    [Fact]
    public async Task The_status_path_changes_status_alone_and_no_generation()
    {
        await CreateWidgetAsync("one");

        var answer = await MergeAsync($"{Widgets}/one/status", """{"metadata": {"labels": {"a": "b"}, "finalizers": ["tests.quiesce.dev/x"]}, "spec": {"size": 5}, "status": {"count": 3}}""");

        Assert.Equal(200, answer.Code);
        Json.Same("""{"count": 3}""", answer.Body["status"]);
        Assert.Equal(1, answer.Body["spec"]!["size"]!.GetValue<int>());
        Assert.Null(answer.Body.Meta("labels"));
        Assert.Null(answer.Body.Meta("finalizers"));
        Assert.Equal(1, answer.Body.Generation());
    }

    [Fact]
    public async Task The_main_path_does_not_change_status()
    {
        await CreateWidgetAsync("one");
        var current = (await MergeAsync($"{Widgets}/one/status", """{"status": {"count": 3}}""")).Body;
        current["status"] = JsonNode.Parse("""{"count": 9}""");
        current["spec"]!["size"] = 2;

        var put = await PutAsync($"{Widgets}/one", current.ToJsonString());
        var patched = await MergeAsync($"{Widgets}/one", """{"status": null}""");

        Assert.Equal(3, put.Body["status"]!["count"]!.GetValue<int>());
        Assert.Equal(2, put.Body["spec"]!["size"]!.GetValue<int>());
        Assert.Equal(3, patched.Body["status"]!["count"]!.GetValue<int>());
    }

    [Fact]
    public async Task A_status_can_be_put_and_is_checked_for_conflicts()
    {
        var created = await CreateWidgetAsync("one");
        created["status"] = JsonNode.Parse("""{"count": 1}""");

        var first = await PutAsync($"{Widgets}/one/status", created.ToJsonString());
        var second = await PutAsync($"{Widgets}/one/status", created.ToJsonString());

        Assert.Equal(200, first.Code);
        Assert.Equal(409, second.Code);
    }

    [Fact]
    public async Task The_status_path_reads_the_whole_object()
    {
        await CreateWidgetAsync("one");

        var answer = await GetAsync($"{Widgets}/one/status");

        Assert.Equal(200, answer.Code);
        Assert.Equal(1, answer.Body["spec"]!["size"]!.GetValue<int>());
    }

    [Fact]
    public async Task Without_the_subresource_status_is_a_field_like_any_other()
    {
        var name = $"status-{Namespace}";
        await PostAsync($"{Group}/plains", $$$"""{"apiVersion": "tests.quiesce.dev/v1", "kind": "Plain", "metadata": {"name": "{{{name}}}"}, "status": {"a": 1}}""");

        var changed = await MergeAsync($"{Group}/plains/{name}", """{"status": {"a": 2}}""");

        Assert.Equal(2, changed.Body["status"]!["a"]!.GetValue<int>());
        Assert.Equal(2, changed.Body.Generation());
        Assert.Equal(404, (await MergeAsync($"{Group}/plains/{name}/status", """{"status": {"a": 3}}""")).Code);
        await DeleteAsync($"{Group}/plains/{name}");
    }
}
