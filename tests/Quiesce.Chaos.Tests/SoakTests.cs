using Quiesce.Chaos.Tests.Running;
using Quiesce.Chaos.Tests.Soak;

namespace Quiesce.Chaos.Tests;

/// <summary>One agent serves many windows and does not grow. <c>./test.sh --soak 10000</c> has it serve many more.</summary>
public sealed class SoakTests(ITestOutputHelper output)
{
    private const int Cycles = 300;

    [Fact]
    public async Task An_agent_that_has_frozen_and_thawed_hundreds_of_times_has_no_more_memory_descriptors_or_threads_than_before()
    {
        Programs.Require();
        var result = await SoakRun.RunAsync(Cycles, output.WriteLine);
        Console.WriteLine($"[figure] soak: {result}");
        Assert.True(result.Growth.Count == 0, $"{string.Join("; ", result.Growth)}: {result}");
    }
}
