using System.Diagnostics;
using Quiesce.Crds;
using Quiesce.Freezing.Kernel;
using Quiesce.Freezing.Reports;
using Quiesce.Telemetry;

namespace Quiesce.Agent.Telemetry;

/// <summary>The agent's spans. They hang below the request's, which the plan carries.</summary>
internal static class AgentActivity
{
    /// <summary>Name of the source, for exporters.</summary>
    internal const string Name = "Quiesce.Agent";

    private static readonly ActivitySource Source = new(Name);

    /// <summary>What this node does for one request, from the first sight of the plan to the last report.</summary>
    internal static Activity? Begin(NodeFreeze plan)
    {
        var activity = Source.StartActivity(plan.Spec.Mode.ToString(), ActivityKind.Consumer, TraceParent.Read(plan.Metadata.Annotations, QuiesceApi.TraceParentAnnotation));
        return activity?.SetTag("k8s.node.name", plan.Spec.NodeName).SetTag("k8s.namespace.name", plan.Spec.Request.Namespace)
            .SetTag("quiesce.request.name", plan.Spec.Request.Name).SetTag("quiesce.request.uid", plan.Spec.Request.Uid);
    }

    /// <summary>It is over: what the holder measured becomes spans, the calls of each filesystem, and across them the stall.</summary>
    internal static void End(Activity? activity, WindowReport report, TimeProvider time)
    {
        if (activity is null) return;
        var (now, boot) = (time.GetUtcNow(), Native.BootTimeNanoseconds());
        if (Stall.Of(report) is var (begun, over)) Span("stall", begun, over);
        foreach (var f in report.Filesystems)
        {
            if (f is { FlushedAt: { } flushed, FlushNanoseconds: { } flush }) Span("flush", flushed - flush, flushed, f);
            if (f is not { FrozenAt: { } frozen, FreezeNanoseconds: { } freeze }) continue;
            Span("freeze", frozen - freeze, frozen, f);
            if (f.HeldNanoseconds is not { } held) continue;
            Span("hold", frozen, frozen + held, f);
            if (f.ThawNanoseconds is { } thaw) Span("thaw", frozen + held - thaw, frozen + held, f);
        }

        _ = activity.SetTag("outcome", report.Phase.ToString()).SetTag("reason", report.Reason)
            .SetStatus(report.Phase == Freezing.Windows.WindowPhase.Thawed ? ActivityStatusCode.Ok : ActivityStatusCode.Error, report.Message);
        activity.Stop();

        void Span(string name, long from, long to, FilesystemReport? f = null)
        {
            var span = Detached.Start(Source, name, activity.Context, Wall(from));
            if (f is not null) _ = span?.SetTag("system.filesystem.mountpoint", f.Path).SetTag("system.filesystem.type", f.Type).SetTag("system.device", f.Device);
            Detached.End(span, Wall(to));
        }

        // Moments are kept in CLOCK_BOOTTIME, and spans in the wall clock's time.
        DateTimeOffset Wall(long moment) => now - TimeSpan.FromTicks((boot - moment) / 100);
    }
}
