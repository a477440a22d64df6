using System.CommandLine;
using System.Runtime.InteropServices;
using Quiesce.Agent.Holding;
using Quiesce.Agent.Output;
using Quiesce.Freezing.Holders;
using Quiesce.Freezing.Planning;
using Quiesce.Freezing.Reports;
using Quiesce.Freezing.Windows;

namespace Quiesce.Agent.Commands;

/// <summary><c>quiesce-agent freeze PATH...</c>: one window on this host, without Kubernetes.</summary>
internal static class FreezeCommand
{
    internal static Command Create(NonBlockingWriter output)
    {
        var paths = new Argument<string[]>("PATH") { Description = "Folders; each selects the filesystem it lies on.", Arity = ArgumentArity.ZeroOrMore };
        var hold = CommonOptions.Duration("--for", "Longest hold, 1h at most.", TimeSpan.FromSeconds(30), TimeSpan.FromHours(1));
        var timeout = CommonOptions.Duration("--freeze-timeout", "Longest time until everything is frozen.", TimeSpan.FromSeconds(10), TimeSpan.FromMinutes(5));
        var all = new Option<bool>("--all") { Description = "All filesystems of this host but the protected ones." };
        var fail = new Option<bool>("--fail-unsupported") { Description = "Fail where a filesystem cannot freeze, instead of leaving it out." };
        var untilStdinCloses = new Option<bool>("--until-stdin-closes") { Description = "End the window when standard input ends." };
        var command = new Command("freeze", "Freeze filesystems, all or none, hold them, and thaw them at the end of time, on SIGINT or SIGTERM.")
        {
            paths, hold, timeout, all, fail, untilStdinCloses, CommonOptions.Json, CommonOptions.HostRoot, CommonOptions.AllowProtected,
        };
        command.Validators.Add(result =>
        {
            if (result.GetValue(paths) is not { Length: > 0 } && !result.GetValue(all)) result.AddError("freeze: name at least one folder, or --all");
        });
        command.SetAction(async (parsed, _) =>
        {
            var order = new HolderOrder
            {
                Task = HolderTask.Hold,
                WindowId = $"local-{Guid.NewGuid():n}",
                Plan = new PlanOrder
                {
                    HostRoot = parsed.GetValue(CommonOptions.HostRoot)!,
                    Paths = [.. parsed.GetValue(paths)!.Select(Path.GetFullPath)],
                    AllFilesystems = parsed.GetValue(all),
                    FailUnsupported = parsed.GetValue(fail),
                    AllowedPaths = parsed.GetValue(CommonOptions.AllowProtected) ?? [],
                },
                Options = new WindowOptions
                {
                    Deadline = Nanoseconds(parsed.GetValue(hold)),
                    FreezeTimeout = Nanoseconds(parsed.GetValue(timeout)),
                    FreezeAtOnce = true,
                    FailUnsupported = parsed.GetValue(fail),
                },
            };
            return await RunAsync(order, parsed.GetValue(hold), parsed.GetValue(untilStdinCloses), parsed.GetValue(CommonOptions.Json), output).ConfigureAwait(false);
        });
        return command;
    }

    private static async Task<int> RunAsync(HolderOrder order, TimeSpan hold, bool untilStdinCloses, bool json, NonBlockingWriter output)
    {
        await LeftBehind.EndAsync(order.Plan.HostRoot, output).ConfigureAwait(false);
        var window = HeldWindow.Start(order, TimeProvider.System);
        using var interrupt = Thaw(PosixSignal.SIGINT, window);
        using var terminate = Thaw(PosixSignal.SIGTERM, window);
        using var hangup = Thaw(PosixSignal.SIGHUP, window);
        if (untilStdinCloses)
            new Thread(() =>
            {
                WaitForEndOfInput();
                window.Send(HolderCommandKind.Thaw);
            })
            { IsBackground = true, Name = "stdin" }.Start();

        WindowReport? last = null;
        await foreach (var report in window.ReportsAsync().ConfigureAwait(false))
        {
            last = report;
            if (!report.IsFinal && report.Phase != WindowPhase.Frozen && !report.Filesystems.Any(f => f.State == FilesystemState.Stuck)) continue;
            if (json) output.WriteLine(JsonReport.Line(report));
            else
                foreach (var line in ReportText.Window(report, hold)) output.WriteLine(line);
        }
        return ExitCode.Of(last!);
    }

    private static PosixSignalRegistration Thaw(PosixSignal signal, HeldWindow window) => PosixSignalRegistration.Create(signal, context =>
    {
        context.Cancel = true;
        window.Send(HolderCommandKind.Thaw);
    });

    private static void WaitForEndOfInput()
    {
        using var input = Console.OpenStandardInput();
        Span<byte> ignored = stackalloc byte[256];
        while (input.Read(ignored) > 0)
        {
        }
    }

    private static long Nanoseconds(TimeSpan span) => span.Ticks * 100;
}
