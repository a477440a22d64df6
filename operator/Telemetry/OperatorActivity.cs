using System.Diagnostics;
using Quiesce.Telemetry;

namespace Quiesce.Operator.Telemetry;

/// <summary>The operator's spans.</summary>
internal static class OperatorActivity
{
    /// <summary>Name of the source, for exporters.</summary>
    public const string Name = "Quiesce.Operator";

    private static readonly ActivitySource Source = new(Name);

    /// <summary>A whole request, from its first sight to its final phase.</summary>
    public static Activity? Request(string kind, string? ns, string name, string uid, ActivityContext parent)
    {
        var activity = Detached.Start(Source, kind, parent);
        if (ns is not null) activity?.SetTag("k8s.namespace.name", ns);
        activity?.SetTag("quiesce.request.name", name).SetTag("quiesce.request.uid", uid);
        return activity;
    }

    /// <summary>One phase of a request.</summary>
    public static Activity? Phase(string phase, ActivityContext request) => Detached.Start(Source, phase, request);

    /// <summary>One reconcile of one object; null for one that belongs to no trace: what is done about a request that has ended is of no interest any more.</summary>
    public static Activity? Reconcile(string kind, string key, ActivityContext request)
    {
        if (request == default) return null;
        var activity = Source.StartActivity($"reconcile {kind}", ActivityKind.Internal, request);
        activity?.SetTag("k8s.object.key", key);
        return activity;
    }
}
