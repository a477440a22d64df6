using System.Globalization;
using Quiesce.Chaos.Tests.Observing;

namespace Quiesce.Chaos.Tests.Rounds;

/// <summary>What happened in a round, in the order it happened; told where it failed. Safe for any number of threads.</summary>
internal sealed class Story
{
    private readonly Lock gate = new();
    private readonly List<(TimeSpan At, string Text)> events = [];

    /// <summary>When the round began, since the boot.</summary>
    internal TimeSpan Zero { get; } = BootTime.Now;

    /// <summary>Something happened just now.</summary>
    internal void Tell(string text) => Tell(BootTime.Now, text);

    /// <summary>Something happened.</summary>
    internal void Tell(TimeSpan at, string text)
    {
        lock (gate) events.Add((at, text));
    }

    /// <summary>A line for each event, with the seconds since the beginning.</summary>
    internal IReadOnlyList<string> Lines
    {
        get
        {
            lock (gate) return [.. events.OrderBy(e => e.At).Select(e => string.Create(CultureInfo.InvariantCulture, $"{(e.At - Zero).TotalSeconds,8:0.000}  {e.Text}"))];
        }
    }
}
