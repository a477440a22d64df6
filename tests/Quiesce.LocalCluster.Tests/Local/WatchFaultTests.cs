using System.Net;
using Microsoft.Extensions.Time.Testing;
using Quiesce.Cluster.Faults;
using Quiesce.Cluster.Tests.Api;

namespace Quiesce.Cluster.Tests.Local;

public sealed class WatchFaultTests : LocalTests
{
    private readonly FakeTimeProvider _clock = new(new DateTimeOffset(2026, 1, 1, 0, 0, 0, TimeSpan.Zero));

    protected override LocalClusterOptions Options => new() { Clock = _clock, HistoryLimit = 50, BookmarkInterval = TimeSpan.FromSeconds(10), WatchTimeout = TimeSpan.FromMinutes(1) };

    [Fact]
    public async Task A_compacted_version_is_answered_with_an_error_event()
    {
        var version = await VersionAsync();
        await CreateAsync("one");
        Cluster.CompactHistory();

        using var watch = await WatchAsync($"resourceVersion={version}");
        var error = await watch.NextAsync(Cancel);

        Assert.Equal(200, watch.Code);
        Assert.Equal("ERROR", error!.Type);
        Assert.Equal((410, "Expired", "Failure"), (error.Object["code"]!.GetValue<int>(), error.Object["reason"]!.GetValue<string>(), error.Object["status"]!.GetValue<string>()));
        Assert.StartsWith($"too old resource version: {version} (", error.Object["message"]!.GetValue<string>(), StringComparison.Ordinal);
        Assert.Null(await watch.NextAsync(Cancel));
    }

    [Fact]
    public async Task History_is_bounded()
    {
        var version = await VersionAsync();
        foreach (var i in Enumerable.Range(0, 60))
            await CreateAsync($"map-{i}");

        using var tooOld = await WatchAsync($"resourceVersion={version}");
        using var recent = await WatchAsync($"resourceVersion={(await GetAsync($"{Maps}/map-30")).Version()}");

        Assert.Equal("ERROR", (await tooOld.NextAsync(Cancel))!.Type);
        Assert.Equal("ADDED map-31", (await recent.NextAsync(Cancel))!.Said);
    }

    [Fact]
    public async Task Compaction_leaves_running_watches_alone_and_ends_lists_in_pages()
    {
        await CreateAsync("one");
        await CreateAsync("two");
        using var watch = await WatchAsync($"resourceVersion={await VersionAsync()}");
        var token = (await GetAsync($"{Maps}?limit=1")).Meta("continue")!.GetValue<string>();

        Cluster.CompactHistory();
        await CreateAsync("three");
        var page = await Http.GetAsync($"{Maps}?limit=1&continue={Uri.EscapeDataString(token)}", Cancel);

        Assert.Equal("ADDED three", (await watch.NextAsync(Cancel))!.Said);
        Assert.Equal(HttpStatusCode.Gone, page.StatusCode);
        Assert.Equal("Expired", (await BodyAsync(page))["reason"]!.GetValue<string>());
    }

    [Fact]
    public async Task An_injected_410_comes_to_a_watch_as_an_error_event_and_to_a_list_as_a_status()
    {
        Cluster.Faults.Inject(RequestMatch.Of("watch"), FaultEffect.Expired);
        Cluster.Faults.Inject(RequestMatch.Of("list"), FaultEffect.Expired);

        using var watch = await WatchAsync("resourceVersion=0");
        var list = await Http.GetAsync(Maps, Cancel);

        Assert.Equal(200, watch.Code);
        Assert.Equal(410, (await watch.NextAsync(Cancel))!.Object["code"]!.GetValue<int>());
        Assert.Null(await watch.NextAsync(Cancel));
        Assert.Equal(HttpStatusCode.Gone, list.StatusCode);
    }

    [Fact]
    public async Task Running_watches_can_be_cut()
    {
        using var watch = await WatchAsync($"resourceVersion={await VersionAsync()}");

        Assert.Equal(1, Cluster.Faults.DropWatches());

        await Assert.ThrowsAnyAsync<IOException>(() => watch.NextAsync(Cancel));
    }

    [Fact]
    public async Task Running_watches_can_be_ended_in_order()
    {
        using var watch = await WatchAsync($"resourceVersion={await VersionAsync()}");

        Assert.Equal(1, Cluster.Faults.EndWatches());

        Assert.Null(await watch.NextAsync(Cancel));
    }

    [Fact]
    public async Task Running_watches_can_be_expired()
    {
        using var watch = await WatchAsync($"resourceVersion={await VersionAsync()}");

        Assert.Equal(1, Cluster.Faults.ExpireWatches());

        Assert.Equal(410, (await watch.NextAsync(Cancel))!.Object["code"]!.GetValue<int>());
        Assert.Null(await watch.NextAsync(Cancel));
    }

    [Fact]
    public async Task Only_the_watches_that_are_meant_are_ended()
    {
        using var maps = await WatchAsync($"resourceVersion={await VersionAsync()}");
        using var pods = await WatchReader.OpenAsync(Http, "/api/v1/pods?watch=true&resourceVersion=1", Cancel);

        Assert.Equal(2, Cluster.Faults.OpenWatches);
        Assert.Equal(1, Cluster.Faults.EndWatches(new RequestMatch { Resource = "pods" }));

        Assert.Null(await pods.NextAsync(Cancel));
        await CreateAsync("one");
        Assert.Equal("ADDED one", (await maps.NextAsync(Cancel))!.Said);
    }

    [Fact]
    public async Task A_silenced_watch_stays_open_and_says_nothing_until_it_is_cut()
    {
        using var silent = await WatchAsync($"resourceVersion={await VersionAsync()}&allowWatchBookmarks=true");
        Assert.Equal(1, Cluster.Faults.SilenceWatches());
        using var other = await WatchAsync($"resourceVersion={await VersionAsync()}");

        var next = silent.NextAsync(Cancel);
        await CreateAsync("one");
        Assert.Equal("ADDED one", (await other.NextAsync(Cancel))!.Said);
        _clock.Advance(TimeSpan.FromSeconds(30));
        await CreateAsync("two");
        Assert.Equal("ADDED two", (await other.NextAsync(Cancel))!.Said);

        Assert.False(next.IsCompleted);
        Cluster.Faults.DropWatches();
        await Assert.ThrowsAnyAsync<IOException>(() => next);
    }

    [Fact]
    public async Task A_watch_can_be_silent_from_its_start()
    {
        await CreateAsync("one");
        Cluster.Faults.Inject(RequestMatch.Of("watch"), FaultEffect.SilentWatch);

        using var silent = await WatchAsync("resourceVersion=0");
        using var other = await WatchAsync("resourceVersion=0");
        var next = silent.NextAsync(Cancel);

        Assert.Equal(200, silent.Code);
        Assert.Equal("ADDED one", (await other.NextAsync(Cancel))!.Said);
        Assert.False(next.IsCompleted);
        Cluster.Faults.DropWatches();
        await Assert.ThrowsAnyAsync<IOException>(() => next);
    }

    [Fact]
    public async Task Bookmarks_come_at_their_interval_to_those_who_want_them()
    {
        using var watch = await WatchAsync($"resourceVersion={await VersionAsync()}&allowWatchBookmarks=true");
        // A write to another kind moves the version on without an event here.
        await SendAsync(HttpMethod.Post, "/api/v1/namespaces/default/secrets", """{"metadata": {"name": "s"}}""");
        var now = await VersionAsync();

        var next = watch.NextAsync(Cancel);
        while (!next.IsCompleted)
        {
            _clock.Advance(TimeSpan.FromSeconds(10));
            await Task.WhenAny(next, Task.Delay(10, Cancel));
        }

        var bookmark = await next;
        Assert.Equal("BOOKMARK", bookmark!.Type);
        Assert.Equal(now, bookmark.Object.Version());
        Assert.Equal("ConfigMap", bookmark.Object["kind"]!.GetValue<string>());
        Assert.Null(bookmark.Object.Meta("annotations"));
    }

    [Fact]
    public async Task A_watch_without_a_timeout_of_its_own_ends_at_the_servers()
    {
        using var watch = await WatchAsync($"resourceVersion={await VersionAsync()}");
        var next = watch.NextAsync(Cancel);

        while (!next.IsCompleted)
        {
            _clock.Advance(TimeSpan.FromSeconds(30));
            await Task.WhenAny(next, Task.Delay(10, Cancel));
        }

        Assert.Null(await next);
    }
}
