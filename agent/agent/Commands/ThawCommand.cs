using System.CommandLine;
using Quiesce.Agent.Holding;
using Quiesce.Agent.Output;
using Quiesce.Freezing;
using Quiesce.Freezing.Holders;
using Quiesce.Freezing.Windows;

namespace Quiesce.Agent.Commands;

/// <summary><c>quiesce-agent thaw</c>: the unconditional thaw of the QEMU guest agent.</summary>
internal static class ThawCommand
{
    internal static Command Create(NonBlockingWriter output)
    {
        var targets = new Targets("Every filesystem of this host.");
        var command = new Command("thaw", "Thaw filesystems whoever froze them, and count those that were frozen. Works with the API server and the operator gone.")
        {
            CommonOptions.Json,
        };
        targets.AddTo(command);
        command.SetAction(async (parsed, _) =>
        {
            var (plan, json) = (targets.Order(parsed), parsed.GetValue(CommonOptions.Json));
            var left = await LeftBehind.EndAsync(plan.HostRoot, json, output).ConfigureAwait(false);
            var report = await SingleAnswer.AskAsync(new HolderOrder { Task = HolderTask.ThawUnconditionally, Plan = plan }).ConfigureAwait(false);
            if (json) output.WriteLine(JsonReport.Line(report, report.Phase.ToString()));
            else
                foreach (var line in ReportText.Thaw(report, targets.All(parsed))) output.WriteLine(line);
            return report.Phase == WindowPhase.Thawed && !left.Any(r => r.Reason == FreezeReason.ThawFailed || !r.IsFinal) ? ExitCode.Success : ExitCode.Failed;
        });
        return command;
    }
}
