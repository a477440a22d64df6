using Quiesce.Cluster.Faults;
using Quiesce.Crds;
using Quiesce.Crds.Client;

namespace Quiesce.Operator.Tests.Client;

/// <summary>Finding the plans of one node by their names.</summary>
public sealed class NodeFreezeWatchTests : IAsyncLifetime
{
    private const string Node = "node-1";

    private readonly CancellationTokenSource _stop = new();
    private TestCluster _cluster = null!;
    private IAsyncEnumerator<WatchEvent<NodeFreeze>> _events = null!;

    public async ValueTask InitializeAsync() => _cluster = await TestCluster.StartAsync();

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await _cluster.DisposeAsync();
        _stop.Dispose();
    }

    private void Follow(TimeProvider? time = null) => _events = new NodeFreezeWatch(
        _cluster.NodeFreezes, InternalNames.DefaultNamespace, Node, new(TimeSpan.FromMilliseconds(10), TimeSpan.FromMilliseconds(50)), time).FollowAsync(_stop.Token).GetAsyncEnumerator(CancellationToken.None);

    private Task<NodeFreeze> CreateAsync(string name, string node = Node) => _cluster.NodeFreezes.CreateAsync(
        new()
        {
            Metadata = new() { Name = name, NamespaceProperty = InternalNames.DefaultNamespace },
            Spec = new() { NodeName = node, Request = new() { Namespace = "shop", Name = "nightly", Uid = Guid.NewGuid().ToString() }, Mode = NodeFreezeMode.Inspect, AllFilesystems = true },
        },
        CancellationToken.None);

    private Task<NodeFreeze> CreateAsync(int place) => CreateAsync(InternalNames.NodeFreeze(Node, place));

    private Task<bool> DeleteAsync(int place) => _cluster.NodeFreezes.DeleteAsync(InternalNames.DefaultNamespace, InternalNames.NodeFreeze(Node, place));

    private async Task<string> NextAsync()
    {
        Assert.True(await _events.MoveNextAsync().AsTask().Soon());
        return _events.Current switch
        {
            WatchEvent<NodeFreeze>.Added e => $"+{e.Item.Metadata.Name}",
            WatchEvent<NodeFreeze>.Deleted e => $"-{e.Item.Metadata.Name}",
            WatchEvent<NodeFreeze>.Synced e => $"={string.Join(",", e.Items.Select(i => i.Metadata.Name).Order())}",
            _ => "!",
        };
    }

    private async Task ExpectAsync(params string[] events)
    {
        foreach (var expected in events) Assert.Equal(expected, await NextAsync());
    }

    [Fact]
    public async Task A_name_is_used_again_and_again()
    {
        Follow();
        await ExpectAsync("=");
        for (var i = 0; i < 5; i++)
        {
            await CreateAsync(0);
            await ExpectAsync("+node-1-0");
            await DeleteAsync(0);
            await ExpectAsync("-node-1-0");
        }
    }

    [Fact]
    public async Task As_many_as_there_are_at_a_time_are_found_and_no_other_nodes()
    {
        Follow();
        await ExpectAsync("=");
        for (var place = 0; place < 20; place++) await CreateAsync(place);
        await CreateAsync("node-2-0", "node-2");
        var found = new List<string>();
        for (var place = 0; place < 20; place++) found.Add(await NextAsync());
        Assert.Equal(Enumerable.Range(0, 20).Select(place => $"+node-1-{place}").Order(), found.Order());
        await DeleteAsync(7);
        await ExpectAsync("-node-1-7");
        await CreateAsync(7);
        await ExpectAsync("+node-1-7");
    }

    [Fact]
    public async Task One_that_is_made_at_the_start_above_a_name_that_has_just_become_free_is_found()
    {
        Follow();
        await ExpectAsync("=");
        // Whoever made it did not know that the name below it is free.
        await CreateAsync(1);
        await ExpectAsync("+node-1-1");
        await CreateAsync(0);
        await ExpectAsync("+node-1-0");
    }

    [Fact]
    public async Task A_plan_opens_no_watch_while_nothing_else_is_planned()
    {
        Follow();
        await ExpectAsync("=");
        var first = NextAsync(); // only now are watches opened
        await _cluster.Server.Requests.WaitForAsync(new() { Verbs = ["watch"], Resource = "nodefreezes" }, 2, CancellationToken.None).Soon();
        _cluster.Server.Requests.Clear();
        await CreateAsync(0);
        Assert.Equal("+node-1-0", await first);
        await DeleteAsync(0);
        await ExpectAsync("-node-1-0");
        Assert.DoesNotContain(_cluster.Server.Requests.Requests, r => r.Verb == "watch");
    }

    [Fact]
    public async Task What_is_there_at_the_start_is_told_first_whatever_its_name_and_then_the_free_ones_are_watched()
    {
        await CreateAsync(1);
        await CreateAsync("of-another-version");
        await CreateAsync("other-0"); // the place of no name of this node
        Follow();
        var first = new[] { await NextAsync(), await NextAsync(), await NextAsync() };
        Assert.Equal(["+node-1-1", "+of-another-version", "+other-0"], first.Order());
        await ExpectAsync("=node-1-1,of-another-version,other-0");
        await CreateAsync(0);
        await ExpectAsync("+node-1-0");
        await CreateAsync(2);
        await ExpectAsync("+node-1-2");
        await _cluster.NodeFreezes.DeleteAsync(InternalNames.DefaultNamespace, "of-another-version");
        await ExpectAsync("-of-another-version");
    }

    [Fact]
    public async Task One_that_takes_a_name_above_one_that_has_just_become_free_is_found()
    {
        Follow();
        await ExpectAsync("=");
        await CreateAsync(0);
        await ExpectAsync("+node-1-0");
        await CreateAsync(1);
        await ExpectAsync("+node-1-1");
        await DeleteAsync(1);
        await DeleteAsync(0);
        Assert.Equal(["-node-1-0", "-node-1-1"], new[] { await NextAsync(), await NextAsync() }.Order());
        // Whoever made it did not know of the deletions.
        await CreateAsync(1);
        await ExpectAsync("+node-1-1");
    }

    [Fact]
    public async Task What_another_node_has_under_a_name_of_this_one_is_not_told_and_not_in_the_way()
    {
        await CreateAsync(InternalNames.NodeFreeze(Node, 0), "node-2");
        Follow();
        await ExpectAsync("=");
        await CreateAsync(1);
        await ExpectAsync("+node-1-1");
        await DeleteAsync(0);
        await CreateAsync(InternalNames.NodeFreeze(Node, 2), "node-2");
        await CreateAsync(3);
        await CreateAsync(0);
        Assert.Equal(["+node-1-0", "+node-1-3"], new[] { await NextAsync(), await NextAsync() }.Order());
    }

    [Fact]
    public async Task An_outage_is_told_and_its_end_and_what_was_missed()
    {
        Follow();
        await ExpectAsync("=");
        await CreateAsync(0);
        await ExpectAsync("+node-1-0");
        var next = NextAsync();
        _cluster.Server.Faults.Inject(new() { Verbs = ["list", "watch"], Resource = "nodefreezes" }, FaultEffect.Unavailable, times: 1000);
        _cluster.Server.Faults.DropWatches();
        Assert.Equal("!", await next);
        await DeleteAsync(0);
        await CreateAsync(0);
        _cluster.Server.Faults.Clear();
        var told = new List<string> { await NextAsync(), await NextAsync(), await NextAsync() };
        Assert.Equal(["+node-1-0", "-node-1-0", "=node-1-0"], told.Order());
    }

    [Fact]
    public void Names_of_two_nodes_never_meet_and_never_grow_too_long()
    {
        var longest = new string('a', 253);
        string[] nodes = ["a", "a-1", "a-1-0", "b", longest, longest[..252] + "b", longest[..240], longest[..241]];
        var names = nodes.SelectMany(node => new[] { 0, 1, 10, 199 }.Select(place => InternalNames.NodeFreeze(node, place))).ToArray();
        Assert.Equal(names.Length, names.Distinct().Count());
        Assert.All(names, name => Assert.InRange(name.Length, 1, 253));
        foreach (var node in nodes) Assert.Equal(10, InternalNames.PlaceOf(node, InternalNames.NodeFreeze(node, 10)));
        Assert.Null(InternalNames.PlaceOf("a", "a-1-0"));
        Assert.Null(InternalNames.PlaceOf("a", "b-0"));
        Assert.Null(InternalNames.PlaceOf("a", "a-01"));
        Assert.Null(InternalNames.PlaceOf("a", "a"));
    }
}
