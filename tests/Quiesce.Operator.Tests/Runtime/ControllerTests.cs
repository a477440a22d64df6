using System.Collections.Concurrent;
using Microsoft.Extensions.Logging.Abstractions;
using Quiesce.Cluster.Faults;
using Quiesce.Crds;
using Quiesce.Crds.Client;
using Quiesce.Runtime;

namespace Quiesce.Operator.Tests.Runtime;

/// <summary>The loop that brings objects to their controller.</summary>
public sealed class ControllerTests : IAsyncLifetime, IEntityController<ThawRequest>, IEntityFinalizer<ThawRequest>
{
    private const string Finalizer = "quiesce.dev/test";

    private readonly CancellationTokenSource _stop = new();
    private readonly ConcurrentQueue<string> _calls = new();
    private TestCluster _cluster = null!;
    private ResourceClient<ThawRequest> _client = null!;
    private Controller<ThawRequest> _controller = null!;
    private Informer<ThawRequest> _informer = null!;
    private Informer<NodeFreeze> _others = null!;
    private Task _run = Task.CompletedTask;
    private Func<ThawRequest, Task<ReconciliationResult<ThawRequest>>> _reconcile = o => Task.FromResult(ReconciliationResult<ThawRequest>.Success(o));
    private Func<ThawRequest, ReconciliationResult<ThawRequest>> _finalize = o => ReconciliationResult<ThawRequest>.Success(o);

    public async ValueTask InitializeAsync()
    {
        _cluster = await TestCluster.StartAsync();
        _client = _cluster.ThawRequests;
        _informer = new(new(_client, new()), NullLogger.Instance);
        _others = new(new(_cluster.NodeFreezes, new()), NullLogger.Instance);
        var options = new ControllerOptions { Finalizer = Finalizer, Backoff = new(TimeSpan.FromMilliseconds(5), TimeSpan.FromMilliseconds(20)) };
        _controller = new(_client, _informer, this, this, options, TimeProvider.System, NullLogger.Instance);
        _controller.Also(_others, o => [new(null, o.Spec.Request.Name)]);
        _ = _informer.RunAsync(_stop.Token);
        _ = _others.RunAsync(_stop.Token);
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await _run.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        await _cluster.DisposeAsync();
        _stop.Dispose();
    }

    public async Task<ReconciliationResult<ThawRequest>> ReconcileAsync(ThawRequest entity, CancellationToken cancellationToken)
    {
        _calls.Enqueue($"reconcile {entity.Metadata.Name}");
        return await _reconcile(entity);
    }

    public Task<ReconciliationResult<ThawRequest>> DeletedAsync(ThawRequest entity, CancellationToken cancellationToken)
    {
        _calls.Enqueue($"deleted {entity.Metadata.Name}");
        return Task.FromResult(ReconciliationResult<ThawRequest>.Success(entity));
    }

    public Task<ReconciliationResult<ThawRequest>> FinalizeAsync(ThawRequest entity, CancellationToken cancellationToken)
    {
        _calls.Enqueue($"finalize {entity.Metadata.Name}");
        return Task.FromResult(_finalize(entity));
    }

    private void Run() => _run = _controller.RunAsync(_stop.Token);

    private Task<ThawRequest> CreateAsync(string name, params string[] finalizers) => _client.CreateAsync(
        new() { Metadata = new() { Name = name, Finalizers = finalizers.Length == 0 ? null : [.. finalizers] }, Spec = new() { NodeName = "n" } }, CancellationToken.None);

    private Task CallsAsync(params string[] calls) => Eventually.TrueAsync(
        () => calls.All(c => _calls.Contains(c)), () => $"{string.Join(", ", calls)} among {string.Join(", ", _calls)}");

    [Fact]
    public async Task What_was_there_before_it_ran_is_reconciled()
    {
        await CreateAsync("a");
        await CreateAsync("b");
        await _informer.Synced.Soon();
        Run();
        await CallsAsync("reconcile a", "reconcile b");
    }

    [Fact]
    public async Task A_change_of_what_belongs_to_it_reconciles_it()
    {
        await CreateAsync("a");
        Run();
        await CallsAsync("reconcile a");
        _calls.Clear();
        await _cluster.NodeFreezes.CreateAsync(
            new()
            {
                Metadata = new() { Name = "x", NamespaceProperty = InternalNames.DefaultNamespace },
                Spec = new() { NodeName = "n", Request = new() { Namespace = "", Name = "a", Uid = "1" }, Mode = NodeFreezeMode.ThawUnconditionally },
            },
            CancellationToken.None);
        await CallsAsync("reconcile a");
    }

    [Fact]
    public async Task A_failure_is_tried_again_and_so_is_an_exception()
    {
        var tries = 0;
        _reconcile = o => ++tries switch
        {
            1 => Task.FromResult(ReconciliationResult<ThawRequest>.Failure(o, "not now")),
            2 => throw new InvalidOperationException("unforeseen"),
            _ => Task.FromResult(ReconciliationResult<ThawRequest>.Success(o)),
        };
        await CreateAsync("a");
        Run();
        await Eventually.TrueAsync(() => tries == 3, () => $"3 tries, now {tries}");
        Assert.False(_run.IsCompleted);
    }

    [Fact]
    public async Task A_requeue_reconciles_again()
    {
        var tries = 0;
        _reconcile = o => Task.FromResult(ReconciliationResult<ThawRequest>.Success(o, ++tries < 3 ? TimeSpan.FromMilliseconds(20) : null));
        await CreateAsync("a");
        Run();
        await Eventually.TrueAsync(() => tries == 3, () => $"3 tries, now {tries}");
    }

    [Fact]
    public async Task One_object_is_reconciled_by_one_worker_at_a_time_and_others_meanwhile()
    {
        var (busy, most) = (0, 0);
        var gate = new TaskCompletionSource();
        _reconcile = async o =>
        {
            if (o.Metadata.Name != "a") return ReconciliationResult<ThawRequest>.Success(o);
            most = Math.Max(most, Interlocked.Increment(ref busy));
            await gate.Task;
            Interlocked.Decrement(ref busy);
            return ReconciliationResult<ThawRequest>.Success(o);
        };
        await CreateAsync("a");
        Run();
        await CallsAsync("reconcile a");
        for (var i = 0; i < 5; i++) _controller.Enqueue(new(null, "a"));
        await CreateAsync("b");
        await CallsAsync("reconcile b");
        gate.SetResult();
        await Eventually.TrueAsync(() => _calls.Count(c => c == "reconcile a") >= 2 && busy == 0, "again");
        Assert.Equal(1, most);
    }

    [Fact]
    public async Task A_deletion_is_told_with_the_last_state()
    {
        await CreateAsync("a");
        Run();
        await CallsAsync("reconcile a");
        await _client.DeleteAsync(null, "a");
        await CallsAsync("deleted a");
    }

    [Fact]
    public async Task A_finalizer_is_taken_off_when_it_has_succeeded_and_others_stay()
    {
        var tries = 0;
        _finalize = o => ++tries switch
        {
            1 => ReconciliationResult<ThawRequest>.Success(o, TimeSpan.FromMilliseconds(5)),
            2 => ReconciliationResult<ThawRequest>.Failure(o, "not now"),
            _ => ReconciliationResult<ThawRequest>.Success(o),
        };
        await CreateAsync("a", Finalizer, "example.com/other");
        Run();
        await CallsAsync("reconcile a");
        await _client.DeleteAsync(null, "a");
        var left = await Eventually.GetAsync(
            async () => await _client.GetAsync(null, "a", CancellationToken.None) is { Metadata.Finalizers: ["example.com/other"] } o ? o : null, () => "the other finalizer alone");
        Assert.Equal(3, tries);
        Assert.NotNull(left.Metadata.DeletionTimestamp);
    }

    [Fact]
    public async Task An_object_without_the_finalizer_is_not_finalized()
    {
        await CreateAsync("a", "example.com/other");
        Run();
        await CallsAsync("reconcile a");
        _calls.Clear();
        await _client.DeleteAsync(null, "a");
        await CallsAsync("reconcile a");
        Assert.DoesNotContain("finalize a", _calls);
    }

    [Fact]
    public async Task A_conflict_at_taking_the_finalizer_off_is_tried_again()
    {
        _cluster.Server.Faults.Inject(RequestMatch.Of("patch", "thawrequests"), FaultEffect.Conflict, times: 2);
        await CreateAsync("a", Finalizer);
        Run();
        await CallsAsync("reconcile a");
        await _client.DeleteAsync(null, "a");
        await CallsAsync("finalize a", "deleted a");
        Assert.Null(await _client.GetAsync(null, "a", CancellationToken.None));
    }

    [Fact]
    public async Task It_ends_when_the_reconciles_under_way_have_ended()
    {
        var gate = new TaskCompletionSource();
        _reconcile = async o =>
        {
            await gate.Task;
            return ReconciliationResult<ThawRequest>.Success(o);
        };
        await CreateAsync("a");
        Run();
        await CallsAsync("reconcile a");
        await _stop.CancelAsync();
        await Task.Delay(50);
        Assert.False(_run.IsCompleted);
        gate.SetResult();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => _run.Soon());
    }
}
