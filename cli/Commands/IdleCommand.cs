using System.CommandLine;

namespace Quiesce.Cli.Commands;

/// <summary><c>kubectl quiesce idle</c>: what keeps a container alive into which a backup tool executes <c>freeze</c> and <c>thaw</c>; the image has nothing else that could.</summary>
internal static class IdleCommand
{
    internal static Command Create()
    {
        var command = new Command("idle", "Do nothing until asked to end: the main process of a sidecar, into which a backup tool executes 'freeze' and 'thaw'.");
        command.SetAction(async (_, cancellationToken) =>
        {
            await Task.Delay(Timeout.InfiniteTimeSpan, cancellationToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            return ExitCode.Success;
        });
        return command;
    }
}
