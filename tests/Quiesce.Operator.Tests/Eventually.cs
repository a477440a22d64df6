using System.Diagnostics;

namespace Quiesce.Operator.Tests;

/// <summary>Waits for what no signal tells of.</summary>
internal static class Eventually
{
    /// <summary>Far longer than anything here takes; only what is broken waits this long.</summary>
    public static readonly TimeSpan Bound = TimeSpan.FromSeconds(20);

    public static async Task<T> GetAsync<T>(Func<Task<T?>> ask, Func<string> what)
        where T : class
    {
        var age = Stopwatch.StartNew();
        while (true)
        {
            if (await ask() is { } answer) return answer;
            if (age.Elapsed > Bound) Assert.Fail($"not within {Bound.TotalSeconds:0} s: {what()}");
            await Task.Delay(5, CancellationToken.None);
        }
    }

    public static Task TrueAsync(Func<bool> condition, Func<string> what) => GetAsync(() => Task.FromResult(condition() ? "yes" : null), what);

    public static Task TrueAsync(Func<bool> condition, string what) => TrueAsync(condition, () => what);

    /// <summary>Waits for a task as long as anything here may take.</summary>
    public static async Task<T> Soon<T>(this Task<T> task) => await task.WaitAsync(Bound, CancellationToken.None);

    public static async Task Soon(this Task task) => await task.WaitAsync(Bound, CancellationToken.None);
}
