using System.CommandLine;
using System.Globalization;

namespace Quiesce.Cli.Commands;

/// <summary>An option that takes a duration as people type it: <c>500ms</c>, <c>30s</c>, <c>5m</c>, <c>1h</c>, or a number of seconds.</summary>
internal sealed class DurationOption(string name, string description, TimeSpan value, TimeSpan maximum)
{
    // Without a default of its own: help would show that as 00:00:20.
    internal Option<TimeSpan?> Option { get; } = new(name)
    {
        Description = $"{description}, such as 30s or 5m; {Format(maximum)} at most. Default: {Format(value)}.",
        HelpName = "DURATION",
        CustomParser = result =>
        {
            var text = result.Tokens.Count == 1 ? result.Tokens[0].Value : "";
            if (Parse(text) is { } duration && duration <= maximum) return duration;
            result.AddError($"{name}: '{text}' is not a duration above zero and up to {Format(maximum)}; write 500ms, 30s, 5m or 1h");
            return value;
        },
    };

    internal TimeSpan Of(ParseResult parsed) => parsed.GetValue(Option) ?? value;

    /// <summary>Whole seconds, rounded up: what the API counts in.</summary>
    internal static int Seconds(TimeSpan time) => Math.Max(1, (int)Math.Ceiling(time.TotalSeconds));

    internal static string Format(TimeSpan time) => time switch
    {
        { TotalSeconds: < 1 } => string.Create(CultureInfo.InvariantCulture, $"{time.TotalMilliseconds:0.#}ms"),
        { TotalHours: >= 1 } when time.Ticks % TimeSpan.TicksPerHour == 0 => string.Create(CultureInfo.InvariantCulture, $"{time.TotalHours:0}h"),
        { TotalMinutes: >= 1 } when time.Ticks % TimeSpan.TicksPerMinute == 0 => string.Create(CultureInfo.InvariantCulture, $"{time.TotalMinutes:0}m"),
        _ => string.Create(CultureInfo.InvariantCulture, $"{time.TotalSeconds:0.#}s"),
    };

    internal static TimeSpan? Parse(string text)
    {
        var unit = text.AsSpan().TrimStart("0123456789.");
        var factor = unit switch { "ms" => 0.001m, "" or "s" => 1, "m" => 60, "h" => 3600, _ => 0 };
        if (factor == 0 || !decimal.TryParse(text.AsSpan(0, text.Length - unit.Length), NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var number)) return null;
        // Not by way of double: 2.01s would be a tick less. The first bound keeps the product from overflowing.
        return number < 1e9m && number * factor <= 1e6m && TimeSpan.FromTicks((long)(number * factor * TimeSpan.TicksPerSecond)) is var duration && duration > TimeSpan.Zero ? duration : null;
    }
}
