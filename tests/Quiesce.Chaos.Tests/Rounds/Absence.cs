namespace Quiesce.Chaos.Tests.Rounds;

/// <summary>A time in which a process could do nothing: it was stopped, or dead and not replaced. Times are since the boot.</summary>
/// <param name="From">When the signal was sent.</param>
/// <param name="To">When it was sent on, or its successor executed; <see cref="TimeSpan.MaxValue"/> for never.</param>
internal readonly record struct Absence(TimeSpan From, TimeSpan To)
{
    internal bool Contains(TimeSpan moment) => From <= moment && moment <= To;

    /// <summary>Whether it has any moment with a span of time in common.</summary>
    internal bool Overlaps(TimeSpan from, TimeSpan to) => From <= to && from <= To;

    /// <summary>The times in which both were absent.</summary>
    internal static IReadOnlyList<Absence> OfBoth(IReadOnlyList<Absence> one, IReadOnlyList<Absence> other) =>
        [.. from a in one
            from b in other
            let both = new Absence(a.From > b.From ? a.From : b.From, a.To < b.To ? a.To : b.To)
            where both.From <= both.To
            orderby both.From
            select both];
}
