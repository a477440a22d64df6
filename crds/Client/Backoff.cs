namespace Quiesce.Crds.Client;

/// <summary>Growing pauses between attempts, with jitter so that a thousand clients do not come back at the same moment.</summary>
/// <param name="First">The first pause.</param>
/// <param name="Longest">The longest pause.</param>
public sealed record Backoff(TimeSpan First, TimeSpan Longest)
{
    /// <summary>0.2 s, doubling to 10 s: an agent should see a command soon after the API server is back.</summary>
    public static Backoff Default { get; } = new(TimeSpan.FromMilliseconds(200), TimeSpan.FromSeconds(10));

    /// <summary>The pause after a number of failures in a row: half of it fixed, half of it random.</summary>
    /// <param name="failures">Failures in a row, 1 or more.</param>
    public TimeSpan After(int failures)
    {
        var doubled = First * Math.Pow(2, Math.Clamp(failures - 1, 0, 30));
        var pause = doubled < Longest ? doubled : Longest;
#pragma warning disable CA5394 // Spreading clients out needs no secrecy.
        return pause * (0.5 + (Random.Shared.NextDouble() / 2));
#pragma warning restore CA5394
    }
}
