namespace Quiesce.Operator.Tests;

/// <summary>A clock that can be set: the wall clock jumps, the monotonic clock and the timers go on, as on a machine.</summary>
/// <remarks>A fake time provider's own adjustment moves its monotonic clock as well.</remarks>
internal sealed class SteppedTime(TimeProvider inner) : TimeProvider
{
    private long _offset;

    public override long TimestampFrequency => inner.TimestampFrequency;

    public void Step(TimeSpan by) => Interlocked.Add(ref _offset, by.Ticks);

    public override DateTimeOffset GetUtcNow() => inner.GetUtcNow() + TimeSpan.FromTicks(Interlocked.Read(ref _offset));

    public override long GetTimestamp() => inner.GetTimestamp();

    public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period) => inner.CreateTimer(callback, state, dueTime, period);
}
