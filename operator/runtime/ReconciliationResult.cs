using k8s;
using k8s.Models;

namespace Quiesce.Runtime;

/// <summary>How a reconcile went, and when the next one is due. KubeOps' record of the same name.</summary>
public sealed record ReconciliationResult<TEntity>
    where TEntity : IKubernetesObject<V1ObjectMeta>
{
    private ReconciliationResult(TEntity entity) => Entity = entity;

    /// <summary>The object it was about.</summary>
    public TEntity Entity { get; }

    /// <summary>True for <see cref="Success"/>.</summary>
    public bool IsSuccess { get; private init; }

    /// <summary>Why it failed, as a sentence.</summary>
    public string? ErrorMessage { get; private init; }

    /// <summary>The exception behind the failure, if there is one.</summary>
    public Exception? Error { get; private init; }

    /// <summary>When to reconcile again if nothing happens before; null for never, or after a failure for the queue's own growing pause.</summary>
    public TimeSpan? RequeueAfter { get; private init; }

#pragma warning disable CA1000 // KubeOps' shape: ReconciliationResult<T>.Success(entity).
    /// <summary>The world is as far as it can be now.</summary>
    public static ReconciliationResult<TEntity> Success(TEntity entity, TimeSpan? requeueAfter = null) =>
        new(entity) { IsSuccess = true, RequeueAfter = requeueAfter };

    /// <summary>It did not work and is to be tried again.</summary>
    public static ReconciliationResult<TEntity> Failure(
        TEntity entity, string errorMessage, Exception? error = null, TimeSpan? requeueAfter = null) =>
        new(entity) { ErrorMessage = errorMessage, Error = error, RequeueAfter = requeueAfter };
#pragma warning restore CA1000
}
