using Microsoft.Extensions.Logging.Abstractions;
using Quiesce.Crds;
using Quiesce.Crds.Client;
using Quiesce.Runtime;

namespace Quiesce.Operator.Tests.Runtime;

/// <summary>The cache.</summary>
public sealed class InformerTests : IAsyncLifetime
{
    private readonly CancellationTokenSource _stop = new();
    private TestCluster _cluster = null!;
    private Informer<ThawRequest> _informer = null!;

    public async ValueTask InitializeAsync()
    {
        _cluster = await TestCluster.StartAsync();
        var options = new ListWatchOptions { Backoff = new(TimeSpan.FromMilliseconds(10), TimeSpan.FromMilliseconds(50)) };
        _informer = new(new(_cluster.ThawRequests, options), NullLogger.Instance, o => o.Spec.NodeName);
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await _cluster.DisposeAsync();
        _stop.Dispose();
    }

    private void Run() => _ = _informer.RunAsync(_stop.Token);

    private static ThawRequest Object(string name, string uid, string version, string node = "node-1") =>
        new() { Metadata = new() { Name = name, Uid = uid, ResourceVersion = version }, Spec = new() { NodeName = node } };

    [Fact]
    public async Task It_has_what_there_is_and_follows_what_changes()
    {
        await _cluster.ThawRequests.CreateAsync(Object("a", null!, null!), CancellationToken.None);
        Run();
        await _informer.Synced.Soon();
        Assert.True(_informer.IsConnected);
        Assert.Single(_informer.All);
        await _cluster.ThawRequests.CreateAsync(Object("b", null!, null!, "node-2"), CancellationToken.None);
        await Eventually.TrueAsync(() => _informer.Get(new(null, "b")) is not null, "b");
        Assert.Equal(["b"], _informer.ByIndex("node-2").Select(o => o.Metadata.Name));
        await _cluster.ThawRequests.DeleteAsync(null, "b");
        await Eventually.TrueAsync(() => _informer.Get(new(null, "b")) is null, "b gone");
        Assert.Empty(_informer.ByIndex("node-2"));
    }

    [Fact]
    public async Task It_knows_when_it_is_out_of_step()
    {
        Run();
        await _informer.Synced.Soon();
        await _cluster.Server.RefuseConnectionsAsync();
        await Eventually.TrueAsync(() => !_informer.IsConnected, "out of step");
        await _cluster.Server.ResumeAsync();
        await Eventually.TrueAsync(() => _informer.IsConnected, "in step");
    }

    [Fact]
    public void What_this_process_wrote_is_there_at_once_and_an_older_word_does_not_undo_it()
    {
        _informer.Observe(Object("a", "1", "10", "new"));
        _informer.Observe(Object("a", "1", "9", "old"));
        Assert.Equal("new", _informer.Get(new(null, "a"))!.Spec.NodeName);
        Assert.Empty(_informer.ByIndex("old"));
        Assert.Single(_informer.ByIndex("new"));
        // Numbers, not text: 10 is newer than 9, and 100 than 99.
        _informer.Observe(Object("a", "1", "99"));
        _informer.Observe(Object("a", "1", "100", "newest"));
        Assert.Equal("newest", _informer.Get(new(null, "a"))!.Spec.NodeName);
    }

    [Fact]
    public async Task A_read_that_a_deletion_overtook_does_not_raise_the_dead()
    {
        var there = await _cluster.ThawRequests.CreateAsync(Object("a", null!, null!), CancellationToken.None);
        Run();
        await _informer.Synced.Soon();
        await _cluster.ThawRequests.DeleteAsync(null, "a");
        await Eventually.TrueAsync(() => _informer.Get(new(null, "a")) is null, "a gone");
        // It was read before the deletion, and its answer comes after that was told.
        _informer.ObserveRead(there);
        Assert.Null(_informer.Get(new(null, "a")));
    }

    [Fact]
    public async Task One_that_was_said_to_be_gone_and_is_not_comes_back_with_the_next_list()
    {
        var there = await _cluster.ThawRequests.CreateAsync(Object("a", null!, null!), CancellationToken.None);
        Run();
        await _informer.Synced.Soon();
        _informer.ObserveDeletion(there);
        Assert.Null(_informer.Get(new(null, "a")));
        await Eventually.TrueAsync(() => _cluster.Server.Faults.ExpireWatches() > 0, "a watch");
        await Eventually.TrueAsync(() => _informer.Get(new(null, "a")) is not null, "back");
        _informer.ObserveDeletion(there);
        _informer.ObserveRead(there);
        Assert.NotNull(_informer.Get(new(null, "a")));
    }

    [Fact]
    public async Task What_an_answer_said_is_gone_is_unconfirmed_until_the_watch_says_so_too()
    {
        var there = await _cluster.ThawRequests.CreateAsync(Object("a", null!, null!), CancellationToken.None);
        Run();
        await _informer.Synced.Soon();
        _informer.ObserveDeletion(there);
        Assert.Equal("a", Assert.Single(_informer.Unconfirmed).Metadata.Name);
        await _cluster.ThawRequests.DeleteAsync(null, "a");
        await Eventually.TrueAsync(() => _informer.Unconfirmed.Count == 0, "confirmed");
        // The watch may be the first to say it.
        _informer.ObserveDeletion(there);
        Assert.Empty(_informer.Unconfirmed);
    }

    [Fact]
    public void The_answer_to_a_write_that_comes_after_the_deletion_does_not_raise_the_dead()
    {
        _informer.Observe(Object("a", "1", "10"));
        _informer.ObserveDeletion(Object("a", "1", "11"));
        _informer.Observe(Object("a", "1", "10"));
        Assert.Null(_informer.Get(new(null, "a")));
        _informer.Observe(Object("a", "2", "12"));
        Assert.NotNull(_informer.Get(new(null, "a")));
    }

    [Fact]
    public void The_deletion_of_a_predecessor_spares_the_namesake()
    {
        _informer.Observe(Object("a", "2", "12"));
        _informer.ObserveDeletion(Object("a", "1", "11"));
        Assert.NotNull(_informer.Get(new(null, "a")));
    }

    [Fact]
    public void Every_change_is_told_once()
    {
        var told = new List<string>();
        _informer.Subscribe((o, gone) => told.Add($"{(gone ? "-" : "+")}{o.Metadata.Name}{o.Metadata.ResourceVersion}"));
        _informer.Observe(Object("a", "1", "1"));
        _informer.Observe(Object("a", "1", "1"));
        _informer.Observe(Object("a", "1", "2"));
        _informer.ObserveDeletion(Object("a", "1", "3"));
        _informer.ObserveDeletion(Object("a", "1", "3"));
        Assert.Equal(["+a1", "+a2", "-a3"], told);
    }

    [Fact]
    public async Task A_server_that_was_set_back_is_believed()
    {
        Run();
        await _informer.Synced.Soon();
        await _cluster.ThawRequests.CreateAsync(Object("a", null!, null!, "before"), CancellationToken.None);
        await Eventually.TrueAsync(() => _informer.Get(new(null, "a")) is not null, "a");
        var a = _informer.Get(new(null, "a"))!;
        // The same process goes on against a server whose storage is that of earlier: lower versions, same UIDs.
        _informer.Observe(a with { Metadata = new() { Name = "a", Uid = a.Metadata.Uid, ResourceVersion = "99999999" }, Spec = new() { NodeName = "lost" } });
        Assert.Equal("lost", _informer.Get(new(null, "a"))!.Spec.NodeName);
        var source = new SetBack(a);
        var informer = new Informer<ThawRequest>(source.ListWatch(_cluster), NullLogger.Instance);
        _ = informer.RunAsync(_stop.Token);
        await informer.Synced.Soon();
        await Eventually.TrueAsync(() => informer.Get(new(null, "a"))?.Spec.NodeName == "earlier", "the earlier state");
    }

    /// <summary>Answers the first list with a version far ahead, and later ones with an earlier state.</summary>
    private sealed class SetBack(ThawRequest a) : DelegatingHandler
    {
        private int _lists;

        public ListWatch<ThawRequest> ListWatch(TestCluster cluster) => new(
            new(cluster.Connect(null, this), Kinds.ThawRequests), new() { Backoff = new(TimeSpan.FromMilliseconds(10), TimeSpan.FromMilliseconds(50)) });

        protected override Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
        {
            if (request.RequestUri!.Query.Contains("watch=true", StringComparison.Ordinal))
                return Task.FromResult(new HttpResponseMessage(System.Net.HttpStatusCode.OK) { Content = new StringContent("") });
            var (list, version, node) = Interlocked.Increment(ref _lists) == 1 ? ("900", "890", "later") : ("500", "490", "earlier");
            var json = $$$"""{"metadata":{"resourceVersion":"{{{list}}}"},"items":[{"metadata":{"name":"a","uid":"{{{a.Metadata.Uid}}}","resourceVersion":"{{{version}}}"},"spec":{"nodeName":"{{{node}}}"}}]}""";
            return Task.FromResult(new HttpResponseMessage(System.Net.HttpStatusCode.OK) { Content = new StringContent(json) });
        }
    }
}
