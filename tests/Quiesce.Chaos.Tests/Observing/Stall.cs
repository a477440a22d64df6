namespace Quiesce.Chaos.Tests.Observing;

/// <summary>A time in which a filesystem took no write. Times are since the boot.</summary>
/// <param name="Begin">When the write that stood still was begun: right after the freeze.</param>
/// <param name="End">When it returned: right after the thaw.</param>
internal readonly record struct Stall(TimeSpan Begin, TimeSpan End)
{
    /// <summary>Shorter ones are the disk's or the scheduler's as well; what Quiesce freezes in these suites, it is asked to hold for longer.</summary>
    internal static readonly TimeSpan OfAFreeze = TimeSpan.FromMilliseconds(600);

    internal TimeSpan Length => End - Begin;

    /// <summary>Long enough that it can be nothing but a freeze.</summary>
    internal bool IsFreeze => Length >= OfAFreeze;

    /// <summary>Whether a moment lies in it.</summary>
    internal bool Contains(TimeSpan moment) => Begin <= moment && moment <= End;
}
