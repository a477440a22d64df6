using System.CommandLine;
using Quiesce.Agent.Holding;
using Quiesce.Agent.Output;
using Quiesce.Freezing.Holders;
using Quiesce.Freezing.Windows;

namespace Quiesce.Agent.Commands;

/// <summary><c>quiesce-agent inspect PATH...</c>: what a freeze of these paths would do.</summary>
internal static class InspectCommand
{
    internal static Command Create(NonBlockingWriter output)
    {
        var targets = new Targets("All filesystems of this host.");
        var fail = new Option<bool>("--fail-unsupported") { Description = "Refuse where a filesystem cannot freeze, instead of leaving it out." };
        var command = new Command("inspect", "Show what would be frozen, skipped or refused, and why. Freezes nothing.")
        {
            fail, CommonOptions.AllowProtected, CommonOptions.Json,
        };
        targets.AddTo(command);
        command.SetAction(async (parsed, _) =>
        {
            var report = await SingleAnswer.AskAsync(new HolderOrder
            {
                Task = HolderTask.Inspect,
                Plan = targets.Order(parsed) with
                {
                    FailUnsupported = parsed.GetValue(fail),
                    AllowedPaths = Targets.Allowed(parsed),
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
