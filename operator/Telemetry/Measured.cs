using k8s;
using k8s.Models;
using Quiesce.Crds.Client;
using Quiesce.Runtime;

namespace Quiesce.Operator.Telemetry;

/// <summary>A controller whose reconciles are spans and measured.</summary>
internal sealed class Measured<T>(string kind, IEntityController<T> controller, IEntityFinalizer<T>? finalizer, OperatorMeter meter, TimeProvider time)
    : IEntityController<T>, IEntityFinalizer<T>
    where T : class, IKubernetesObject<V1ObjectMeta>
{
    /// <inheritdoc/>
    public Task<ReconciliationResult<T>> ReconcileAsync(T entity, CancellationToken cancellationToken) =>
        MeasureAsync(entity, () => controller.ReconcileAsync(entity, cancellationToken));

    /// <inheritdoc/>
    public Task<ReconciliationResult<T>> DeletedAsync(T entity, CancellationToken cancellationToken) =>
        MeasureAsync(entity, () => controller.DeletedAsync(entity, cancellationToken));

    /// <inheritdoc/>
    public Task<ReconciliationResult<T>> FinalizeAsync(T entity, CancellationToken cancellationToken) =>
        MeasureAsync(entity, () => finalizer!.FinalizeAsync(entity, cancellationToken));

    private async Task<ReconciliationResult<T>> MeasureAsync(T entity, Func<Task<ReconciliationResult<T>>> reconcile)
    {
        using var activity = OperatorActivity.Reconcile(kind, ObjectKey.Of(entity).ToString());
        var started = time.GetTimestamp();
        var success = false;
        try
        {
            var result = await reconcile();
            success = result.IsSuccess;
            return result;
        }
        finally
        {
            if (!success) activity?.SetStatus(System.Diagnostics.ActivityStatusCode.Error);
            meter.Reconciled(kind, success, time.GetElapsedTime(started));
        }
    }
}
