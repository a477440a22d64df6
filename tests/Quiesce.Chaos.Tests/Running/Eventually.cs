using System.Diagnostics;

namespace Quiesce.Chaos.Tests.Running;

/// <summary>Waits for what no signal tells of.</summary>
internal static class Eventually
{
    /// <summary>Far longer than anything here takes; only what is broken waits this long.</summary>
    internal static readonly TimeSpan Bound = TimeSpan.FromSeconds(30);

    /// <summary>Waits until it is so; false when it was not within the bound.</summary>
    internal static async Task<bool> IsAsync(Func<bool> condition, TimeSpan bound)
    {
        var age = Stopwatch.StartNew();
        while (!condition())
        {
            if (age.Elapsed > bound) return false;
            await Task.Delay(10, CancellationToken.None);
        }
        return true;
    }

    /// <summary>Waits until it is so.</summary>
    /// <exception cref="TimeoutException">It was not.</exception>
    internal static async Task TrueAsync(Func<bool> condition, Func<string> what, TimeSpan? bound = null)
    {
        if (!await IsAsync(condition, bound ?? Bound)) throw new TimeoutException($"not within {bound ?? Bound}: {what()}");
    }
}
