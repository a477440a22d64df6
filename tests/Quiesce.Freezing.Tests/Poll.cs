using System.Diagnostics;

namespace Quiesce.Freezing.Tests;

/// <summary>Waits for what no signal tells of, such as another process's thaw.</summary>
internal static class Poll
{
    private static readonly TimeSpan Bound = TimeSpan.FromSeconds(10);

    internal static async Task UntilAsync(Func<bool> condition)
    {
        var age = Stopwatch.StartNew();
        while (!condition())
        {
            Assert.True(age.Elapsed < Bound, $"did not come true within {Bound}");
            await Task.Delay(10, TestContext.Current.CancellationToken);
        }
    }
}
