using System.Collections.Immutable;

namespace Quiesce.Telemetry;

/// <summary>What <c>/healthz</c> and <c>/readyz</c> answer.</summary>
/// <remarks>
/// A check says what is wrong, as a sentence, or null, from memory alone: it is asked while filesystems are frozen. Whoever has to look at the world does so at other
/// times and remembers what came out. Safe for any number of threads.
/// </remarks>
public sealed class Health
{
    private ImmutableArray<(string Name, Func<string?> Fault)> _liveness = [];
    private ImmutableArray<(string Name, Func<string?> Fault)> _readiness = [];

    /// <summary>Adds a reason for which only a new process helps.</summary>
    public void Live(string name, Func<string?> fault) => ImmutableInterlocked.Update(ref _liveness, checks => checks.Add((name, fault)));

    /// <summary>Adds a reason for which nothing should be asked of this process now.</summary>
    public void Ready(string name, Func<string?> fault) => ImmutableInterlocked.Update(ref _readiness, checks => checks.Add((name, fault)));

    /// <summary>What is wrong with its life; null while nothing is.</summary>
    public string? LivenessFault => Fault(_liveness);

    /// <summary>Why it is not ready; null while it is.</summary>
    public string? ReadinessFault => Fault(_readiness);

    private static string? Fault(ImmutableArray<(string Name, Func<string?> Fault)> checks)
    {
        var faults = checks.Select(check => (check.Name, Fault: check.Fault())).Where(check => check.Fault is not null).Select(check => $"{check.Name}: {check.Fault}").ToArray();
        return faults.Length == 0 ? null : string.Join('\n', faults);
    }
}
