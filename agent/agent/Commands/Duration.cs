using System.Globalization;

namespace Quiesce.Agent.Commands;

/// <summary>A duration as people type it: <c>500ms</c>, <c>30s</c>, <c>5m</c>, <c>1h</c>, or a number of seconds.</summary>
internal readonly record struct Duration(TimeSpan Span)
{
    /// <summary>In nanoseconds, as a window counts.</summary>
    internal long Nanoseconds => Span.Ticks * 100;

    /// <summary>Reads one; false for anything else, for zero and for less.</summary>
    internal static bool TryParse(string text, out Duration duration)
    {
        duration = default;
        var unit = text.AsSpan().TrimStart("0123456789.");
        var factor = unit switch
        {
            "ms" => 0.001m,
            "" or "s" => 1,
            "m" => 60,
            "h" => 3600,
            _ => 0,
        };
        if (factor == 0
            || !decimal.TryParse(text.AsSpan(0, text.Length - unit.Length), NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var number)
            || number >= 1e9m // before the product, which must not overflow
            || number * factor >= 1e6m)
            return false;
        duration = new Duration(TimeSpan.FromTicks((long)(number * factor * TimeSpan.TicksPerSecond))); // not by way of double: 2.01s would be a tick less
        return duration.Span > TimeSpan.Zero;
    }

    /// <summary>As one would type it.</summary>
    public override string ToString() => Span switch
    {
        { TotalSeconds: < 1 } => string.Create(CultureInfo.InvariantCulture, $"{Span.TotalMilliseconds:0.###}ms"),
        { TotalHours: >= 1 } when Span.Ticks % TimeSpan.TicksPerHour == 0 => string.Create(CultureInfo.InvariantCulture, $"{Span.TotalHours:0}h"),
        { TotalMinutes: >= 1 } when Span.Ticks % TimeSpan.TicksPerMinute == 0 => string.Create(CultureInfo.InvariantCulture, $"{Span.TotalMinutes:0}m"),
        _ => string.Create(CultureInfo.InvariantCulture, $"{Span.TotalSeconds:0.###}s"),
    };
}
