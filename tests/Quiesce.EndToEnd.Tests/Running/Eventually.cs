using System.Diagnostics;

namespace Quiesce.EndToEnd.Tests.Running;

/// <summary>Waits for what no signal tells of.</summary>
internal static class Eventually
{
    /// <summary>Far longer than anything here takes; only what is broken waits this long.</summary>
    internal static readonly TimeSpan Bound = TimeSpan.FromSeconds(30);

    /// <summary>Asks until the answer is not null.</summary>
    internal static async Task<T> GetAsync<T>(Func<Task<T?>> ask, Func<string> what, TimeSpan? bound = null)
        where T : class
    {
        var age = Stopwatch.StartNew();
        while (true)
        {
            if (await ask() is { } answer) return answer;
            if (age.Elapsed > (bound ?? Bound)) Assert.Fail($"not within {bound ?? Bound}: {what()}");
            await Task.Delay(20, CancellationToken.None);
        }
    }

    /// <summary>Waits until it is so.</summary>
    internal static async Task TrueAsync(Func<bool> condition, Func<string> what, TimeSpan? bound = null) =>
        _ = await GetAsync(() => Task.FromResult(condition() ? "yes" : null), what, bound);

    /// <summary>Waits until it is so.</summary>
    internal static async Task TrueAsync(Func<bool> condition, string what, TimeSpan? bound = null) =>
        _ = await GetAsync(() => Task.FromResult(condition() ? "yes" : null), () => what, bound);
}
