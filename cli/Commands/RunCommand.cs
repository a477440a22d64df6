using System.CommandLine;
using System.ComponentModel;
using System.Diagnostics;
using System.Net;
using System.Runtime.InteropServices;
using Quiesce.Cli.Output;
using Quiesce.Cli.Requests;
using Quiesce.Crds;
using Quiesce.Crds.Client;

namespace Quiesce.Cli.Commands;

/// <summary><c>kubectl quiesce run … -- COMMAND</c>: freezes, runs a command, and thaws, whatever becomes of the command or of itself.</summary>
internal static partial class RunCommand
{
    /// <summary>The shells' number for a program that was interrupted.</summary>
    private const int Interrupted = 130;

    /// <summary>How long a command that was asked to end is waited for.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(10);

    /// <summary>How long the end of a window is waited for after it was asked for. Hooks after the thaw may take minutes; an operator that is away, or a thaw that is stuck, may take hours.</summary>
    private static readonly TimeSpan LongestEnd = TimeSpan.FromMinutes(15);

    /// <summary>The same for somebody who has asked this program to end.</summary>
    private static readonly TimeSpan LongestEndOfInterrupted = TimeSpan.FromSeconds(30);

    private static readonly TimeSpan Retry = TimeSpan.FromMilliseconds(500);

    internal static Command Create()
    {
        var (cluster, request) = (new ClusterOptions(), new RequestOptions());
        var renew = new Option<bool>("--renew")
        {
            Description = "Raise the deadline again and again while the command runs, so that --deadline can be short: it is how long a client that died leaves everything frozen.",
        };
        var line = new Argument<string[]>("COMMAND") { Description = "The command and its arguments, after --.", Arity = ArgumentArity.OneOrMore };
        var command = new Command("run", "Freeze, run a command, and thaw. The exit code is the command's, or that of the verdict where the command succeeded and the window did not hold as long as it ran.") { renew, line };
        request.AddTo(command, cluster);
        cluster.AddTo(command);
        command.SetAction(async (parsed, cancellationToken) =>
        {
            using var connection = cluster.Connect(parsed);
            var wanted = request.Build(parsed, cluster.Namespace(parsed, connection), dryRun: false, FreezeCommand.KeptSeconds);
            var session = await RequestSession.CreateAsync(connection, wanted, cancellationToken);
            await FreezeCommand.OpenAsync(session, cancellationToken);
            var code = ExitCode.Error;
            string? early = null;
            using var over = new CancellationTokenSource();
            var renewing = parsed.GetValue(renew) ? RenewAsync(session, wanted.Spec.DeadlineSeconds, over.Token) : Task.CompletedTask;
            var telling = TellAsync(session, over);
            try
            {
                code = await ExecuteAsync(parsed.GetValue(line)!, session, cancellationToken);
            }
            finally
            {
                await over.CancelAsync();
                await Task.WhenAll(renewing, telling).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
                // Signals have been seen to: what is frozen is thawed now, however often somebody asks this program to hurry.
                try
                {
                    early = await session.ThawHeldAsync(CancellationToken.None);
                }
                catch (KubernetesApiException e) when (code != ExitCode.Success)
                {
                    // The command's own failure is what its caller acts on.
                    Terminal.Complain($"{e.Message}. What is frozen thaws by itself at its deadline.");
                }
            }

            int verdict;
            var interrupted = cancellationToken.IsCancellationRequested;
            using var patience = CancellationTokenSource.CreateLinkedTokenSource(interrupted ? CancellationToken.None : cancellationToken);
            patience.CancelAfter(interrupted ? LongestEndOfInterrupted : LongestEnd);
            try
            {
                verdict = ExitCode.Of((await ThawCommand.CloseAsync(session, patience.Token)).Status!);
            }
            catch (Exception e) when (e is CliException or KubernetesApiException && (early is not null || code != ExitCode.Success))
            {
                Terminal.Complain(e.Message);
                verdict = ExitCode.Success;
            }
            catch (OperationCanceledException)
            {
                Terminal.Complain($"{session.Name} was told to end and has not yet, so nothing can be said about the window: see `kubectl describe freeze -n {session.Namespace} {session.Name}`, and whether the operator runs. What is still frozen thaws by itself at its deadline");
                verdict = cancellationToken.IsCancellationRequested ? Interrupted : ExitCode.Error;
            }

            // The verdict is about the window, which may have held to its end without a break: what was promised is that it is open as long as the command runs.
            if (early is not null && verdict == ExitCode.Success)
            {
                Terminal.Complain($"{session.Name} was not seen to be held until the command had ended: {early}");
                verdict = ExitCode.Broken;
            }

            return code != ExitCode.Success ? code : verdict;
        });
        return command;
    }

    /// <summary>Tells at once when the window ends before the command. That goes on as it does when the deadline comes or somebody thaws a filesystem: half a backup may be worth more than none, and only whoever wrote it knows.</summary>
    private static async Task TellAsync(RequestSession session, CancellationTokenSource over)
    {
        var why = await session.OverAsync(over.Token);
        Terminal.Say($"{session.Name}: has ended while the command still runs: {why}");
        // There is no deadline to raise any more.
        await over.CancelAsync();
    }

    /// <summary>Keeps the deadline as far away as it was at first.</summary>
    private static async Task RenewAsync(RequestSession session, int deadlineSeconds, CancellationToken cancellationToken)
    {
        var began = TimeProvider.System.GetTimestamp();
        var third = TimeSpan.FromSeconds(deadlineSeconds) / 3;
        var pause = third;
        while (true)
        {
            await Task.Delay(pause, cancellationToken);
            pause = Retry;
            // One that is not answered leaves time for another.
            using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
            limit.CancelAfter(third / 2);
            try
            {
                // Counted from the freeze, which was before this began: rounded up, it is never less than what was asked for.
                var seconds = DurationOption.Seconds(TimeProvider.System.GetElapsedTime(began)) + deadlineSeconds;
                await session.RaiseAsync(Math.Min(seconds, QuiesceApi.DeadlineCeilingSeconds), limit.Token);
                if (seconds >= QuiesceApi.DeadlineCeilingSeconds) return;
                pause = third;
            }
            catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
            {
                Terminal.Say($"{session.Name}: the deadline could not be raised, trying again: the API server does not answer");
            }
            catch (KubernetesApiException e) when (e.IsTransient || e.Status == HttpStatusCode.Unauthorized)
            {
                Terminal.Say($"{session.Name}: the deadline could not be raised, trying again: {e.Detail}");
            }
            catch (KubernetesApiException e)
            {
                Terminal.Say($"{session.Name}: the deadline cannot be raised any more: {(e.IsConflict ? "the request is gone, and another one has its name" : e.Detail)}");
                return;
            }
        }
    }

    /// <summary>Runs the command with this program's own input and outputs.</summary>
    /// <returns>Its exit code; 128 and the signal's number where one ended it.</returns>
    private static async Task<int> ExecuteAsync(string[] line, RequestSession session, CancellationToken cancellationToken)
    {
        if (cancellationToken.IsCancellationRequested) return Interrupted;
        if (Find(line[0]) is not { } program)
        {
            Terminal.Complain($"{line[0]}: not found in $PATH");
            return 127;
        }

        var start = new ProcessStartInfo(Path.GetFullPath(program), line.Skip(1)) { UseShellExecute = false };
        start.Environment["QUIESCE_REQUEST"] = session.Name;
        start.Environment["QUIESCE_NAMESPACE"] = session.Namespace;
        Process process;
        try
        {
            process = Process.Start(start)!;
        }
        catch (Win32Exception e)
        {
            // The shells' numbers for what is not found and what cannot be executed.
            Terminal.Complain($"{line[0]}: {e.Message}");
            return e.NativeErrorCode == 2 ? 127 : 126;
        }

        using (process)
        {
            var asked = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            void Pass(PosixSignalContext context)
            {
                context.Cancel = true;
                // A terminal's Ctrl-C has reached the command as well.
                if (context.Signal != PosixSignal.SIGINT) _ = Kill(process.Id, 15);
                asked.TrySetResult();
            }

            using var interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, Pass);
            using var terminate = PosixSignalRegistration.Create(PosixSignal.SIGTERM, Pass);
            using var hangup = PosixSignalRegistration.Create(PosixSignal.SIGHUP, Pass);
            if (cancellationToken.IsCancellationRequested)
            {
                // It came before there was anybody to pass it on.
                _ = Kill(process.Id, 15);
                asked.TrySetResult();
            }

            var ended = process.WaitForExitAsync(CancellationToken.None);
            if (await Task.WhenAny(ended, asked.Task) == ended) return process.ExitCode;
            Terminal.Say($"{session.Name}: asked to end; the command has {Patience.TotalSeconds:0} s for that, then everything is thawed without it");
            await Task.WhenAny(ended, Task.Delay(Patience, CancellationToken.None));
            return process.HasExited ? process.ExitCode : Interrupted;
        }
    }

    /// <summary>A program as a shell finds it: .NET looks beside this one and in the working directory first.</summary>
    private static string? Find(string name) => name.Contains('/') ? name
        : (Environment.GetEnvironmentVariable("PATH") ?? "/usr/bin:/bin").Split(':').Select(folder => Path.Combine(folder.Length == 0 ? "." : folder, name)).FirstOrDefault(IsExecutable);

    private static bool IsExecutable(string path) => File.Exists(path) && Access(path, 1) == 0;

    [LibraryImport("libc", EntryPoint = "access", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Access(string path, int mode);

    [LibraryImport("libc", EntryPoint = "kill")]
    private static partial int Kill(int process, int signal);
}
