using System.CommandLine;
using Quiesce.Benchmarks.Clusters;
using Quiesce.Benchmarks.Footprints;
using Quiesce.Benchmarks.Results;
using Quiesce.Benchmarks.Stalls;
using Quiesce.RealFilesystems;
using Command = System.CommandLine.Command;

var rounds = new Option<int>("--rounds") { Description = "How often each is measured.", DefaultValueFactory = _ => 7 };
var output = new Option<string>("--out") { Description = "The folder for the results.", DefaultValueFactory = _ => Path.Combine(Environment.CurrentDirectory, "artifacts", "bench") };
var all = new Option<bool>("--all") { Description = "Every cell, which takes an hour or more; without it those that people ask about." };
var only = new Option<string?>("--only") { Description = "Cells whose name has this in it." };

var stall = new Command("stall", "How long applications stand still at the freeze, and how long a thaw takes, side by side with what people would use instead.") { rounds, output, all, only };
stall.SetAction(async (parsed, _) =>
{
    var cells = Cells(parsed.GetValue(all)).Where(c => parsed.GetValue(only) is not { } part || c.Name.Contains(part, StringComparison.Ordinal)).ToList();
    var report = await Report.CreateAsync();
    await new StallBenchmark(parsed.GetValue(rounds), cells).RunAsync(report);
    Console.WriteLine(await report.WriteAsync(parsed.GetValue(output)!, "stall"));
});

var nodes = new Option<int[]>("--nodes") { Description = "How many nodes.", DefaultValueFactory = _ => [1, 20], AllowMultipleArgumentsPerToken = true };
var endToEnd = new Command("endtoend", "How long a request takes, with real agents, and how many API requests.") { rounds, output, nodes };
endToEnd.SetAction(async (parsed, _) =>
{
    var report = await Report.CreateAsync();
    await new EndToEndBenchmark(parsed.GetValue(rounds), parsed.GetValue(nodes)!).RunAsync(report);
    Console.WriteLine(await report.WriteAsync(parsed.GetValue(output)!, "endtoend"));
});

var scaleNodes = new Option<int[]>("--nodes") { Description = "How many nodes.", DefaultValueFactory = _ => [10, 100, 1000], AllowMultipleArgumentsPerToken = true };
var requests = new Option<int>("--requests") { Description = "How many requests at once.", DefaultValueFactory = _ => 200 };
var scale = new Command("scale", "The operator with very many nodes and requests; the agents are simulated.") { rounds, output, scaleNodes, requests };
scale.SetAction(async (parsed, _) =>
{
    var report = await Report.CreateAsync();
    await new ScaleBenchmark(parsed.GetValue(rounds), parsed.GetValue(scaleNodes)!, parsed.GetValue(requests)).RunAsync(report);
    Console.WriteLine(await report.WriteAsync(parsed.GetValue(output)!, "scale"));
});

var idle = new Option<int>("--idle") { Description = "Seconds of idleness.", DefaultValueFactory = _ => 60 };
var footprint = new Command("footprint", "What it costs to have it installed.") { rounds, output, idle };
footprint.SetAction(async (parsed, _) =>
{
    var report = await Report.CreateAsync();
    await new FootprintBenchmark(parsed.GetValue(rounds), TimeSpan.FromSeconds(parsed.GetValue(idle))).RunAsync(report);
    Console.WriteLine(await report.WriteAsync(parsed.GetValue(output)!, "footprint"));
});

return await new RootCommand("Measures what Quiesce costs. Results are printed as Markdown, and written as Markdown and JSON.") { stall, endToEnd, scale, footprint }.Parse(args).InvokeAsync();

static IEnumerable<StallCell> Cells(bool all)
{
    FilesystemKind[] mix = [FilesystemKind.Ext4, FilesystemKind.Xfs];
    FilesystemKind[][] kinds = all ? [[FilesystemKind.Ext4], [FilesystemKind.Xfs], [FilesystemKind.Btrfs], mix] : [mix];
    foreach (var kind in kinds)
        foreach (var count in (int[])[1, 8, 32])
            foreach (var (dirty, writers) in ((int, bool)[])[(0, false), (32, false), (256, false), (0, true)])
                if (all || dirty < 256 || count == 8)
                    yield return new StallCell(kind, count, dirty, writers);
    if (all) yield break;
    foreach (var kind in (FilesystemKind[])[FilesystemKind.Xfs, FilesystemKind.Btrfs])
        foreach (var (dirty, writers) in ((int, bool)[])[(0, false), (32, false), (0, true)])
            yield return new StallCell([kind], 8, dirty, writers);
}
