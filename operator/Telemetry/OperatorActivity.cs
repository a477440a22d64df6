using System.Diagnostics;

namespace Quiesce.Operator.Telemetry;

/// <summary>The operator's spans.</summary>
internal static class OperatorActivity
{
    /// <summary>Name of the source, for exporters.</summary>
    public const string Name = "Quiesce.Operator";

    private static readonly ActivitySource Source = new(Name);

    /// <summary>One reconcile of one object; null when nobody listens.</summary>
    public static Activity? Reconcile(string kind, string key)
    {
        var activity = Source.StartActivity($"reconcile {kind}");
        activity?.SetTag("k8s.object.kind", kind);
        activity?.SetTag("k8s.object.key", key);
        return activity;
    }
}
