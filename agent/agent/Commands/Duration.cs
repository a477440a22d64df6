using System.Globalization;

namespace Quiesce.Agent.Commands;

/// <summary>Durations as people type them: <c>500ms</c>, <c>30s</c>, <c>5m</c>, <c>1h</c>, or a number of seconds.</summary>
internal static class Duration
{
    /// <summary>Reads one; false for anything else, for zero and for less.</summary>
    internal static bool TryParse(string text, out TimeSpan duration)
    {
        duration = default;
        var unit = text.AsSpan().TrimStart("0123456789.");
        var factor = unit switch
        {
            "ms" => 0.001,
            "" or "s" => 1,
            "m" => 60,
            "h" => 3600,
            _ => 0,
        };
        if (factor == 0
            || !double.TryParse(text.AsSpan(0, text.Length - unit.Length), NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var number)
            || number * factor is not (> 0 and < 1e6))
            return false;
        duration = TimeSpan.FromSeconds(number * factor);
        return duration > TimeSpan.Zero;
    }
}
