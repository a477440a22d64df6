using System.Diagnostics;

namespace Quiesce.Cluster.Tests.Api;

public sealed class WatchTests(SharedServer shared) : ApiTests(shared)
{
    [Fact]
    public async Task A_watch_from_a_version_shows_what_came_after_it_in_order()
    {
        var first = await CreateWidgetAsync("one");
        await CreateWidgetAsync("two");
        await MergeAsync($"{Widgets}/one", """{"spec": {"size": 2}}""");

        using var watch = await WatchAsync($"resourceVersion={first.Version()}");
        await DeleteAsync($"{Widgets}/two");

        Assert.Equal("ADDED two", (await watch.NextChangeAsync(Cancel)).Said);
        var modified = await watch.NextChangeAsync(Cancel);
        Assert.Equal("MODIFIED one", modified.Said);
        Assert.Equal(2, modified.Object["spec"]!["size"]!.GetValue<int>());
        var deleted = await watch.NextChangeAsync(Cancel);
        Assert.Equal("DELETED two", deleted.Said);
        Assert.True(Number(deleted.Object.Version()) > Number(modified.Object.Version()));
    }

    [Theory]
    [InlineData("")]
    [InlineData("resourceVersion=0")]
    public async Task A_watch_from_nowhere_shows_first_what_there_is(string query)
    {
        await CreateWidgetAsync("one");
        await CreateWidgetAsync("two");
        // A real server answers version 0 from a cache that may be a moment behind.
        await GetAsync($"{Widgets}?resourceVersion={(await GetAsync(Widgets)).Body.Version()}&resourceVersionMatch=NotOlderThan");

        using var watch = await WatchAsync(query);
        await CreateWidgetAsync("three");

        var names = new[] { (await watch.NextChangeAsync(Cancel)).Said, (await watch.NextChangeAsync(Cancel)).Said };
        Assert.Equal(["ADDED one", "ADDED two"], names.Order(StringComparer.Ordinal));
        Assert.Equal("ADDED three", (await watch.NextChangeAsync(Cancel)).Said);
    }

    [Fact]
    public async Task Initial_events_end_with_a_bookmark_that_says_so()
    {
        await CreateWidgetAsync("one");

        using var watch = await WatchAsync("sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true");
        var added = await watch.NextAsync(Cancel);
        var bookmark = await watch.NextAsync(Cancel);
        await CreateWidgetAsync("two");

        Assert.Equal("ADDED one", added!.Said);
        Assert.Equal("BOOKMARK", bookmark!.Type);
        Assert.Equal("Widget", bookmark.Object["kind"]!.GetValue<string>());
        Assert.Equal("true", bookmark.Object.Meta("annotations")!["k8s.io/initial-events-end"]!.GetValue<string>());
        Assert.True(Number(bookmark.Object.Version()) >= Number(added.Object.Version()));
        Assert.Equal("ADDED two", (await watch.NextChangeAsync(Cancel)).Said);
    }

    [Fact]
    public async Task Initial_events_of_nothing_are_a_bookmark()
    {
        using var watch = await WatchAsync("sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true");

        Assert.Equal("BOOKMARK", (await watch.NextAsync(Cancel))!.Type);
    }

    [Fact]
    public async Task Initial_events_need_a_version_match()
    {
        var answer = await GetAsync($"{Widgets}?watch=true&sendInitialEvents=true");

        Assert.Equal(422, answer.Code);
        Assert.Equal(["resourceVersionMatch: FieldValueForbidden: Forbidden: sendInitialEvents requires setting resourceVersionMatch to NotOlderThan"], answer.Causes);
    }

    [Fact]
    public async Task A_version_match_without_initial_events_is_refused()
    {
        var answer = await GetAsync($"{Widgets}?watch=true&resourceVersion=1&resourceVersionMatch=NotOlderThan");

        Assert.Equal(422, answer.Code);
        Assert.Equal(["resourceVersionMatch: FieldValueForbidden: Forbidden: resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided"], answer.Causes);
    }

    [Fact]
    public async Task What_comes_into_a_selection_is_added_and_what_leaves_it_is_deleted()
    {
        var created = await CreateWidgetAsync("one", """{"size": 1, "nodeName": "node-1"}""");

        using var byField = await WatchAsync($"resourceVersion={created.Version()}&fieldSelector=spec.nodeName%3Dnode-2");
        using var byLabel = await WatchAsync($"resourceVersion={created.Version()}&labelSelector=in%3Dyes");
        await MergeAsync($"{Widgets}/one", """{"spec": {"nodeName": "node-2"}, "metadata": {"labels": {"in": "yes"}}}""");
        await MergeAsync($"{Widgets}/one", """{"spec": {"size": 2}}""");
        var left = (await MergeAsync($"{Widgets}/one", """{"spec": {"nodeName": "node-3"}, "metadata": {"labels": {"in": "no"}}}""")).Body;

        foreach (var watch in new[] { byField, byLabel })
        {
            Assert.Equal("ADDED one", (await watch.NextChangeAsync(Cancel)).Said);
            Assert.Equal("MODIFIED one", (await watch.NextChangeAsync(Cancel)).Said);
            var deleted = await watch.NextChangeAsync(Cancel);
            Assert.Equal("DELETED one", deleted.Said);
            Assert.Equal("node-2", deleted.Object["spec"]!["nodeName"]!.GetValue<string>());
            Assert.Equal(left.Version(), deleted.Object.Version());
        }
    }

    [Fact]
    public async Task A_watch_of_one_name_sees_nothing_else()
    {
        var version = (await GetAsync(Widgets)).Body.Version();

        using var watch = await WatchAsync($"resourceVersion={version}&fieldSelector=metadata.name%3Dtwo");
        await CreateWidgetAsync("one");
        await CreateWidgetAsync("two");

        Assert.Equal("ADDED two", (await watch.NextChangeAsync(Cancel)).Said);
    }

    [Fact]
    public async Task A_watch_of_one_namespace_sees_nothing_of_another()
    {
        var other = await Server.CreateNamespaceAsync("other", Cancel);
        var version = (await GetAsync(Widgets)).Body.Version();

        using var watch = await WatchAsync($"resourceVersion={version}");
        await PostAsync($"{Group}/namespaces/{other}/widgets", Widget("elsewhere"));
        await CreateWidgetAsync("here");

        Assert.Equal("ADDED here", (await watch.NextChangeAsync(Cancel)).Said);
        await DeleteAsync($"/api/v1/namespaces/{other}");
    }

    [Fact]
    public async Task A_watch_ends_at_its_timeout()
    {
        var started = Stopwatch.GetTimestamp();
        using var watch = await WatchAsync($"timeoutSeconds=1&resourceVersion={(await GetAsync(Widgets)).Body.Version()}");

        Assert.Null(await watch.NextAsync(Cancel));
        Assert.InRange(Stopwatch.GetElapsedTime(started).TotalSeconds, 0.9, 9);
    }

    [Fact]
    public async Task A_version_from_the_future_is_waited_for_in_silence()
    {
        using var watch = await WatchAsync("timeoutSeconds=1&resourceVersion=99999999");
        await CreateWidgetAsync("one");

        Assert.Null(await watch.NextAsync(Cancel));
    }

    [Fact]
    public async Task A_version_that_cannot_be_read_is_refused()
    {
        Assert.Equal(400, (await GetAsync($"{Widgets}?resourceVersion=abc")).Code);
        // A real server says 500 here.
        Assert.InRange((await GetAsync($"{Widgets}?watch=true&resourceVersion=abc")).Code, 400, 500);
    }

    [Fact]
    public async Task A_finalizer_makes_a_deletion_a_change_first()
    {
        var created = await CreateWidgetAsync("one", metadata: """ "finalizers": ["tests.quiesce.dev/hold"],""");

        using var watch = await WatchAsync($"resourceVersion={created.Version()}");
        await DeleteAsync($"{Widgets}/one");
        await MergeAsync($"{Widgets}/one", """{"metadata": {"finalizers": null}}""");

        var marked = await watch.NextChangeAsync(Cancel);
        Assert.Equal("MODIFIED one", marked.Said);
        Assert.NotNull(marked.Object.Meta("deletionTimestamp"));
        Assert.Equal("DELETED one", (await watch.NextChangeAsync(Cancel)).Said);
    }

    [Fact]
    public async Task A_write_that_changes_nothing_is_no_event()
    {
        var created = await CreateWidgetAsync("one");

        using var watch = await WatchAsync($"resourceVersion={created.Version()}");
        await MergeAsync($"{Widgets}/one", """{"spec": {"size": 1}}""");
        await CreateWidgetAsync("two");

        Assert.Equal("ADDED two", (await watch.NextChangeAsync(Cancel)).Said);
    }

    [Fact]
    public async Task A_watch_can_be_of_tables_and_only_the_first_has_headings()
    {
        await CreateWidgetAsync("one", """{"size": 3}""");

        using var watch = await WatchReader.OpenAsync(Server, $"{Widgets}?watch=true", Cancel, "application/json;as=Table;v=v1;g=meta.k8s.io");
        var first = await watch.NextChangeAsync(Cancel);
        await CreateWidgetAsync("two", """{"size": 4}""");
        var second = await watch.NextChangeAsync(Cancel);

        Assert.Equal("Table", first.Object["kind"]!.GetValue<string>());
        Assert.Equal(6, first.Object["columnDefinitions"]!.AsArray().Count);
        Assert.Equal("two", second.Object["rows"]![0]!["cells"]![0]!.GetValue<string>());
        Assert.Empty(second.Object["columnDefinitions"]?.AsArray() ?? []);
    }

    private Task<WatchReader> WatchAsync(string query) => WatchReader.OpenAsync(Server, $"{Widgets}?watch=true&{query}", Cancel);

    private static ulong Number(string version) => ulong.Parse(version, System.Globalization.CultureInfo.InvariantCulture);
}
