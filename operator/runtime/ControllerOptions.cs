using Quiesce.Crds.Client;

namespace Quiesce.Runtime;

/// <summary>How a controller works through its queue.</summary>
public sealed record ControllerOptions
{
    /// <summary>Reconciles of different objects under way at once.</summary>
    public int Workers { get; init; } = 4;

    /// <summary>Pauses after reconciles that fail.</summary>
    public Backoff Backoff { get; init; } = new(TimeSpan.FromMilliseconds(20), TimeSpan.FromSeconds(5));

    /// <summary>The finalizer that is taken off once <see cref="IEntityFinalizer{TEntity}"/> succeeded; null where there is none.</summary>
    /// <remarks>Whoever needs it puts it on: not every object of a kind has something to finalize.</remarks>
    public string? Finalizer { get; init; }
}
