using Quiesce.Chaos.Tests.Observing;

namespace Quiesce.Chaos.Tests.Rounds;

/// <summary>Does things at their times, one after the other. What is done may add more.</summary>
/// <param name="zero">What times count from, since the boot.</param>
internal sealed class Schedule(TimeSpan zero)
{
    private readonly PriorityQueue<Func<Task>, TimeSpan> events = new();

    /// <summary>Adds something to do.</summary>
    internal void Add(TimeSpan at, Func<Task> act) => events.Enqueue(act, at);

    /// <summary>Does all of it.</summary>
    internal async Task RunAsync()
    {
        while (events.TryDequeue(out var act, out var at))
        {
            if (zero + at - BootTime.Now is { Ticks: > 0 } wait) await Task.Delay(wait);
            await act();
        }
    }
}
