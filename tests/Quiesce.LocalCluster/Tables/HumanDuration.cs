using System.Globalization;

namespace Quiesce.Cluster.Tables;

/// <summary>Ages as kubectl shows them: <c>5s</c>, <c>3m20s</c>, <c>4h</c>; after apimachinery's <c>util/duration</c>.</summary>
internal static class HumanDuration
{
    /// <param name="timestamp">RFC 3339; null or unreadable is shown as unknown or invalid.</param>
    /// <param name="now">The present.</param>
    public static string Since(string? timestamp, DateTimeOffset now)
    {
        if (timestamp is null)
            return "<unknown>";
        return DateTimeOffset.TryParse(timestamp, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out var time) ? Show(now - time) : "<invalid>";
    }

    public static string Show(TimeSpan span)
    {
        var (seconds, minutes, hours) = ((long)span.TotalSeconds, (long)span.TotalMinutes, (long)span.TotalHours);
        var (days, years) = (hours / 24, hours / 24 / 365);
        return seconds switch
        {
            < -1 => "<invalid>",
            < 0 => "0s",
            < 120 => Parts(seconds, "s"),
            _ when minutes < 10 => Parts(minutes, "m", seconds % 60, "s"),
            _ when minutes < 180 => Parts(minutes, "m"),
            _ when hours < 8 => Parts(hours, "h", minutes % 60, "m"),
            _ when hours < 48 => Parts(hours, "h"),
            _ when hours < 192 => Parts(days, "d", hours % 24, "h"),
            _ when years < 2 => Parts(days, "d"),
            _ when years < 8 => Parts(years, "y", days % 365, "d"),
            _ => Parts(years, "y"),
        };
    }

    private static string Parts(long first, string firstUnit, long second = 0, string secondUnit = "") =>
        string.Create(CultureInfo.InvariantCulture, $"{first}{firstUnit}") + (second == 0 ? "" : string.Create(CultureInfo.InvariantCulture, $"{second}{secondUnit}"));
}
