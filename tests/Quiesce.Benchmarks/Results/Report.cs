using System.Globalization;
using System.Runtime.InteropServices;
using System.Text.Json.Nodes;
using Quiesce.RealFilesystems;

namespace Quiesce.Benchmarks.Results;

/// <summary>All tables of a run, with what they were measured on, as Markdown and as JSON.</summary>
internal sealed class Report
{
    private readonly List<Table> tables = [];
    private readonly List<(string What, string Value)> facts = [];

    private Report()
    {
    }

    /// <summary>Looks at the machine.</summary>
    internal static async Task<Report> CreateAsync()
    {
        var report = new Report();
        report.facts.Add(("machine", $"{Environment.ProcessorCount} processors ({Processor()}), {Memory()} GiB"));
        report.facts.Add(("kernel", $"Linux {Read("/proc/sys/kernel/osrelease")}, {RuntimeInformation.OSDescription}"));
        report.facts.Add(("RCU", $"rcu_expedited {Read("/sys/kernel/rcu_expedited")}, rcu_normal {Read("/sys/kernel/rcu_normal")} before the run"));
        report.facts.Add((".NET", RuntimeInformation.FrameworkDescription));
        report.facts.Add(("programs", $"quiesce-agent {(await Command.TryAsync(Programs.Agent, "--version")).Output}, {(await Command.TryAsync("qemu-ga", "--version")).Output}, {(await Command.TryAsync("fsfreeze", "--version")).Output}"));
        report.facts.Add(("filesystems", $"on loop devices over {Read("/proc/self/mounts").Split('\n').Select(l => l.Split(' ')).Last(f => f.Length > 2 && f[1] == "/")[2]}"));
        return report;
    }

    /// <summary>Adds a fact about the run, such as a server's version.</summary>
    internal void Fact(string what, string value) => facts.Add((what, value));

    internal void Add(Table table) => tables.Add(table);

    /// <summary>Writes both files and gives the Markdown.</summary>
    internal async Task<string> WriteAsync(string folder, string name)
    {
        facts.Add(("load at the end", string.Join(' ', Read("/proc/loadavg").Split(' ').Take(3))));
        var lines = facts.Select(f => $"* {f.What}: {f.Value}").Append("").Concat(tables.SelectMany(t => t.Markdown()));
        var markdown = string.Join('\n', lines);
        var json = new JsonObject
        {
            ["facts"] = new JsonObject(facts.Select(f => KeyValuePair.Create(f.What, (JsonNode?)f.Value))),
            ["tables"] = new JsonArray([.. tables.Select(t => (JsonNode)new JsonObject
            {
                ["title"] = t.Title,
                ["reference"] = t.Reference,
                ["rows"] = new JsonArray([.. t.Rows.Select(r => (JsonNode)new JsonObject
                {
                    ["name"] = r.Name,
                    ["samples"] = new JsonObject(t.Columns.Select(c => KeyValuePair.Create(c, (JsonNode?)new JsonArray([.. r.Cells[c].Samples.Select(s => JsonValue.Create(Math.Round(s, 4)))])))),
                })]),
            })]),
        };
        Directory.CreateDirectory(folder);
        await File.WriteAllTextAsync(Path.Combine(folder, $"{name}.md"), markdown);
        await File.WriteAllTextAsync(Path.Combine(folder, $"{name}.json"), json.ToJsonString(new() { WriteIndented = true }));
        return markdown;
    }

    private static string Processor() =>
        File.ReadLines("/proc/cpuinfo").Select(l => l.Split(':', 2)).Where(p => p[0].Trim() == "model name").Select(p => p[1].Trim()).FirstOrDefault() ?? RuntimeInformation.ProcessArchitecture.ToString();

    private static string Memory() =>
        (long.Parse(File.ReadLines("/proc/meminfo").First().Split(' ', StringSplitOptions.RemoveEmptyEntries)[1], CultureInfo.InvariantCulture) / 1048576.0).ToString("0", CultureInfo.InvariantCulture);

    private static string Read(string file) => File.Exists(file) ? File.ReadAllText(file).Trim() : "-";
}
