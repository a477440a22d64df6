using System.Text.Json;
using System.Text.RegularExpressions;
using Quiesce.Crds;
using Quiesce.EndToEnd.Tests.Running;
using Quiesce.RealFilesystems;

namespace Quiesce.EndToEnd.Tests;

/// <summary>What operator and agents show together, against what is written of it.</summary>
[TestClass(DisableParallelization = true)]
public sealed partial class TelemetryOfAllTests(Installation installation)
{
    [Fact]
    public async Task What_is_documented_drawn_and_alerted_on_is_what_comes_out()
    {
        await installation.RequireAsync();
        await installation.ReplaceOperatorAsync(new ProgramStart { Arguments = [.. Scrape.Arguments, "--leader-elect"] });
        await using var ext4 = await RealFilesystem.CreateAsync(FilesystemKind.Ext4);
        using var guard = ext4.Guard(TimeSpan.FromSeconds(90));
        await using var node = await installation.NodeAsync(new ProgramStart { Arguments = Scrape.Arguments });
        var request = await Request.OfAsync(installation, 20, Request.HostPath(node.Name, ext4.MountPoint));
        await request.PhaseAsync(FreezePhase.Frozen, TimeSpan.FromSeconds(60)); // the lease of the operator before may have to run out
        await request.ThawAsync();
        await request.EndsAsAsync(FreezePhase.Thawed, Reasons.ThawRequested);
        await request.GoesAwayAsync();
        using var ofOperator = await Scrape.OfAsync(installation.Operator);
        using var ofAgent = await Scrape.OfAsync(node.Agent);
        await Task.Delay(400); // past the time for which an answer is kept
        var operators = Scrape.Names(await ofOperator.MetricsAsync());
        var agents = Scrape.Names(await ofAgent.MetricsAsync());

        Assert.Equal(Documented("operator").Order(), operators.Order());
        Assert.Equal(Documented("agent").Order(), agents.Order());
        var all = operators.Concat(agents).ToHashSet();
        Assert.All(Used(File.ReadAllText(InRepository("charts/quiesce/alerts/quiesce.yaml")).Split('\n').Where(line => line.TrimStart().StartsWith("expr:", StringComparison.Ordinal))), name => Assert.Contains(name, all));
        Assert.All(Used(Expressions(JsonDocument.Parse(File.ReadAllText(InRepository("charts/quiesce/dashboards/quiesce.json"))).RootElement)), name => Assert.Contains(name, all));
        // Every alert is explained.
        var page = File.ReadAllText(InRepository("docs/telemetry.md"));
        Assert.All(Alert().Matches(File.ReadAllText(InRepository("charts/quiesce/alerts/quiesce.yaml"))).Select(m => m.Groups[1].Value), alert => Assert.Contains($"### {alert}\n", page, StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_request_is_one_trace_over_operator_and_agents_in_which_the_stall_can_be_seen()
    {
        await installation.RequireAsync();
        using var collector = new Collector();
        var observed = new ProgramStart { Environment = collector.Environment };
        await installation.ReplaceOperatorAsync(observed);
        await using var ext4 = await RealFilesystem.CreateAsync(FilesystemKind.Ext4);
        await using var xfs = await RealFilesystem.CreateAsync(FilesystemKind.Xfs);
        using var guard = ext4.Guard(TimeSpan.FromSeconds(90));
        using var guardToo = xfs.Guard(TimeSpan.FromSeconds(90));
        await using var first = await installation.NodeAsync(observed);
        await using var second = await installation.NodeAsync(observed);
        const string TraceId = "0af7651916cd43dd8448eb211c80319c";
        var request = await Request.CreateAsync(
            installation,
            new FreezeRequestSpec { DeadlineSeconds = 20, Targets = [Request.HostPath(first.Name, ext4.MountPoint), Request.HostPath(second.Name, xfs.MountPoint)] },
            annotations: new Dictionary<string, string> { [QuiesceApi.TraceParentAnnotation] = $"00-{TraceId}-b7ad6b7169203331-01" });
        await request.PhaseAsync(FreezePhase.Frozen);
        await request.ThawAsync();
        await request.EndsAsAsync(FreezePhase.Thawed, Reasons.ThawRequested);
        await Eventually.TrueAsync(
            () => Of("Hold").Count == 2 && Of("thaw").Count == 2 && Of("FreezeRequest").Count == 1,
            () => $"the spans of the trace; there are {string.Join(", ", collector.Spans.Where(s => s.TraceId == TraceId).Select(s => s.Name))}");

        var whole = Of("FreezeRequest").Single();
        Assert.Equal("b7ad6b7169203331", whole.ParentId);
        Assert.All(Of("Hold"), span => Assert.Equal(whole.SpanId, span.ParentId));
        // Also those that were over before their status was written.
        foreach (var phase in (string[])["Pending", "Preparing", "Frozen", "Thawing"]) Assert.Equal(whole.SpanId, Assert.Single(Of(phase)).ParentId);
        Assert.NotEmpty(Of("reconcile FreezeRequest"));
        foreach (var hold in Of("Hold"))
        {
            var (stall, flush, freeze, held, thaw) = (Below(hold, "stall"), Below(hold, "flush"), Below(hold, "freeze"), Below(hold, "hold"), Below(hold, "thaw"));
            Assert.Equal((freeze.Start, freeze.End), (stall.Start, stall.End)); // one filesystem on each node
            Assert.True(flush.End <= freeze.Start + 1_000_000 && freeze.End <= held.End && thaw.Start < thaw.End && thaw.End <= hold.End + 1_000_000, $"{flush} {freeze} {held} {thaw} {hold}");
            Assert.InRange(held.End - held.Start, 1_000_000UL, 20_000_000_000UL);
        }

        await request.GoesAwayAsync();

        IReadOnlyList<ReceivedSpan> Of(string name) => [.. collector.Spans.Where(s => s.TraceId == TraceId && s.Name == name)];
        ReceivedSpan Below(ReceivedSpan parent, string name) => Assert.Single(Of(name), s => s.ParentId == parent.SpanId);
    }

    /// <summary>The names a program has in the table of the page.</summary>
    private static IEnumerable<string> Documented(string program) => Row().Matches(File.ReadAllText(InRepository("docs/telemetry.md")))
        .Where(row => row.Groups["programs"].Value.Split(", ").Contains(program)).Select(row => row.Groups["name"].Value);

    private static IEnumerable<string> Expressions(JsonElement element) => element.ValueKind switch
    {
        JsonValueKind.Object => element.EnumerateObject().SelectMany(p => p.Name == "expr" ? [p.Value.GetString()!] : Expressions(p.Value)),
        JsonValueKind.Array => element.EnumerateArray().SelectMany(Expressions),
        _ => [],
    };

    /// <summary>The metrics in expressions of PromQL, without the endings of a histogram's series.</summary>
    private static List<string> Used(IEnumerable<string> expressions)
    {
        var names = expressions.SelectMany(e => Name().Matches(e)).Select(m => Ending().Replace(m.Value, "")).Distinct().ToList();
        Assert.NotEmpty(names);
        return names;
    }

    private static string InRepository(string path)
    {
        var folder = AppContext.BaseDirectory;
        while (!File.Exists(Path.Combine(folder, "Quiesce.sln"))) folder = Path.GetDirectoryName(folder) ?? throw new InvalidOperationException("no Quiesce.sln above the tests");
        return Path.Combine(folder, path);
    }

    [GeneratedRegex(@"^\| `[^`]+` \| `(?<name>[^`]+)` \| (?<programs>[a-z, ]+) \|", RegexOptions.Multiline)]
    private static partial Regex Row();

    [GeneratedRegex(@"\b(quiesce|controller_runtime|workqueue|leader_election)_[a-z_]+\b")]
    private static partial Regex Name();

    [GeneratedRegex("_(bucket|count|sum)$")]
    private static partial Regex Ending();

    [GeneratedRegex(@"- alert: (\w+)")]
    private static partial Regex Alert();
}
