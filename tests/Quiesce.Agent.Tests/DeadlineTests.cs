using System.Diagnostics;
using System.Globalization;
using Quiesce.Agent.Tests.Running;
using Quiesce.RealFilesystems;
using Tmds.Linux;

namespace Quiesce.Agent.Tests;

/// <summary>The deadline is kept on a loaded machine, and by a clock that nobody sets.</summary>
public sealed class DeadlineTests
{
    [Fact]
    public async Task A_loaded_machine_thaws_within_a_second_of_the_deadline()
    {
        Programs.Require();
        await using var filesystems = await ThreeKinds.CreateAsync();
        using var guard = filesystems.Guard();
        using var load = new Load(Environment.ProcessorCount * 3);
        var deadline = TimeSpan.FromSeconds(2);
        await using var run = AgentRun.Start(["freeze", "--json", "--for", "2s", .. filesystems.MountPoints]);
        await run.LineAsync("{\"phase\":\"Frozen\"");
        var age = Stopwatch.StartNew(); // late rather than early: the deadline counts from the first freeze call
        await Poll.UntilAsync(() => !filesystems.MountPoints.Any(FreezeProbe.IsFrozen), "all are thawed");
        var late = age.Elapsed - deadline;
        var end = await run.EndAsync();
        Assert.True(end.Code == 3, end.All);
        var held = AgentRun.Json(end.Lines[^1]).GetProperty("filesystems").EnumerateArray().Max(f => f.GetProperty("heldMilliseconds").GetDouble());
        TestContext.Current.TestOutputHelper?.WriteLine(string.Create(CultureInfo.InvariantCulture,
            $"deadline 2000 ms, held {held:0.0} ms, seen from outside {late.TotalMilliseconds:0} ms after the deadline"));
        Assert.True(late < TimeSpan.FromSeconds(1), $"{late} after the deadline");
        Assert.InRange(held, 300, 3000);
    }

    [Fact]
    public async Task The_deadline_is_an_absolute_time_on_the_clock_that_is_never_set()
    {
        Programs.Require();
        await using var filesystem = await RealFilesystem.CreateAsync(FilesystemKind.Ext4, TestContext.Current.CancellationToken);
        using var guard = filesystem.Guard();
        await using var run = AgentRun.Start("freeze", "--for", "8s", filesystem.MountPoint);
        await run.FrozenAsync();
        var holder = await run.HolderAsync();
        // proc_pid_fdinfo(5): what a timerfd was made with and set to.
        var timer = Assert.Single(
            Directory.EnumerateFiles(string.Create(CultureInfo.InvariantCulture, $"/proc/{holder}/fdinfo")).Select(File.ReadAllLines),
            lines => lines.Any(l => l.StartsWith("clockid:", StringComparison.Ordinal)));
        Assert.Contains("clockid: 7", timer); // CLOCK_BOOTTIME, in suspend as well and whatever date(1) does
        Assert.Contains("settime flags: 01", timer); // TFD_TIMER_ABSTIME
        run.Signal(LibC.SIGTERM);
        Assert.Equal(0, (await run.EndAsync()).Code);
    }

    /// <summary>Processes that use all the time they get.</summary>
    private sealed class Load : IDisposable
    {
        private readonly List<Process> processes = [];

        internal Load(int count)
        {
            // Each ends by itself, should the test run be killed.
            for (var i = 0; i < count; i++)
                processes.Add(Process.Start(new ProcessStartInfo("timeout", ["--signal=KILL", "10", "sh", "-c", "while :; do :; done"]) { WorkingDirectory = "/" })!);
        }

        public void Dispose()
        {
            foreach (var process in processes)
            {
                foreach (var child in ProcessTable.ChildrenOf(process.Id)) _ = LibC.kill(child, LibC.SIGKILL);
                process.WaitForExit();
                process.Dispose();
            }
        }
    }
}
