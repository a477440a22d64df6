using Quiesce.Crds;

namespace Quiesce.Operator.Freezing;

/// <summary>The conditions of one status, carried over from the one before.</summary>
internal sealed class Conditions(IReadOnlyList<Condition> before, long generation, DateTimeOffset now)
{
    private readonly List<Condition> _conditions = [];

    /// <summary>The conditions set so far.</summary>
    public IReadOnlyList<Condition> All => _conditions;

    /// <summary>Sets one; its transition time is kept while its status does not change.</summary>
    public Conditions Set(string type, string status, string reason, string message = "")
    {
        var old = Before(type);
        _conditions.Add(new()
        {
            Type = type,
            Status = status,
            Reason = reason,
            Message = message,
            ObservedGeneration = generation,
            LastTransitionTime = old?.Status == status ? old.LastTransitionTime : now,
        });
        return this;
    }

    /// <summary>A condition as it was in the status before; null when it was not there.</summary>
    public Condition? Before(string type) => before.FirstOrDefault(c => c.Type == type);

    /// <summary>Carries one over as it was, if it was there.</summary>
    public Conditions Keep(string type)
    {
        if (Before(type) is { } old) _conditions.Add(old with { ObservedGeneration = generation });
        return this;
    }

    /// <summary>The conditions of a status as they are, speaking of a newer generation of the spec.</summary>
    public static IReadOnlyList<Condition> Refresh(IReadOnlyList<Condition> conditions, long generation) =>
        [.. conditions.Select(c => c with { ObservedGeneration = generation })];
}
