using System.CommandLine;
using Quiesce.Cli.Drawing;
using Quiesce.Cli.Requests;
using Spectre.Console;

namespace Quiesce.Cli.Commands;

/// <summary><c>kubectl quiesce timeline NAME</c>: a window drawn per node and filesystem.</summary>
internal static class TimelineCommand
{
    internal static Command Create()
    {
        var cluster = new ClusterOptions();
        var name = Names.Request("The FreezeRequest.", cluster);
        var svg = new Option<FileInfo?>("--svg") { Description = "Draw it as SVG into this file; - for standard output.", HelpName = "FILE" };
        var command = new Command("timeline", "Draw a window: when each filesystem was flushed, frozen, held and thawed.") { name, svg };
        cluster.AddTo(command);
        command.SetAction(async (parsed, cancellationToken) =>
        {
            using var connection = cluster.Connect(parsed);
            var request = await new RequestSession(connection, cluster.Namespace(parsed, connection), parsed.GetValue(name)!).GetAsync(cancellationToken);
            var timeline = Timeline.Of(request, TimeProvider.System.GetUtcNow())
                ?? throw new CliException(ExitCode.Failed, $"{request.Metadata.Name} is {request.Status?.Phase.ToString() ?? "not begun"}{(request.Status?.Reason is { } reason ? $", {reason}" : "")}: no filesystem was flushed or frozen, so there is nothing to draw");
            if (parsed.GetValue(svg) is not { } file)
            {
                var console = AnsiConsole.Create(new() { Out = new AnsiConsoleOutput(Console.Out) });
                // A file and a pipe have no width of their own.
                if (Console.IsOutputRedirected) console.Profile.Width = 160;
                TimelineText.Write(timeline, console);
                return ExitCode.Success;
            }

            using var picture = new MemoryStream();
            TimelineSvg.Write(timeline, picture);
            try
            {
                if (file.Name == "-") await Console.OpenStandardOutput().WriteAsync(picture.ToArray(), cancellationToken);
                else await File.WriteAllBytesAsync(file.FullName, picture.ToArray(), cancellationToken);
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                throw new CliException(ExitCode.Error, $"{file}: {e.Message}");
            }

            return ExitCode.Success;
        });
        return command;
    }
}
