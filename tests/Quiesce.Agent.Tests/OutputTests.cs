using Quiesce.Agent.Tests.Running;
using Quiesce.RealFilesystems;
using Tmds.Linux;

namespace Quiesce.Agent.Tests;

/// <summary>An output that takes nothing never delays a thaw, and never changes the exit status.</summary>
public sealed class OutputTests
{
    // The agent waits a second for its output at the very end, with everything thawed.
    private static readonly TimeSpan Soon = TimeSpan.FromSeconds(3);

    public static TheoryData<string> Outputs => ["full pipe", "closed", "all closed", "stopped terminal", "on the frozen filesystem", "a full device"];

    [Theory]
    [MemberData(nameof(Outputs))]
    public async Task The_deadline_is_kept_whatever_becomes_of_the_output(string output)
    {
        Programs.Require();
        await using var filesystem = await RealFilesystem.CreateAsync(FilesystemKind.Ext4, TestContext.Current.CancellationToken);
        using var guard = filesystem.Guard();
        await using var writer = await Writer.StartAsync(filesystem.MountPoint);
        using var target = new Target(output, filesystem);
        await using var run = AgentRun.StartRedirected(target.Redirection, "freeze", "--for", "1s", filesystem.MountPoint);
        await Poll.UntilAsync(() => writer.StandsStill, "the writer stands still");
        var written = writer.Count;
        await Poll.UntilAsync(() => writer.Count > written + 1, "the writer goes on", TimeSpan.FromSeconds(2));
        var end = await run.EndAsync(Soon);
        Assert.True(end.Code == 3, end.All);
    }

    [Theory]
    [MemberData(nameof(Outputs))]
    public async Task A_thaw_is_obeyed_whatever_becomes_of_the_output(string output)
    {
        Programs.Require();
        await using var filesystem = await RealFilesystem.CreateAsync(FilesystemKind.Ext4, TestContext.Current.CancellationToken);
        using var guard = filesystem.Guard();
        await using var writer = await Writer.StartAsync(filesystem.MountPoint);
        using var target = new Target(output, filesystem);
        await using var run = AgentRun.StartRedirected(target.Redirection, "freeze", "--for", "15s", filesystem.MountPoint);
        await run.HeldAsync();
        run.Signal(LibC.SIGTERM);
        var end = await run.EndAsync(Soon);
        Assert.True(end.Code == 0, end.All);
        await writer.GoesOnAsync();
    }

    [Theory]
    [MemberData(nameof(Outputs))]
    public async Task A_killed_agent_leaves_nothing_frozen_whatever_its_output_hangs_in(string output)
    {
        Programs.Require();
        await using var filesystem = await RealFilesystem.CreateAsync(FilesystemKind.Ext4, TestContext.Current.CancellationToken);
        using var guard = filesystem.Guard();
        await using var writer = await Writer.StartAsync(filesystem.MountPoint);
        using var target = new Target(output, filesystem);
        await using var run = AgentRun.StartRedirected(target.Redirection, "freeze", "--for", "15s", filesystem.MountPoint);
        await run.HeldAsync();
        var written = writer.Count;
        run.Signal(LibC.SIGKILL);
        await Poll.UntilAsync(() => writer.Count > written + 1, "the writer goes on", TimeSpan.FromSeconds(1));
        Assert.Equal(137, (await run.EndAsync(Soon)).Code);
    }

    [Fact]
    public async Task Lines_for_a_file_on_the_frozen_filesystem_are_there_after_the_thaw()
    {
        Programs.Require();
        await using var filesystem = await RealFilesystem.CreateAsync(FilesystemKind.Xfs, TestContext.Current.CancellationToken);
        using var guard = filesystem.Guard();
        var file = $"{filesystem.MountPoint}/output";
        await using var run = AgentRun.StartRedirected($">{file}", "freeze", "--for", "1s", filesystem.MountPoint);
        var end = await run.EndAsync(Soon);
        Assert.True(end.Code == 3, end.All);
        var lines = await File.ReadAllLinesAsync(file, TestContext.Current.CancellationToken);
        Assert.Equal("FROZEN   1 filesystem, for at most 1s", lines[0]);
        Assert.StartsWith("EXPIRED  1 filesystem; ", lines[2], StringComparison.Ordinal);
        Assert.Equal(4, lines.Length);
    }

    [Fact]
    public async Task A_stopped_terminal_shows_everything_once_it_goes_on()
    {
        Programs.Require();
        await using var filesystem = await RealFilesystem.CreateAsync(FilesystemKind.Ext4, TestContext.Current.CancellationToken);
        using var guard = filesystem.Guard();
        await using var writer = await Writer.StartAsync(filesystem.MountPoint);
        using var terminal = new StoppedTerminal();
        await using var run = AgentRun.StartRedirected($">{terminal.Path}", "freeze", "--for", "15s", filesystem.MountPoint);
        await run.HeldAsync();
        run.Signal(LibC.SIGTERM);
        await writer.GoesOnAsync();
        var text = await terminal.GoOnAsync(t => t.Contains("THAWED", StringComparison.Ordinal));
        Assert.Contains("FROZEN", text, StringComparison.Ordinal);
        Assert.Equal(0, (await run.EndAsync(Soon)).Code);
    }

    /// <summary>A place for output that takes nothing, or not now.</summary>
    private sealed class Target : IDisposable
    {
        private readonly IDisposable? held;

        internal Target(string output, RealFilesystem filesystem)
        {
            switch (output)
            {
                case "full pipe":
                    var pipe = new FullPipe();
                    (held, Redirection) = (pipe, $">{pipe.Path}");
                    break;
                case "stopped terminal":
                    var terminal = new StoppedTerminal();
                    (held, Redirection) = (terminal, $">{terminal.Path}");
                    break;
                default:
                    Redirection = output switch
                    {
                        "closed" => ">&-",
                        "all closed" => "<&- >&- 2>&-",
                        "a full device" => ">/dev/full",
                        _ => $">{filesystem.MountPoint}/output",
                    };
                    break;
            }
        }

        internal string Redirection { get; }

        public void Dispose() => held?.Dispose();
    }
}
