namespace Quiesce.EndToEnd.Tests.Running;

/// <summary>A time in which a filesystem took no write.</summary>
/// <param name="Begin">When the write that stood still was begun, on CLOCK_BOOTTIME.</param>
/// <param name="End">When it returned; null while it has not.</param>
internal readonly record struct Stall(TimeSpan Begin, TimeSpan? End)
{
    /// <summary>Shorter ones are the disk's or the scheduler's as well; what the tests freeze, they hold for longer.</summary>
    internal static readonly TimeSpan OfAFreeze = TimeSpan.FromMilliseconds(800);
}
