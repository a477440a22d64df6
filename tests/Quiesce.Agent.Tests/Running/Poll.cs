using System.Diagnostics;

namespace Quiesce.Agent.Tests.Running;

/// <summary>Waits for what no signal tells of, such as another process's thaw.</summary>
internal static class Poll
{
    /// <summary>Far longer than anything here takes; only what is broken waits this long.</summary>
    internal static readonly TimeSpan Bound = TimeSpan.FromSeconds(10);

    /// <summary>Waits until it is so.</summary>
    /// <returns>How long that took.</returns>
    internal static async Task<TimeSpan> UntilAsync(Func<bool> condition, string what, TimeSpan? bound = null)
    {
        var age = Stopwatch.StartNew();
        while (!condition())
        {
            Assert.True(age.Elapsed < (bound ?? Bound), $"not within {bound ?? Bound}: {what}");
            await Task.Delay(5, CancellationToken.None); // also what a cancelled test has begun is waited for
        }
        return age.Elapsed;
    }
}
