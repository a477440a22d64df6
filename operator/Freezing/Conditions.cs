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
        var old = before.FirstOrDefault(c => c.Type == type);
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

    /// <summary>The conditions of a status as they are, speaking of a newer generation of the spec.</summary>
    public static IReadOnlyList<Condition> Refresh(IReadOnlyList<Condition> conditions, long generation) =>
        [.. conditions.Select(c => c with { ObservedGeneration = generation })];
}
