using k8s;
using k8s.Models;

namespace Quiesce.Runtime;

/// <summary>Brings the world to what one object says. KubeOps' interface of the same name.</summary>
/// <remarks>
/// It is told that something changed, not what: it reads the state, compares it with the wish, and writes the difference. Never
/// called for one object from two threads at once.
/// </remarks>
public interface IEntityController<TEntity>
    where TEntity : IKubernetesObject<V1ObjectMeta>
{
    /// <summary>Called when the object, or something that belongs to it, may have changed, and when a requeue is due.</summary>
    Task<ReconciliationResult<TEntity>> ReconcileAsync(TEntity entity, CancellationToken cancellationToken);

    /// <summary>Called after the object is gone, with its last known state; best effort, because a deletion while nobody watched is not seen.</summary>
    Task<ReconciliationResult<TEntity>> DeletedAsync(TEntity entity, CancellationToken cancellationToken);
}
