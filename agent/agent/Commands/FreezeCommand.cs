using System.CommandLine;
using System.Runtime.InteropServices;
using Quiesce.Agent.Holding;
using Quiesce.Agent.Output;
using Quiesce.Freezing.Holders;
using Quiesce.Freezing.Reports;
using Quiesce.Freezing.Windows;

namespace Quiesce.Agent.Commands;

/// <summary><c>quiesce-agent freeze PATH...</c>: one window on this host, without Kubernetes.</summary>
internal static class FreezeCommand
{
    internal static Command Create(NonBlockingWriter output)
    {
        var targets = new Targets("All filesystems of this host but the protected ones.");
        var hold = CommonOptions.Duration("--for", "Longest hold", new Duration(TimeSpan.FromSeconds(30)), new Duration(TimeSpan.FromHours(1)));
        var timeout = CommonOptions.Duration("--freeze-timeout", "Longest time until everything is frozen", new Duration(TimeSpan.FromSeconds(10)), new Duration(TimeSpan.FromMinutes(5)));
        var fail = new Option<bool>("--fail-unsupported") { Description = "Fail where a filesystem cannot freeze, instead of leaving it out." };
        var untilStdinCloses = new Option<bool>("--until-stdin-closes") { Description = "End the window when standard input ends." };
        var command = new Command("freeze", "Freeze filesystems, all or none, hold them, and thaw them at the end of time, on SIGINT, SIGTERM or SIGHUP.")
        {
            hold, timeout, untilStdinCloses, fail, CommonOptions.AllowProtected, CommonOptions.AllowUnprotectedHolder, CommonOptions.ExpediteRcu, CommonOptions.Json,
        };
        targets.AddTo(command);
        command.SetAction(async (parsed, _) =>
        {
            var order = new HolderOrder
            {
                Task = HolderTask.Hold,
                WindowId = $"local-{Guid.NewGuid():n}",
                Plan = targets.Order(parsed) with
                {
                    FailUnsupported = parsed.GetValue(fail),
                    AllowedPaths = Targets.Allowed(parsed),
                },
                AllowUnprotected = parsed.GetValue(CommonOptions.AllowUnprotectedHolder),
                ExpediteRcu = parsed.GetValue(CommonOptions.ExpediteRcu),
                Options = new WindowOptions
                {
                    Deadline = parsed.GetValue(hold).Nanoseconds,
                    FreezeTimeout = parsed.GetValue(timeout).Nanoseconds,
                    FreezeAtOnce = true,
                    FailUnsupported = parsed.GetValue(fail),
                },
            };
            return await RunAsync(order, parsed.GetValue(hold), parsed.GetValue(untilStdinCloses), parsed.GetValue(CommonOptions.Json), output).ConfigureAwait(false);
        });
        return command;
    }

    private static async Task<int> RunAsync(HolderOrder order, Duration hold, bool untilStdinCloses, bool json, NonBlockingWriter output)
    {
        await LeftBehind.EndAsync(order.Plan.HostRoot, json, output).ConfigureAwait(false);
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
                foreach (var line in ReportText.Window(report, hold.ToString())) output.WriteLine(line);
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
        try
        {
            while (input.Read(ignored) > 0)
            {
            }
        }
        catch (IOException)
        {
            // What cannot be read any more, such as a connection that was reset, has ended.
        }
    }
}
