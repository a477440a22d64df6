using System.Diagnostics;
using k8s;
using k8s.Models;
using Quiesce.Crds.Client;
using Quiesce.Runtime;

namespace Quiesce.Operator.Telemetry;

/// <summary>A controller whose reconciles are spans of the trace of the object they are about.</summary>
internal sealed class Traced<T>(string kind, IEntityController<T> controller, IEntityFinalizer<T>? finalizer, Func<T, ActivityContext> trace)
    : IEntityController<T>, IEntityFinalizer<T>
    where T : class, IKubernetesObject<V1ObjectMeta>
{
    /// <inheritdoc/>
    public Task<ReconciliationResult<T>> ReconcileAsync(T entity, CancellationToken cancellationToken) =>
        TraceAsync(entity, () => controller.ReconcileAsync(entity, cancellationToken));

    /// <inheritdoc/>
    public Task<ReconciliationResult<T>> DeletedAsync(T entity, CancellationToken cancellationToken) =>
        TraceAsync(entity, () => controller.DeletedAsync(entity, cancellationToken));

    /// <inheritdoc/>
    public Task<ReconciliationResult<T>> FinalizeAsync(T entity, CancellationToken cancellationToken) =>
        TraceAsync(entity, () => finalizer!.FinalizeAsync(entity, cancellationToken));

    private async Task<ReconciliationResult<T>> TraceAsync(T entity, Func<Task<ReconciliationResult<T>>> reconcile)
    {
        using var activity = OperatorActivity.Reconcile(kind, ObjectKey.Of(entity).ToString(), trace(entity));
        try
        {
            var result = await reconcile();
            if (!result.IsSuccess) activity?.SetStatus(ActivityStatusCode.Error, result.ErrorMessage);
            return result;
        }
        catch (Exception e)
        {
            activity?.SetStatus(ActivityStatusCode.Error, e.Message);
            throw;
        }
    }
}
