using System.CommandLine;
using Quiesce.Agent.Holding;
using Quiesce.Agent.Output;
using Quiesce.Freezing.Holders;
using Quiesce.Freezing.Planning;
using Quiesce.Freezing.Reports;
using Quiesce.Freezing.Windows;

namespace Quiesce.Agent.Commands;

/// <summary><c>quiesce-agent thaw</c>: the unconditional thaw of the QEMU guest agent.</summary>
internal static class ThawCommand
{
    internal static Command Create(NonBlockingWriter output)
    {
        var paths = new Argument<string[]>("PATH") { Description = "Folders; each selects the filesystem it lies on.", Arity = ArgumentArity.ZeroOrMore };
        var all = new Option<bool>("--all") { Description = "Every filesystem of this host." };
        var command = new Command("thaw", "Thaw filesystems whoever froze them, and count those that were frozen. Works with the API server and the operator gone.")
        {
            paths, all, CommonOptions.Json, CommonOptions.HostRoot,
        };
        command.Validators.Add(result =>
        {
            if (result.GetValue(paths) is not { Length: > 0 } && !result.GetValue(all)) result.AddError("thaw: name at least one folder, or --all");
        });
        command.SetAction(async (parsed, _) =>
        {
            var hostRoot = parsed.GetValue(CommonOptions.HostRoot)!;
            await LeftBehind.EndAsync(hostRoot, output).ConfigureAwait(false);
            var report = await SingleAnswer.AskAsync(new HolderOrder
            {
                Task = HolderTask.ThawUnconditionally,
                Plan = new PlanOrder { HostRoot = hostRoot, Paths = [.. parsed.GetValue(paths)!.Select(Path.GetFullPath)], AllFilesystems = parsed.GetValue(all) },
            }).ConfigureAwait(false);
            if (parsed.GetValue(CommonOptions.Json)) output.WriteLine(JsonReport.Line(report, report.Phase.ToString()));
            else
            {
                foreach (var line in ReportText.Thaw(report, parsed.GetValue(all))) output.WriteLine(line);
                foreach (var f in report.Filesystems.Where(f => f.State is FilesystemState.Failed or FilesystemState.Stuck)) output.WriteLine($"ERROR    {f.Message}");
                if (report.Filesystems.Count == 0 && report.Message is not null) output.WriteLine($"ERROR    {report.Message}");
            }
            return report.Phase == WindowPhase.Thawed ? ExitCode.Success : ExitCode.Failed;
        });
        return command;
    }
}
