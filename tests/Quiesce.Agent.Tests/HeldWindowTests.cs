using Quiesce.Agent.Holding;
using Quiesce.Agent.Tests.Running;
using Quiesce.Freezing;
using Quiesce.Freezing.Holders;
using Quiesce.Freezing.Planning;
using Quiesce.Freezing.Reports;
using Quiesce.Freezing.Windows;
using Quiesce.RealFilesystems;
using Tmds.Linux;

namespace Quiesce.Agent.Tests;

/// <summary>An agent that serves window after window, which the local commands never do: this process takes its place.</summary>
public sealed class HeldWindowTests : IDisposable
{
    // An agent starts the holder that lies beside it.
    private readonly string holder = Path.Combine(AppContext.BaseDirectory, "quiesce-holder");

    [Fact]
    public async Task Fifty_windows_in_a_row_leave_no_descriptor_thread_process_or_journal()
    {
        Install();
        await using var filesystem = await RealFilesystem.CreateAsync(FilesystemKind.Ext4, TestContext.Current.CancellationToken);
        await using var host = await FakeHost.CreateAsync();
        using var guard = filesystem.Guard(TimeSpan.FromSeconds(60));
        for (var i = 0; i < 5; i++) await OneAsync(i); // what the runtime makes once, it makes here
        var before = await UsedAsync();
        for (var i = 0; i < 50; i++) await OneAsync(i);
        var after = await UsedAsync();
        Assert.InRange(after.Descriptors, 1, before.Descriptors);
        Assert.InRange(after.Threads, 1, before.Threads + 4); // the pool grows and shrinks as it likes; fifty windows would show
        Assert.Empty(after.Holders);
        Assert.Empty(host.JournalFiles);

        async Task OneAsync(int round)
        {
            var window = HeldWindow.Start(Order($"row-{round}", FakeHost.HostPath(filesystem.MountPoint)), TimeProvider.System);
            WindowReport? last = null;
            await foreach (var report in window.ReportsAsync(TestContext.Current.CancellationToken))
            {
                last = report;
                if (report.Phase == WindowPhase.Frozen) window.Send(HolderCommandKind.Thaw);
            }
            Assert.Equal((WindowPhase.Thawed, 1), (last!.Phase, last.ThawedFilesystems));
        }
    }

    [Fact]
    public async Task Twenty_killed_holders_leave_no_descriptor_process_or_journal_either()
    {
        Install();
        await using var filesystem = await RealFilesystem.CreateAsync(FilesystemKind.Ext4, TestContext.Current.CancellationToken);
        await using var host = await FakeHost.CreateAsync();
        using var guard = filesystem.Guard(TimeSpan.FromSeconds(60));
        await OneAsync(0);
        var before = await UsedAsync();
        for (var i = 1; i <= 20; i++) await OneAsync(i);
        var after = await UsedAsync();
        Assert.InRange(after.Descriptors, 1, before.Descriptors);
        Assert.Empty(after.Holders);
        Assert.Empty(host.JournalFiles);

        async Task OneAsync(int round)
        {
            var window = HeldWindow.Start(Order($"killed-{round}", FakeHost.HostPath(filesystem.MountPoint)), TimeProvider.System);
            WindowReport? last = null;
            var reports = 0;
            await foreach (var report in window.ReportsAsync(TestContext.Current.CancellationToken))
            {
                last = report;
                // In the window, at the freeze call, and in the flush before it.
                if (++reports == 1 ? round % 3 == 2 : report.Phase == (round % 3 == 0 ? WindowPhase.Frozen : WindowPhase.Freezing))
                    foreach (var process in ProcessTable.ChildrenOf(Environment.ProcessId).Where(IsHolder)) _ = LibC.kill(process, LibC.SIGKILL);
            }
            Assert.Contains(last!.Phase, (WindowPhase[])[WindowPhase.Broken, WindowPhase.Failed]);
            Assert.Equal(FreezeReason.HolderDied, last.Reason);
            Assert.False(FreezeProbe.IsFrozen(filesystem.MountPoint));
        }
    }

    [Fact]
    public async Task A_window_of_several_nodes_waits_for_the_command_and_thaws_itself_without_the_confirmation()
    {
        Install();
        await using var filesystem = await RealFilesystem.CreateAsync(FilesystemKind.Ext4, TestContext.Current.CancellationToken);
        await using var host = await FakeHost.CreateAsync();
        using var guard = filesystem.Guard();
        var order = Order("several", FakeHost.HostPath(filesystem.MountPoint));
        order = order with { Options = order.Options with { FreezeAtOnce = false, RequireConfirmation = true, FreezeTimeout = 1_000_000_000 } };
        var window = HeldWindow.Start(order, TimeProvider.System);
        var phases = new List<WindowPhase>();
        WindowReport? last = null;
        await foreach (var report in window.ReportsAsync(TestContext.Current.CancellationToken))
        {
            phases.Add((last = report).Phase);
            if (report.Phase != WindowPhase.Prepared) continue;
            Assert.False(FreezeProbe.IsFrozen(filesystem.MountPoint));
            window.Send(HolderCommandKind.Freeze);
        }
        Assert.Contains(WindowPhase.Frozen, phases);
        Assert.Equal((WindowPhase.Broken, FreezeReason.NotConfirmed), (last!.Phase, last.Reason));
        Assert.False(FreezeProbe.IsFrozen(filesystem.MountPoint));
    }

    [Fact]
    public async Task A_raised_deadline_is_kept_and_the_old_one_is_not()
    {
        Install();
        await using var filesystem = await RealFilesystem.CreateAsync(FilesystemKind.Xfs, TestContext.Current.CancellationToken);
        await using var host = await FakeHost.CreateAsync();
        using var guard = filesystem.Guard();
        var order = Order("raised", FakeHost.HostPath(filesystem.MountPoint));
        order = order with { Options = order.Options with { Deadline = 500_000_000 } };
        var window = HeldWindow.Start(order, TimeProvider.System);
        WindowReport? last = null;
        await foreach (var report in window.ReportsAsync(TestContext.Current.CancellationToken))
        {
            last = report;
            if (report.Phase == WindowPhase.Frozen) window.Send(HolderCommandKind.RaiseDeadline, 1_200_000_000);
        }
        Assert.Equal(WindowPhase.Expired, last!.Phase);
        Assert.InRange((last.ReleasedAt!.Value - last.FrozenAt!.Value) / 1e6, 800, 2200);
    }

    [Fact]
    public async Task A_check_says_whether_a_holder_starts_and_is_protected_and_freezes_nothing()
    {
        Install();
        await using var host = await FakeHost.CreateAsync();
        var order = new HolderOrder { Task = HolderTask.Check, WindowId = "check", Plan = new PlanOrder { HostRoot = FakeHost.Root } };
        var report = await SingleAnswer.AskAsync(order);
        Assert.Equal((WindowPhase.Thawed, true), (report.Phase, report.HolderProtected is not null));
        Assert.Equal(report.HolderProtected is false, report.HolderProtectionMessage is not null);
        File.Delete(holder);
        Assert.Equal((WindowPhase.Failed, FreezeReason.HolderNotStarted), await SingleAnswer.AskAsync(order) is var missing ? (missing.Phase, missing.Reason) : default);
    }

    public void Dispose() => File.Delete(holder);

    private void Install()
    {
        Programs.Require();
        File.Copy(Programs.Holder, holder, overwrite: true);
    }

    private static HolderOrder Order(string id, string path) => new()
    {
        Task = HolderTask.Hold,
        WindowId = id,
        Plan = new PlanOrder { HostRoot = FakeHost.Root, Paths = [path] },
        Options = new WindowOptions { Deadline = 10_000_000_000, FreezeTimeout = 10_000_000_000, FreezeAtOnce = true },
    };

    // Threads and processes that are on their way out are given the time to go.
    private static async Task<(int Descriptors, int Threads, IReadOnlyList<int> Holders)> UsedAsync()
    {
        await Poll.UntilAsync(() => Threads("holder ") == 0, "the threads of ended holders are gone");
        await Poll.UntilAsync(() => !ProcessTable.ChildrenOf(Environment.ProcessId).Any(IsHolder), "the holders are gone");
        GC.Collect();
        GC.WaitForPendingFinalizers(); // other tests' processes and pipes
        return (
            Directory.EnumerateFiles("/proc/self/fd").Count(f => new FileInfo(f).LinkTarget is { } target && !target.EndsWith(".dll", StringComparison.Ordinal)),
            Directory.EnumerateDirectories("/proc/self/task").Count(),
            [.. ProcessTable.ChildrenOf(Environment.ProcessId).Where(IsHolder)]);
    }

    private static int Threads(string name) => Directory.EnumerateDirectories("/proc/self/task").Count(t =>
    {
        try
        {
            return File.ReadAllText($"{t}/comm").StartsWith(name, StringComparison.Ordinal);
        }
        catch (IOException)
        {
            return false;
        }
    });

    private static bool IsHolder(int process)
    {
        try
        {
            return File.ReadAllText($"/proc/{process}/comm").StartsWith("quiesce-holder", StringComparison.Ordinal);
        }
        catch (IOException)
        {
            return false;
        }
    }
}
