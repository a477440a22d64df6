using System.Diagnostics;
using Microsoft.Extensions.Logging.Abstractions;
using Quiesce.Cluster.Faults;
using Quiesce.Crds;
using Quiesce.Crds.Client;
using Quiesce.Runtime;

namespace Quiesce.Operator.Tests.Runtime;

/// <summary>Leadership by a lease.</summary>
public sealed class LeaderElectionTests : IAsyncLifetime
{
    private static readonly RequestMatch Renewals = RequestMatch.Of("patch", "leases");

    private readonly List<Candidate> _candidates = [];
    private TestCluster _cluster = null!;

    public async ValueTask InitializeAsync() => _cluster = await TestCluster.StartAsync();

    public async ValueTask DisposeAsync()
    {
        foreach (var candidate in _candidates) await candidate.DisposeAsync();
        await _cluster.DisposeAsync();
    }

    private Candidate Start(string name, DelegatingHandler? handler = null)
    {
        var connection = _cluster.Connect(new() { RequestTimeout = TimeSpan.FromMilliseconds(500) }, handler is null ? [] : [handler]);
        var candidate = new Candidate(name, connection);
        _candidates.Add(candidate);
        return candidate;
    }

    private Task<Lease?> LeaseAsync() => new ResourceClient<Lease>(_cluster.Connection, Kinds.Leases).GetAsync(InternalNames.DefaultNamespace, "test", CancellationToken.None);

    [Fact]
    public async Task One_leads_and_the_next_leads_at_once_when_the_lease_is_given_back()
    {
        var a = Start("a");
        await a.LeadsAsync();
        var b = Start("b");
        await Eventually.TrueAsync(() => _cluster.Server.Requests.Count(RequestMatch.Of("get", "leases")) > 3, "tries of b");
        Assert.False(b.Leads);
        var ended = TimeProvider.System.GetTimestamp();
        await a.DisposeAsync();
        await b.LeadsAsync();
        Assert.True(TimeProvider.System.GetElapsedTime(ended) < TimeSpan.FromSeconds(0.9), "b waited for the lease to run out");
        var lease = await LeaseAsync();
        Assert.Equal(("b", 1), (lease!.Spec.HolderIdentity, lease.Spec.LeaseTransitions));
    }

    [Fact]
    public async Task A_leader_that_is_cut_off_stops_before_another_leads()
    {
        var line = new Line();
        var a = Start("a", line);
        await a.LeadsAsync();
        var b = Start("b");
        line.IsCut = true;
        await b.LeadsAsync();
        Assert.False(a.Leads);
        Assert.True(a.StoppedAt < b.StartedAt, "a still led when b began");
        line.IsCut = false;
    }

    [Fact]
    public async Task A_leader_whose_calls_hang_stops_in_time_too()
    {
        var line = new Line { Hangs = true };
        var a = Start("a", line);
        await a.LeadsAsync();
        var b = Start("b");
        line.IsCut = true;
        await b.LeadsAsync();
        Assert.True(a.StoppedAt < b.StartedAt, "a still led when b began");
    }

    [Fact]
    public async Task Failing_calls_never_end_the_election()
    {
        _cluster.Server.Faults.Inject(RequestMatch.Of("get", "leases"), FaultEffect.CutBefore, times: 4);
        var a = Start("a");
        await a.LeadsAsync();
        await _cluster.Server.RefuseConnectionsAsync();
        await Eventually.TrueAsync(() => !a.Leads, "an end of leadership");
        await _cluster.Server.ResumeAsync();
        await a.LeadsAsync(times: 2);
        Assert.False(a.Run.IsCompleted);
    }

    [Fact]
    public async Task A_short_outage_does_not_end_leadership()
    {
        var a = Start("a");
        await a.LeadsAsync();
        var fault = _cluster.Server.Faults.Inject(Renewals, FaultEffect.Unavailable, times: 2);
        await Eventually.TrueAsync(() => fault.Hits == 2, "two failed renewals");
        var before = _cluster.Server.Requests.Count(Renewals);
        await _cluster.Server.Requests.WaitForAsync(Renewals, before + 8, CancellationToken.None).Soon();
        Assert.Equal((true, 1), (a.Leads, a.Times));
    }

    [Fact]
    public async Task A_renewal_whose_answer_is_lost_does_not_end_leadership()
    {
        var a = Start("a");
        await a.LeadsAsync();
        var fault = _cluster.Server.Faults.Inject(Renewals, FaultEffect.CutAfter);
        await fault.FirstHit.Soon();
        var before = _cluster.Server.Requests.Count(Renewals);
        await _cluster.Server.Requests.WaitForAsync(Renewals, before + 8, CancellationToken.None).Soon();
        Assert.Equal((true, 1), (a.Leads, a.Times));
    }

    [Fact]
    public async Task A_lease_taken_by_another_ends_leadership_at_once()
    {
        var a = Start("a");
        await a.LeadsAsync();
        await new ResourceClient<Lease>(_cluster.Connection, Kinds.Leases).PatchAsync(
            InternalNames.DefaultNamespace, "test", new() { ["spec"] = new System.Text.Json.Nodes.JsonObject { ["holderIdentity"] = "thief", ["leaseDurationSeconds"] = 3600 } });
        await Eventually.TrueAsync(() => !a.Leads, "an end of leadership");
        Assert.Equal("thief", (await LeaseAsync())!.Spec.HolderIdentity);
    }

    [Fact]
    public async Task A_deleted_lease_is_fought_for_again()
    {
        var a = Start("a");
        await a.LeadsAsync();
        await new ResourceClient<Lease>(_cluster.Connection, Kinds.Leases).DeleteAsync(InternalNames.DefaultNamespace, "test");
        await a.LeadsAsync(times: 2);
    }

    [Fact]
    public async Task A_fault_of_the_leader_is_not_swallowed()
    {
        var a = Start("a");
        await a.LeadsAsync();
        a.Fault.SetException(new InvalidOperationException("broken"));
        Assert.Equal("broken", (await Assert.ThrowsAsync<InvalidOperationException>(() => a.Run.Soon())).Message);
    }

    [Theory]
    [InlineData("create")]
    [InlineData("patch")]
    public async Task A_lease_taken_while_the_end_came_is_given_back(string write)
    {
        if (write == "patch") await new ResourceClient<Lease>(_cluster.Connection, Kinds.Leases).CreateAsync(Free(), CancellationToken.None);
        var line = new Line { Swallows = request => request.Method.Method is "POST" or "PATCH" };
        var a = Start("a", line);
        await Eventually.GetAsync(async () => (await LeaseAsync())?.Spec.HolderIdentity is "a" ? "a" : null, () => "a lease that is held");
        await a.DisposeAsync();
        Assert.Equal((0, ""), (a.Times, (await LeaseAsync())!.Spec.HolderIdentity));
    }

    [Theory]
    [InlineData("create")]
    [InlineData("patch")]
    public async Task A_lease_that_the_server_writes_after_the_end_came_is_given_back(string write)
    {
        if (write == "patch") await new ResourceClient<Lease>(_cluster.Connection, Kinds.Leases).CreateAsync(Free(), CancellationToken.None);
        var line = new Line { Holds = new(TaskCreationOptions.RunContinuationsAsynchronously) };
        var a = Start("a", line);
        await line.Held.Soon();
        var ending = a.DisposeAsync().AsTask();
        // A read that overtook the write would find that the lease is nobody's.
        await Task.Delay(100);
        line.Holds.SetResult();
        await ending;
        Assert.Equal((0, 1, ""), (a.Times, line.Late, (await LeaseAsync())!.Spec.HolderIdentity));
    }

    [Fact]
    public async Task A_lease_that_was_renewed_a_moment_ago_is_given_back_in_its_new_version()
    {
        var a = Start("a");
        await a.LeadsAsync();
        // Somebody else's write, or a renewal that nobody heard of, comes between the read and the write.
        using var conflict = _cluster.Server.Faults.Inject(Renewals with { Where = _ => !a.Leads }, FaultEffect.Conflict);
        await a.DisposeAsync();
        Assert.Equal((1, ""), (conflict.Hits, (await LeaseAsync())!.Spec.HolderIdentity));
    }

    private static Lease Free() => new()
    {
        Metadata = new() { Name = "test", NamespaceProperty = InternalNames.DefaultNamespace },
        Spec = new() { HolderIdentity = "" },
    };

    /// <summary>One process that wants to lead.</summary>
    private sealed class Candidate : IAsyncDisposable
    {
        private readonly CancellationTokenSource _stop = new();
        private volatile bool _leads;

        public Candidate(string name, KubernetesConnection connection)
        {
            var options = new LeaderElectionOptions
            {
                Namespace = InternalNames.DefaultNamespace,
                LeaseName = "test",
                Identity = name,
                LeaseDuration = TimeSpan.FromSeconds(1),
                RenewDeadline = TimeSpan.FromMilliseconds(600),
                RetryPeriod = TimeSpan.FromMilliseconds(50),
            };
            Run = new LeaderElection(new(connection, Kinds.Leases), options, TimeProvider.System, NullLogger.Instance).RunAsync(LeadAsync, _stop.Token);
        }

        public Task Run { get; }

        public bool Leads => _leads;

        public int Times { get; private set; }

        public long StartedAt { get; private set; }

        public long StoppedAt { get; private set; }

        public TaskCompletionSource Fault { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public Task LeadsAsync(int times = 1) => Eventually.TrueAsync(() => _leads && Times >= times, "leadership");

        public async ValueTask DisposeAsync()
        {
            await _stop.CancelAsync();
            await Run.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }

        private async Task LeadAsync(CancellationToken leadership)
        {
            StartedAt = TimeProvider.System.GetTimestamp();
            Times++;
            _leads = true;
            try
            {
                await Fault.Task.WaitAsync(leadership);
            }
            finally
            {
                StoppedAt = TimeProvider.System.GetTimestamp();
                _leads = false;
            }
        }
    }

    /// <summary>A line to the API server that can be cut, for one process alone.</summary>
    private sealed class Line : DelegatingHandler
    {
        private readonly TaskCompletionSource _held = new(TaskCreationOptions.RunContinuationsAsynchronously);
        private int _late;

        public bool IsCut { get; set; }

        public bool Hangs { get; init; }

        /// <summary>Which request is served, and its answer never heard of.</summary>
        public Predicate<HttpRequestMessage>? Swallows { get; init; }

        /// <summary>Until when the first write is on its way; it arrives, whoever still waits for it.</summary>
        public TaskCompletionSource? Holds { get; init; }

        /// <summary>It is on its way.</summary>
        public Task Held => _held.Task;

        /// <summary>How many have arrived so.</summary>
        public int Late => _late;

        protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
        {
            if (Holds is { } holds && request.Method.Method is "POST" or "PATCH" && _held.TrySetResult()) return await SendLateAsync(request, holds.Task).WaitAsync(cancellationToken);
            if (IsCut && Hangs) await Task.Delay(Timeout.Infinite, cancellationToken);
            if (IsCut) throw new HttpRequestException("cut");
            var swallowed = Swallows?.Invoke(request) is true;
            var answer = await base.SendAsync(request, cancellationToken);
            if (!swallowed) return answer;
            answer.Dispose();
            await Task.Delay(Timeout.Infinite, cancellationToken);
            throw new UnreachableException();
        }

        private async Task<HttpResponseMessage> SendLateAsync(HttpRequestMessage request, Task until)
        {
            // Of its own: that of who does not wait any more is disposed of.
            using var late = new HttpRequestMessage(request.Method, request.RequestUri) { Version = request.Version, Content = new ByteArrayContent(await request.Content!.ReadAsByteArrayAsync(CancellationToken.None)) };
            foreach (var (name, values) in request.Headers) late.Headers.TryAddWithoutValidation(name, values);
            foreach (var (name, values) in request.Content.Headers) late.Content.Headers.TryAddWithoutValidation(name, values);
            await until;
            var answer = await base.SendAsync(late, CancellationToken.None);
            Interlocked.Increment(ref _late);
            return answer;
        }
    }
}
