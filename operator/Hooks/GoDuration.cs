using System.Globalization;
using System.Text.RegularExpressions;

namespace Quiesce.Operator.Hooks;

/// <summary>Durations as Go writes them: <c>30s</c>, <c>500ms</c>, <c>1m30s</c>.</summary>
internal static partial class GoDuration
{
    /// <summary>Reads one.</summary>
    /// <returns>Null when it is none, or is not above zero; a day where it is longer than that.</returns>
    public static TimeSpan? Parse(string? text)
    {
        if (text is null || !Form().IsMatch(text)) return null;
        var seconds = 0m; // not double: 2.01s would be a tick less
        foreach (Match part in Part().Matches(text))
        {
            var number = decimal.Parse(part.Groups[1].ValueSpan, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture);
            seconds += number * part.Groups[2].Value switch { "h" => 3600, "m" => 60, "s" => 1, "ms" => 1e-3m, "us" or "µs" => 1e-6m, _ => 1e-9m };
        }

        // Less than a tick of TimeSpan, 100 ns, is none at all.
        return TimeSpan.FromTicks((long)(Math.Min(seconds, 86400) * TimeSpan.TicksPerSecond)) is var duration && duration > TimeSpan.Zero ? duration : null;
    }

    [GeneratedRegex(@"^(?:[0-9]{1,9}(?:\.[0-9]{1,9})?(?:ns|us|µs|ms|s|m|h)){1,8}$", RegexOptions.NonBacktracking)]
    private static partial Regex Form();

    [GeneratedRegex("([0-9.]+)(ns|us|µs|ms|s|m|h)", RegexOptions.NonBacktracking)]
    private static partial Regex Part();
}
