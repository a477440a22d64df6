using Microsoft.Extensions.Logging.Abstractions;
using Quiesce.Crds;
using Quiesce.Crds.Client;
using Quiesce.Operator.Freezing;
using Quiesce.Operator.Reconciling;

namespace Quiesce.Operator.Tests.Runtime;

/// <summary>The lines of a request's story: in order, and each once, whoever tells them.</summary>
public sealed class EventRecorderTests : IAsyncLifetime
{
    private readonly string _uid = Guid.NewGuid().ToString();
    private TestCluster _cluster = null!;

    public async ValueTask InitializeAsync() => _cluster = await TestCluster.StartAsync();

    public ValueTask DisposeAsync() => _cluster.DisposeAsync();

    [Fact]
    public async Task Lines_are_there_once_and_in_order_also_when_another_operator_says_them_again()
    {
        await TellAsync(isNew: true, "first", "second", "second", "third");
        Assert.Equal(["first", "second", "third"], await ToldAsync(3));
        await TellAsync(isNew: false, "third", "first", "fourth");
        Assert.Equal(["first", "second", "third", "fourth"], await ToldAsync(4));
    }

    [Fact]
    public async Task A_clock_that_stands_still_or_goes_back_does_not_mix_them_up()
    {
        var time = new SteppedTime(TimeProvider.System);
        using var over = new CancellationTokenSource();
        var recorder = new EventRecorder(_cluster.Connection, new(), time, NullLogger<EventRecorder>.Instance);
        foreach (var line in new[] { "first", "second" }) Tell(recorder, line, isNew: true);
        time.Step(TimeSpan.FromHours(-2));
        foreach (var line in new[] { "third", "fourth" }) Tell(recorder, line, isNew: true);
        var running = recorder.RunAsync(over.Token);
        Assert.Equal(["first", "second", "third", "fourth"], await ToldAsync(4));
        await over.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => running);
    }

    private async Task TellAsync(bool isNew, params string[] lines)
    {
        using var over = new CancellationTokenSource();
        var recorder = new EventRecorder(_cluster.Connection, new(), TimeProvider.System, NullLogger<EventRecorder>.Instance);
        var running = recorder.RunAsync(over.Token);
        foreach (var line in lines) Tell(recorder, line, isNew);
        var last = lines[^1];
        await Eventually.GetAsync(async () => (await EventsAsync()).Any(e => e.Note == last) ? "told" : null, () => last);
        await over.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => running);
    }

    private void Tell(EventRecorder recorder, string line, bool isNew) =>
        recorder.Tell(new FreezeRequest { Metadata = new() { Name = "nightly", NamespaceProperty = "shop", Uid = _uid } }, new Story(Reasons.Accepted, line), isNew);

    private async Task<IReadOnlyList<string?>> ToldAsync(int count)
    {
        var told = await Eventually.GetAsync(async () => await EventsAsync() is { } events && events.Count >= count ? events : null, () => $"{count} Events");
        // As kubectl shows them: as the API server lists them.
        return [.. told.Select(e => e.Note)];
    }

    private async Task<IReadOnlyList<Event>> EventsAsync() =>
        [.. (await new ResourceClient<Event>(_cluster.Connection, Kinds.Events).ListAsync("shop")).Items.Where(e => e.Regarding?.Uid == _uid)];
}
