using System.Globalization;
using System.Text.RegularExpressions;

namespace Quiesce.EndToEnd.Tests.Running;

/// <summary>What a program's HTTP port answers.</summary>
internal sealed partial class Scrape(Uri at) : IDisposable
{
    private readonly HttpClient http = new() { BaseAddress = at, Timeout = TimeSpan.FromSeconds(5) };

    /// <summary>Arguments of a program that is to be scraped.</summary>
    internal static IReadOnlyList<string> Arguments { get; } = ["--http-port", "0"];

    internal Uri At => at;

    /// <summary>Finds the port by what the program says.</summary>
    internal static async Task<Scrape> OfAsync(ProgramRun program)
    {
        await Eventually.TrueAsync(() => Said().IsMatch(program.Said) || program.HasExited, $"a port in the output of process {program.Id}");
        return new(new Uri(Said().Match(program.Said).Groups[1].Value));
    }

    internal Task<string> MetricsAsync() => http.GetStringAsync(new Uri("/metrics", UriKind.Relative));

    /// <summary>Status and text of a probe.</summary>
    internal async Task<(int Code, string Text)> ProbeAsync(string path)
    {
        using var answer = await http.GetAsync(new Uri(path, UriKind.Relative));
        return ((int)answer.StatusCode, (await answer.Content.ReadAsStringAsync()).Trim());
    }

    /// <summary>The names that come out, each once, as in PromQL but without the endings of a histogram's series.</summary>
    internal static IReadOnlySet<string> Names(string metrics) =>
        metrics.Split('\n').Where(line => line.StartsWith("# TYPE ", StringComparison.Ordinal)).Select(line => line.Split(' ')[2]).Where(name => name != "target_info").ToHashSet();

    /// <summary>The sum of a metric's series whose labels are among these.</summary>
    internal static double Sum(string metrics, string name, params string[] labels) => metrics.Split('\n')
        .Where(line => line.StartsWith($"{name}{{", StringComparison.Ordinal) || line.StartsWith($"{name} ", StringComparison.Ordinal))
        .Where(line => labels.All(label => line.Contains(label, StringComparison.Ordinal)))
        .Sum(line => double.Parse(Value().Match(line).Groups[1].Value.Replace("+Inf", "Infinity", StringComparison.Ordinal), CultureInfo.InvariantCulture));

    public void Dispose() => http.Dispose();

    [GeneratedRegex(@"/metrics, /healthz and /readyz on (http://[0-9.:]+)")]
    private static partial Regex Said();

    [GeneratedRegex(@"(?:\}| )\s*(\S+)(?: \d+)?$")]
    private static partial Regex Value();
}
