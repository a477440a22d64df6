using Microsoft.Extensions.Time.Testing;
using Quiesce.Crds.Client;
using Quiesce.Runtime;

namespace Quiesce.Operator.Tests.Runtime;

/// <summary>The queue of keys.</summary>
public sealed class WorkQueueTests : IDisposable
{
    private readonly FakeTimeProvider _time = new();
    private readonly WorkQueue<string> _queue;

    public WorkQueueTests() => _queue = new(new(TimeSpan.FromSeconds(1), TimeSpan.FromSeconds(30)), _time);

    public void Dispose() => _queue.Dispose();

    private Task<string> TakeAsync() => _queue.TakeAsync(CancellationToken.None).Soon();

    private async Task EmptyAsync()
    {
        using var none = new CancellationTokenSource();
        var take = _queue.TakeAsync(none.Token);
        Assert.False(take.IsCompleted);
        await none.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => take);
    }

    [Fact]
    public async Task Keys_come_in_the_order_they_were_added()
    {
        _queue.Add("a");
        _queue.Add("b");
        Assert.Equal("a", await TakeAsync());
        Assert.Equal("b", await TakeAsync());
    }

    [Fact]
    public async Task A_key_added_twice_comes_once()
    {
        _queue.Add("a");
        _queue.Add("a");
        Assert.Equal("a", await TakeAsync());
        await EmptyAsync();
    }

    [Fact]
    public async Task A_key_that_is_being_worked_on_is_not_given_to_another_worker_and_comes_again_afterwards()
    {
        _queue.Add("a");
        await TakeAsync();
        _queue.Add("a");
        _queue.Add("a");
        await EmptyAsync();
        _queue.Done("a");
        Assert.Equal("a", await TakeAsync());
        _queue.Done("a");
        await EmptyAsync();
    }

    [Fact]
    public async Task A_pause_longer_than_a_timer_takes_is_cut_into_days()
    {
        _queue.Add("a");
        Assert.Equal("a", await TakeAsync());
        _queue.Done("a", TimeSpan.FromDays(25_000));
        await EmptyAsync();
        _time.Advance(TimeSpan.FromDays(1));
        Assert.Equal("a", await TakeAsync());
    }

    [Fact]
    public async Task What_is_added_after_a_pause_comes_once_when_the_first_pause_is_over()
    {
        _queue.AddAfter("a", TimeSpan.FromMilliseconds(20));
        _time.Advance(TimeSpan.FromMilliseconds(15));
        _queue.AddAfter("a", TimeSpan.FromMilliseconds(20));
        await EmptyAsync();
        _time.Advance(TimeSpan.FromMilliseconds(5));
        Assert.Equal("a", await TakeAsync());
        _queue.Done("a");
        _time.Advance(TimeSpan.FromSeconds(1));
        await EmptyAsync();
    }

    [Fact]
    public async Task What_is_added_in_a_pause_comes_at_once_and_ends_the_pause()
    {
        _queue.AddAfter("a", TimeSpan.FromMilliseconds(20));
        _queue.Add("a");
        Assert.Equal("a", await TakeAsync());
        _queue.Done("a");
        _time.Advance(TimeSpan.FromSeconds(1));
        await EmptyAsync();
    }

    [Fact]
    public async Task What_is_added_after_a_pause_while_it_is_worked_on_comes_again()
    {
        _queue.Add("a");
        await TakeAsync();
        _queue.AddAfter("a", TimeSpan.FromMilliseconds(20));
        _queue.Done("a", TimeSpan.FromSeconds(5));
        await EmptyAsync();
        _time.Advance(TimeSpan.FromMilliseconds(20));
        Assert.Equal("a", await TakeAsync());
        _queue.Done("a");
    }

    [Fact]
    public async Task A_pause_does_not_outlive_the_queue()
    {
        _queue.AddAfter("a", TimeSpan.FromMilliseconds(20));
        _queue.Dispose();
        _queue.AddAfter("b", TimeSpan.FromMilliseconds(20));
        _time.Advance(TimeSpan.FromSeconds(1));
        await EmptyAsync();
    }

    [Fact]
    public async Task A_waiting_worker_is_woken()
    {
        var take = TakeAsync();
        Assert.False(take.IsCompleted);
        _queue.Add("a");
        Assert.Equal("a", await take);
    }

    [Fact]
    public async Task A_requeue_comes_when_it_is_due_and_not_before()
    {
        _queue.Add("a");
        await TakeAsync();
        _queue.Done("a", TimeSpan.FromSeconds(5));
        _time.Advance(TimeSpan.FromSeconds(4.9));
        await EmptyAsync();
        _time.Advance(TimeSpan.FromSeconds(0.1));
        Assert.Equal("a", await TakeAsync());
    }

    [Fact]
    public async Task What_was_said_last_about_a_requeue_holds()
    {
        _queue.Add("a");
        await TakeAsync();
        _queue.Done("a", TimeSpan.FromSeconds(5));
        _queue.Add("a");
        await TakeAsync();
        _queue.Done("a", TimeSpan.FromSeconds(50));
        _time.Advance(TimeSpan.FromSeconds(10));
        await EmptyAsync();
        _queue.Add("a");
        await TakeAsync();
        _queue.Done("a");
        _time.Advance(TimeSpan.FromSeconds(100));
        await EmptyAsync();
    }

    [Fact]
    public async Task A_requeue_that_is_overdue_comes_at_once()
    {
        _queue.Add("a");
        await TakeAsync();
        _queue.Done("a", TimeSpan.FromSeconds(-1));
        _time.Advance(TimeSpan.Zero);
        Assert.Equal("a", await TakeAsync());
    }

    [Fact]
    public async Task Failures_in_a_row_wait_longer_and_longer_up_to_a_bound_and_a_success_forgets_them()
    {
        var pauses = new List<TimeSpan>();
        for (var i = 0; i < 8; i++)
        {
            _queue.Add("a");
            await TakeAsync();
            pauses.Add(_queue.Failed("a"));
        }

        for (var i = 0; i < 8; i++) Assert.InRange(pauses[i].TotalSeconds, Math.Min(30, Math.Pow(2, i)) / 2, Math.Min(30, Math.Pow(2, i)));
        _queue.Add("a");
        await TakeAsync();
        _queue.Done("a");
        _queue.Add("a");
        await TakeAsync();
        Assert.InRange(_queue.Failed("a").TotalSeconds, 0.5, 1);
        _time.Advance(TimeSpan.FromSeconds(1));
        Assert.Equal("a", await TakeAsync());
    }

    [Fact]
    public async Task A_failure_with_a_wait_of_its_own_waits_that()
    {
        _queue.Add("a");
        await TakeAsync();
        Assert.Equal(TimeSpan.FromSeconds(7), _queue.Failed("a", TimeSpan.FromSeconds(7)));
        _time.Advance(TimeSpan.FromSeconds(6.9));
        await EmptyAsync();
        _time.Advance(TimeSpan.FromSeconds(0.1));
        Assert.Equal("a", await TakeAsync());
    }

    [Fact]
    public async Task After_the_end_nothing_is_taken_in()
    {
        _queue.Add("a");
        await TakeAsync();
        _queue.Dispose();
        _queue.Done("a", TimeSpan.FromSeconds(1));
        _queue.Add("b");
        _time.Advance(TimeSpan.FromSeconds(2));
        await EmptyAsync();
    }

    [Fact]
    public async Task No_key_is_lost_or_doubled_under_many_threads()
    {
        var (working, done, twice) = (new int[50], new int[50], 0);
        using var queue = new WorkQueue<int>(Backoff.Default, TimeProvider.System);
        using var stop = new CancellationTokenSource();
        var workers = Enumerable.Range(0, 6).Select(_ => Task.Run(async () =>
        {
            while (!stop.IsCancellationRequested)
            {
                int key;
                try
                {
                    key = await queue.TakeAsync(stop.Token);
                }
                catch (OperationCanceledException)
                {
                    return;
                }

                if (Interlocked.Increment(ref working[key]) > 1) Interlocked.Increment(ref twice);
                await Task.Yield();
                Interlocked.Increment(ref done[key]);
                Interlocked.Decrement(ref working[key]);
                queue.Done(key);
            }
        })).ToArray();
        await Parallel.ForEachAsync(Enumerable.Range(0, 20_000), (i, _) =>
        {
            queue.Add(i % 50);
            return ValueTask.CompletedTask;
        });
        await Eventually.TrueAsync(() => queue.Count == 0 && done.All(d => d > 0) && working.All(w => w == 0), "all keys done");
        await stop.CancelAsync();
        await Task.WhenAll(workers).Soon();
        Assert.Equal(0, twice);
    }
}
