using Quiesce.Cluster.Faults;
using Quiesce.Crds;
using Quiesce.Crds.Client;

namespace Quiesce.Operator.Tests.Client;

/// <summary>Following a kind, through everything that can happen to a watch.</summary>
public sealed class ListWatchTests : IAsyncLifetime
{
    private static readonly RequestMatch Lists = RequestMatch.Of("list", "thawrequests");
    private static readonly RequestMatch Watches = RequestMatch.Of("watch", "thawrequests");

    private readonly CancellationTokenSource _stop = new();
    private TestCluster _cluster = null!;
    private ResourceClient<ThawRequest> _client = null!;
    private IAsyncEnumerator<WatchEvent<ThawRequest>> _events = null!;

    public async ValueTask InitializeAsync()
    {
        _cluster = await TestCluster.StartAsync();
        _client = _cluster.ThawRequests;
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await _cluster.DisposeAsync();
        _stop.Dispose();
    }

    private void Follow(ListWatchOptions? options = null) =>
        _events = new ListWatch<ThawRequest>(_client, options ?? Quick).FollowAsync(_stop.Token).GetAsyncEnumerator(CancellationToken.None);

    private static ListWatchOptions Quick => new() { Backoff = new(TimeSpan.FromMilliseconds(10), TimeSpan.FromMilliseconds(50)) };

    private Task<ThawRequest> CreateAsync(string name) => _client.CreateAsync(
        new() { Metadata = new() { Name = name, Labels = new Dictionary<string, string> { ["n"] = name } }, Spec = new() { NodeName = "node-1" } }, CancellationToken.None);

    private async Task<string> NextAsync()
    {
        Assert.True(await _events.MoveNextAsync().AsTask().Soon());
        return _events.Current switch
        {
            WatchEvent<ThawRequest>.Added e => $"+{e.Item.Metadata.Name}",
            WatchEvent<ThawRequest>.Modified e => $"~{e.Item.Metadata.Name}",
            WatchEvent<ThawRequest>.Deleted e => $"-{e.Item.Metadata.Name}",
            WatchEvent<ThawRequest>.Synced e => $"={string.Join(",", e.Items.Select(i => i.Metadata.Name).Order())}",
            WatchEvent<ThawRequest>.Watching => await NextAsync(),
            _ => "!",
        };
    }

    private async Task ExpectAsync(params string[] events)
    {
        foreach (var expected in events) Assert.Equal(expected, await NextAsync());
    }

    private async Task WatchingAsync(int watches = 1) =>
        await Eventually.TrueAsync(() => _cluster.Server.Requests.Count(Watches) >= watches && _cluster.Server.Faults.OpenWatches == 1, "a watch");

    /// <summary>The next event, asked for before what causes it: the follower does nothing while nobody reads.</summary>
    private async Task AfterAsync(Func<Task> cause, int watches, params string[] events)
    {
        var next = NextAsync();
        await WatchingAsync(watches);
        await cause();
        Assert.Equal(events[0], await next);
        await ExpectAsync(events[1..]);
    }

    [Fact]
    public async Task From_a_version_on_only_what_came_after_is_told_and_nothing_is_listed()
    {
        await CreateAsync("a");
        var list = await _client.ListAsync(null);
        await CreateAsync("b");
        var before = _cluster.IsLocal ? _cluster.Server.Requests.Count(Lists) : 0;
        _events = new ListWatch<ThawRequest>(_client, Quick, null, new(list.Metadata.ResourceVersion, list.Items)).FollowAsync(_stop.Token).GetAsyncEnumerator(CancellationToken.None);
        await ExpectAsync("+b");
        await _client.DeleteAsync(null, "a");
        await ExpectAsync("-a");
        if (_cluster.IsLocal) Assert.Equal(before, _cluster.Server.Requests.Count(Lists));
    }

    [Fact]
    public async Task An_open_watch_is_told_when_the_server_has_opened_it()
    {
        await CreateAsync("a");
        var open = new TaskCompletionSource();
        if (_cluster.IsLocal) _cluster.Server.Faults.Inject(Watches, FaultEffect.HoldUntil(open.Task));
        Follow();
        await ExpectAsync("+a", "=a");
        var next = _events.MoveNextAsync().AsTask();
        if (_cluster.IsLocal)
        {
            await Eventually.TrueAsync(() => _cluster.Server.Requests.Count(Watches) == 1, "a watch asked for");
            await Task.Delay(100);
            Assert.False(next.IsCompleted);
        }

        open.SetResult();
        Assert.True(await next.Soon()); // and nothing has happened that it could tell
        Assert.IsType<WatchEvent<ThawRequest>.Watching>(_events.Current);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(7)]
    [InlineData(4099)]
    public async Task A_watch_that_comes_in_pieces_is_put_together(int piece)
    {
        using var connection = _cluster.Connect(null, new Crumbs(piece));
        _events = new ListWatch<ThawRequest>(new(connection, Kinds.ThawRequests), Quick).FollowAsync(_stop.Token).GetAsyncEnumerator(CancellationToken.None);
        await ExpectAsync("=");
        var next = NextAsync();
        var large = new string('x', 30_000) + "\u00e4\n\"";
        await Task.WhenAll(CreateAsync("a"), CreateAsync("b"));
        Assert.Equal(["+a", "+b"], new[] { await next, await NextAsync() }.Order());
        await _client.PatchAsync(null, "a", new() { ["metadata"] = new System.Text.Json.Nodes.JsonObject { ["annotations"] = new System.Text.Json.Nodes.JsonObject { ["large"] = large } } });
        await ExpectAsync("~a");
        Assert.Equal(large, Assert.IsType<WatchEvent<ThawRequest>.Modified>(_events.Current).Item.Metadata.Annotations["large"]);
        await _client.DeleteAsync(null, "b");
        await ExpectAsync("-b");
        await _stop.CancelAsync();
    }

    [Fact]
    public async Task Without_a_version_what_is_there_is_told_as_added()
    {
        await CreateAsync("a");
        _events = new ListWatch<ThawRequest>(_client, Quick with { FieldSelector = "metadata.name=a" }, null, new("", [])).FollowAsync(_stop.Token).GetAsyncEnumerator(CancellationToken.None);
        await ExpectAsync("+a");
        await _client.DeleteAsync(null, "a");
        await ExpectAsync("-a");
        await CreateAsync("b");
        await CreateAsync("a");
        await ExpectAsync("+a");
    }

    [Fact]
    public async Task A_version_that_is_gone_is_followed_by_a_list()
    {
        await CreateAsync("a");
        _cluster.Server.Faults.Inject(Watches, FaultEffect.Expired);
        _events = new ListWatch<ThawRequest>(_client, Quick, null, new("1", [])).FollowAsync(_stop.Token).GetAsyncEnumerator(CancellationToken.None);
        await ExpectAsync("+a", "=a");
    }

    [Fact]
    public async Task What_is_there_comes_first_then_the_word_that_this_is_all_then_changes()
    {
        await CreateAsync("a");
        Follow();
        await ExpectAsync("+a", "=a");
        await AfterAsync(() => CreateAsync("b"), 1, "+b");
        await _client.PatchAsync(null, "b", new() { ["metadata"] = new System.Text.Json.Nodes.JsonObject { ["labels"] = new System.Text.Json.Nodes.JsonObject { ["x"] = "1" } } });
        await ExpectAsync("~b");
        await _client.DeleteAsync(null, "a");
        await ExpectAsync("-a");
    }

    [Fact]
    public async Task An_empty_list_is_told_too()
    {
        Follow();
        await ExpectAsync("=");
    }

    [Fact]
    public async Task Selectors_go_to_the_server_and_what_leaves_the_selection_is_deleted()
    {
        await CreateAsync("a");
        await CreateAsync("b");
        Follow(Quick with { LabelSelector = "n=a" });
        await ExpectAsync("+a", "=a");
        await AfterAsync(
            () => _client.PatchAsync(null, "a", new() { ["metadata"] = new System.Text.Json.Nodes.JsonObject { ["labels"] = new System.Text.Json.Nodes.JsonObject { ["n"] = "c" } } }), 1, "-a");
    }

    [Fact]
    public async Task A_watch_that_ends_in_order_is_taken_up_where_it_was()
    {
        await CreateAsync("a");
        Follow();
        await ExpectAsync("+a", "=a");
        await AfterAsync(() => CreateAsync("b"), 1, "+b");
        await AfterAsync(
            async () =>
            {
                _cluster.Server.Faults.EndWatches();
                await CreateAsync("c");
            },
            1,
            "+c");
        Assert.Equal(1, _cluster.Server.Requests.Count(Lists));
    }

    [Fact]
    public async Task A_watch_that_is_cut_is_taken_up_without_a_word()
    {
        Follow();
        await ExpectAsync("=");
        await AfterAsync(
            async () =>
            {
                _cluster.Server.Faults.DropWatches();
                await CreateAsync("a");
            },
            1,
            "+a");
        Assert.Equal(1, _cluster.Server.Requests.Count(Lists));
    }

    [Fact]
    public async Task An_expired_version_is_followed_by_a_list_and_no_deletion_is_lost()
    {
        await CreateAsync("a");
        await CreateAsync("b");
        Follow();
        await ExpectAsync("+a", "+b", "=a,b");
        await AfterAsync(
            async () =>
            {
                // The follower is kept from coming back before the world has changed and its history is forgotten.
                var changed = new TaskCompletionSource();
                _cluster.Server.Faults.Inject(Watches, FaultEffect.HoldUntil(changed.Task));
                _cluster.Server.Faults.EndWatches();
                await _client.DeleteAsync(null, "a");
                await CreateAsync("c");
                _cluster.Server.CompactHistory();
                changed.SetResult();
            },
            1,
            "+c", "-a", "=b,c");
    }

    [Fact]
    public async Task An_error_event_in_the_stream_is_heard()
    {
        await CreateAsync("a");
        Follow();
        await ExpectAsync("+a", "=a");
        await AfterAsync(() => Task.FromResult(_cluster.Server.Faults.ExpireWatches()), 1, "=a");
        Assert.Equal(2, _cluster.Server.Requests.Count(Lists));
    }

    [Theory]
    [InlineData(2_000, 60_000)] // the server does not end it when its time is up
    [InlineData(60_000, 2_000)] // it has long to go, and says nothing
    public async Task A_watch_gone_silent_is_given_up_and_taken_up(int timeout, int silence)
    {
        Follow(Quick with
        {
            WatchTimeout = TimeSpan.FromMilliseconds(timeout),
            SilenceAllowance = TimeSpan.FromMilliseconds(100),
            LongestSilence = TimeSpan.FromMilliseconds(silence),
        });
        await ExpectAsync("=");
        await AfterAsync(() => CreateAsync("a"), 1, "+a");
        var next = NextAsync();
        Assert.Equal(1, _cluster.Server.Faults.SilenceWatches());
        await CreateAsync("b");
        Assert.Equal("+b", await next);
        Assert.Equal(1, _cluster.Server.Requests.Count(Lists));
    }

    [Fact]
    public async Task Bookmarks_keep_a_quiet_watch_open()
    {
        await using var cluster = await TestCluster.StartAsync(new() { BookmarkInterval = TimeSpan.FromMilliseconds(50) });
        var requests = cluster.Server.Requests;
        await using var events = new ListWatch<ThawRequest>(cluster.ThawRequests, Quick with { LongestSilence = TimeSpan.FromSeconds(1) }).FollowAsync(_stop.Token).GetAsyncEnumerator(CancellationToken.None);
        Assert.True(await events.MoveNextAsync()); // that there is nothing
        Assert.True(await events.MoveNextAsync()); // that it watches
        var next = events.MoveNextAsync().AsTask();
        await Task.Delay(TimeSpan.FromSeconds(2.5), CancellationToken.None);
        Assert.False(next.IsCompleted);
        Assert.Equal((1, 1), (requests.Count(Lists), requests.Count(Watches)));
        await _stop.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => next.Soon());
    }

    [Fact]
    public async Task Without_a_word_not_even_a_bookmark_it_lists_anew()
    {
        Follow(Quick with { LongestSilence = TimeSpan.FromMilliseconds(300) });
        await ExpectAsync("=", "=");
    }

    [Fact]
    public async Task A_watch_that_says_nothing_at_all_to_its_end_is_followed_by_a_list()
    {
        // So looks a watch from a version that the server never had: its storage was set back.
        Follow(Quick with { WatchTimeout = TimeSpan.FromMilliseconds(300) });
        await ExpectAsync("=");
        await AfterAsync(() => Task.FromResult(_cluster.Server.Faults.EndWatches()), 1, "=");
    }

    [Fact]
    public async Task An_outage_is_told_once_and_ended_by_a_list_with_the_differences()
    {
        await CreateAsync("a");
        await CreateAsync("b");
        Follow();
        await ExpectAsync("+a", "+b", "=a,b");
        var before = TimeProvider.System.GetUtcNow();
        await AfterAsync(() => _cluster.Server.RefuseConnectionsAsync(), 1, "!");
        var outage = Assert.IsType<WatchEvent<ThawRequest>.Disconnected>(_events.Current);
        Assert.InRange(outage.Since, before.AddSeconds(-10), TimeProvider.System.GetUtcNow());
        Assert.Null(outage.Error.Status);
        var next = NextAsync();
        await Task.Delay(100, CancellationToken.None);
        Assert.False(next.IsCompleted);
        _cluster.Server.Faults.Inject(Lists, FaultEffect.Unavailable);
        await _cluster.Server.ResumeAsync();
        await CreateAsync("c");
        await _client.DeleteAsync(null, "a");
        // What it hears depends on when it comes back; in the end it knows the world as it is.
        var known = new HashSet<string> { "a", "b" };
        while (!known.SetEquals(["b", "c"]))
        {
            var e = await next;
            Assert.NotEqual("!", e);
            if (e[0] == '+') known.Add(e[1..]);
            if (e[0] == '-') known.Remove(e[1..]);
            next = NextAsync();
        }
    }

    [Fact]
    public async Task A_server_that_refuses_lists_is_an_outage_with_its_words()
    {
        _cluster.Server.Faults.Inject(Lists, FaultEffect.Status(403, "Forbidden", "thawrequests is forbidden"), times: 3);
        Follow();
        await ExpectAsync("!");
        Assert.Contains("thawrequests is forbidden", Assert.IsType<WatchEvent<ThawRequest>.Disconnected>(_events.Current).Error.Message, StringComparison.Ordinal);
        await ExpectAsync("=");
        Assert.Equal(4, _cluster.Server.Requests.Count(Lists));
    }

    [Fact]
    public async Task Being_asked_to_wait_is_obeyed()
    {
        _cluster.Server.Faults.Inject(Lists, FaultEffect.TooManyRequests(1));
        Follow();
        await ExpectAsync("!");
        var asked = TimeProvider.System.GetTimestamp();
        await ExpectAsync("=");
        Assert.True(TimeProvider.System.GetElapsedTime(asked) > TimeSpan.FromSeconds(0.9));
    }

    [Fact]
    public async Task A_namesake_is_another_object_also_when_its_predecessors_end_was_missed()
    {
        await CreateAsync("a");
        Follow();
        await ExpectAsync("+a", "=a");
        await AfterAsync(
            async () =>
            {
                var changed = new TaskCompletionSource();
                _cluster.Server.Faults.Inject(Watches, FaultEffect.HoldUntil(changed.Task));
                _cluster.Server.Faults.EndWatches();
                await _client.DeleteAsync(null, "a");
                await CreateAsync("a");
                _cluster.Server.CompactHistory();
                changed.SetResult();
            },
            1,
            "-a", "+a", "=a");
    }

    [Fact]
    public async Task It_ends_when_it_is_told_to_and_only_then()
    {
        Follow();
        await ExpectAsync("=");
        var next = NextAsync();
        await WatchingAsync();
        await _stop.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => next.Soon());
    }

    /// <summary>Hands the answer to a watch on in pieces of a few bytes.</summary>
    private sealed class Crumbs(int most) : DelegatingHandler
    {
        protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
        {
            var response = await base.SendAsync(request, cancellationToken);
            if (request.RequestUri!.Query.Contains("watch=true", StringComparison.Ordinal)) response.Content = new StreamContent(new Pieces(await response.Content.ReadAsStreamAsync(cancellationToken), most));
            return response;
        }
    }

    private sealed class Pieces(Stream whole, int most) : Stream
    {
        public override bool CanRead => true;

        public override bool CanSeek => false;

        public override bool CanWrite => false;

        public override long Length => throw new NotSupportedException();

        public override long Position
        {
            get => throw new NotSupportedException();
            set => throw new NotSupportedException();
        }

        public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default) => whole.ReadAsync(buffer[..Math.Min(most, buffer.Length)], cancellationToken);

        public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

        public override void Flush() => throw new NotSupportedException();

        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

        public override void SetLength(long value) => throw new NotSupportedException();

        public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();
    }
}
