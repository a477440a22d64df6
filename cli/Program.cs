using System.CommandLine;
using System.Net;
using System.Runtime.InteropServices;
using k8s.Exceptions;
using Quiesce.Cli.Commands;
using Quiesce.Cli.Output;
using Quiesce.Crds.Client;

namespace Quiesce.Cli;

/// <summary><c>kubectl quiesce</c>: holds filesystems still around a backup, and tells whether they were.</summary>
internal static class Program
{
    private static async Task<int> Main(string[] arguments)
    {
        StandardDescriptors.Ensure();
        try
        {
            return await RunAsync(arguments);
        }
        finally
        {
            Terminal.Finish();
        }
    }

    private static async Task<int> RunAsync(string[] arguments)
    {
        var root = new RootCommand("Holds filesystems of a cluster still for a consistent backup or snapshot, all of them or none, and always thaws them.")
        {
            FreezeCommand.Create(),
            ThawCommand.Create(),
            RunCommand.Create(),
            StatusCommand.Create(),
            InspectCommand.Create(),
            TimelineCommand.Create(),
            WaitSnapshotsCommand.Create(),
            IdleCommand.Create(),
            InstallManifestsCommand.Create(),
            UpgradeAgentsCommand.Create(),
            UninstallCommand.Create(),
            CompletionCommand.Create(),
        };
        if (arguments is [CompletionCommand.Question, ..]) return CompletionCommand.Answer(root, arguments[1..]);
        // No response files: what follows -- is somebody else's command line.
        var parsed = root.Parse(arguments, new ParserConfiguration { ResponseFileTokenReplacer = null });
        if (parsed.Errors.Count > 0)
        {
            foreach (var error in parsed.Errors) Terminal.Complain(error.Message);
            Terminal.Complain("run 'kubectl quiesce --help' for the commands and their options");
            return ExitCode.Usage;
        }

        // Not the command line's own handling of signals, which ends the program after a while, whatever it is about to thaw.
        using var interrupted = new CancellationTokenSource();
        void Interrupt(PosixSignalContext context)
        {
            context.Cancel = true;
            interrupted.Cancel();
        }

        using var interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, Interrupt);
        using var terminate = PosixSignalRegistration.Create(PosixSignal.SIGTERM, Interrupt);
        using var hangup = PosixSignalRegistration.Create(PosixSignal.SIGHUP, Interrupt);
        try
        {
            return await parsed.InvokeAsync(new InvocationConfiguration { ProcessTerminationTimeout = null, EnableDefaultExceptionHandler = false }, interrupted.Token);
        }
        catch (CliException e)
        {
            Terminal.Complain(e.Message);
            return e.ExitCode;
        }
        catch (KubeConfigException e)
        {
            Terminal.Complain(e.Message);
            return ExitCode.Usage;
        }
        catch (KubernetesApiException e) when (e.Status is null)
        {
            Terminal.Complain($"{e.Message}. Whatever is frozen thaws by itself at its deadline.");
            return ExitCode.Unreachable;
        }
        catch (KubernetesApiException e)
        {
            Terminal.Complain(e.Message);
            return e.Status is HttpStatusCode.Forbidden or HttpStatusCode.Unauthorized ? ExitCode.Forbidden : ExitCode.Error;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            Terminal.Complain($"standard output: {e.Message}");
            return ExitCode.Error;
        }
        catch (OperationCanceledException)
        {
            // The shells' number for a program that was interrupted.
            return 130;
        }
    }
}
