using System.CommandLine;
using Quiesce.Agent.Holding;
using Quiesce.Agent.Output;
using Quiesce.Freezing.Holders;
using Quiesce.Freezing.Planning;
using Quiesce.Freezing.Windows;

namespace Quiesce.Agent.Commands;

/// <summary><c>quiesce-agent inspect PATH...</c>: what a freeze of these paths would do.</summary>
internal static class InspectCommand
{
    internal static Command Create(NonBlockingWriter output)
    {
        var paths = new Argument<string[]>("PATH") { Description = "Folders; each selects the filesystem it lies on.", Arity = ArgumentArity.ZeroOrMore };
        var all = new Option<bool>("--all") { Description = "All filesystems of this host." };
        var fail = new Option<bool>("--fail-unsupported") { Description = "Refuse where a filesystem cannot freeze, instead of leaving it out." };
        var command = new Command("inspect", "Show what would be frozen, skipped or refused, and why. Freezes nothing.")
        {
            paths, all, fail, CommonOptions.Json, CommonOptions.HostRoot, CommonOptions.AllowProtected,
        };
        command.Validators.Add(result =>
        {
            if (result.GetValue(paths) is not { Length: > 0 } && !result.GetValue(all)) result.AddError("inspect: name at least one folder, or --all");
        });
        command.SetAction(async (parsed, _) =>
        {
            var report = await SingleAnswer.AskAsync(new HolderOrder
            {
                Task = HolderTask.Inspect,
                Plan = new PlanOrder
                {
                    HostRoot = parsed.GetValue(CommonOptions.HostRoot)!,
                    Paths = [.. parsed.GetValue(paths)!.Select(Path.GetFullPath)],
                    AllFilesystems = parsed.GetValue(all),
                    FailUnsupported = parsed.GetValue(fail),
                    AllowedPaths = parsed.GetValue(CommonOptions.AllowProtected) ?? [],
                },
            }).ConfigureAwait(false);
            if (parsed.GetValue(CommonOptions.Json)) output.WriteLine(JsonReport.Line(report, report.Phase == WindowPhase.Failed ? "Failed" : "Inspected"));
            else
                foreach (var line in ReportText.Inspection(report)) output.WriteLine(line);
            return report.Phase == WindowPhase.Failed ? ExitCode.Failed : ExitCode.Success;
        });
        return command;
    }
}
