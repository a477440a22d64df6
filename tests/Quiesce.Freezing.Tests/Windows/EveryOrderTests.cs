using System.Runtime.CompilerServices;
using Quiesce.Freezing.Kernel;
using Quiesce.Freezing.Windows;

namespace Quiesce.Freezing.Tests.Windows;

/// <summary>Small windows, every order of events, with a death of the holder at every point.</summary>
public sealed class EveryOrderTests
{
    private static readonly WindowOptions OfSeveralNodes = new()
    {
        Deadline = 5_000 * WorldOptions.Millisecond,
        FreezeTimeout = 2_000 * WorldOptions.Millisecond,
        RequireConfirmation = true,
    };

    [Fact]
    public void One_filesystem_with_every_error_and_every_end() => Explore(new WorldOptions
    {
        Stages = [0],
        FlushErrors = [Errno.InputOutput, Errno.Interrupted],
        FreezeErrors = [Errno.Busy, Errno.NotSupported, Errno.NotPermitted, Errno.AccessDenied, Errno.InputOutput, Errno.Interrupted, Errno.NoMemory],
        ThawErrors = [Errno.InputOutput, Errno.NotPermitted, Errno.Interrupted, Errno.TryAgain],
        Errors = 4,
        Ends = [EndCause.ThawRequested, EndCause.AgentDied, EndCause.Stopped, EndCause.CommandGone, EndCause.ThawedByRequest],
        LateClocks = 1,
    });

    [Fact]
    public void One_filesystem_with_everybody_interfering() => Explore(new WorldOptions
    {
        Stages = [0],
        StrangerFreezes = 2,
        StrangerThaws = 2,
        Writes = 1,
        LateClocks = 1,
        ThawErrors = [Errno.InputOutput],
        Errors = 1,
    });

    [Fact]
    public void One_filesystem_on_command() => Explore(new WorldOptions
    {
        Stages = [0],
        Window = OfSeveralNodes,
        Raises = 2,
        LateClocks = 2,
        SlowFlushes = 3,
        StrangerThaws = 1,
    });

    [Fact]
    public void Two_independent_ones_with_errors_and_a_stranger() => Explore(new WorldOptions
    {
        Stages = [0, 0],
        FreezeErrors = [Errno.Busy, Errno.InputOutput],
        ThawErrors = [Errno.InputOutput],
        StrangerFreezes = 1,
        StrangerThaws = 1,
    });

    [Fact]
    public void Two_stacked_ones_with_errors_and_a_stranger() => Explore(new WorldOptions
    {
        Stages = [0, 1],
        FlushErrors = [Errno.InputOutput],
        FreezeErrors = [Errno.Busy, Errno.InputOutput],
        ThawErrors = [Errno.InputOutput],
        StrangerFreezes = 1,
        StrangerThaws = 1,
    });

    [Fact]
    public void Two_stacked_ones_on_command_with_a_raise() => Explore(new WorldOptions
    {
        Stages = [0, 1],
        Window = OfSeveralNodes,
        Ends = [EndCause.CommandGone],
        Raises = 1,
        LateClocks = 1,
    });

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Two_of_which_one_or_both_cannot_freeze(bool failUnsupported)
    {
        var window = new WorldOptions { Stages = [] }.Window with { FailUnsupported = failUnsupported };
        foreach (int[] unsupported in (int[][])[[0], [1], [0, 1]])
            foreach (int[] stages in (int[][])[[0, 0], [0, 1]])
                Explore(new WorldOptions { Stages = stages, Window = window, Unsupported = unsupported, StrangerThaws = 1 }, $"unsupported {string.Join('+', unsupported)} of stages {string.Join('+', stages)}, failing {failUnsupported}");
    }

    [Fact]
    public void Two_with_writes_past_the_filesystem() => Explore(new WorldOptions
    {
        Stages = [0, 0],
        Writes = 2,
        Ends = [EndCause.ThawRequested, EndCause.Stopped],
    });

    [Fact]
    public void Three_independent_ones() => Explore(new WorldOptions
    {
        Stages = [0, 0, 0],
        FreezeErrors = [Errno.InputOutput],
    });

    [Fact]
    public void Three_on_top_of_each_other_with_errors() => Explore(new WorldOptions
    {
        Stages = [0, 1, 2],
        FreezeErrors = [Errno.InputOutput],
        ThawErrors = [Errno.InputOutput],
    });

    [Fact]
    public void Two_on_top_of_one_with_a_stranger() => Explore(new WorldOptions
    {
        Stages = [0, 0, 1],
        StrangerThaws = 1,
    });

    [Fact]
    public void One_on_top_of_two_of_which_one_cannot_freeze() => Explore(new WorldOptions
    {
        Stages = [0, 1, 1],
        Unsupported = [1],
        StrangerFreezes = 1,
    });

    private static void Explore(WorldOptions options, [CallerMemberName] string name = "")
    {
        var watch = System.Diagnostics.Stopwatch.StartNew();
        var result = Explorer.Explore(options);
        Console.WriteLine($"[figure] {name.Replace('_', ' ')}: {result} {watch.ElapsedMilliseconds} ms");
    }
}
