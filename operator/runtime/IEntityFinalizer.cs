using k8s;
using k8s.Models;

namespace Quiesce.Runtime;

/// <summary>What has to happen before an object that carries a certain finalizer may go. KubeOps' interface of the same name.</summary>
public interface IEntityFinalizer<TEntity>
    where TEntity : IKubernetesObject<V1ObjectMeta>
{
    /// <summary>
    /// Called while the object is being deleted. Success without a requeue removes the finalizer; success with one means not
    /// yet; failure is tried again.
    /// </summary>
    Task<ReconciliationResult<TEntity>> FinalizeAsync(TEntity entity, CancellationToken cancellationToken);
}
