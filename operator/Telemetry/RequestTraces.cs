using System.Collections.Concurrent;
using System.Diagnostics;
using k8s.Models;
using Quiesce.Crds;
using Quiesce.Telemetry;

namespace Quiesce.Operator.Telemetry;

/// <summary>One trace for each request. Safe for any number of threads.</summary>
/// <remarks>
/// It begins with the first sight of the request, under the trace that the request came with, and goes to the agents with the window and the plans. An operator that takes over finds it
/// there, and goes on; the span of the request itself is lost with the operator that had begun it.
/// </remarks>
internal sealed class RequestTraces
{
    private readonly ConcurrentDictionary<string, Trace> _traces = [];

    /// <summary>The trace of a request.</summary>
    /// <param name="kind">What it is.</param>
    /// <param name="request">The request's metadata.</param>
    /// <param name="isFinal">It has ended; where nothing is known of it no trace is begun.</param>
    /// <param name="carrier">Its internal object, which carries the trace once there is one.</param>
    /// <returns>Default where it has none.</returns>
    public ActivityContext Of(string kind, V1ObjectMeta request, bool isFinal, V1ObjectMeta? carrier)
    {
        if (_traces.TryGetValue(request.Uid, out var known)) return known.Context;
        if (isFinal) return default;
        var begun = _traces.GetOrAdd(request.Uid, _ =>
        {
            var carried = TraceParent.Read(carrier?.Annotations, QuiesceApi.TraceParentAnnotation);
            return carried != default ? new(null, carried) : Begin(kind, request);
        });
        return begun.Context;
    }

    /// <summary>A request is in a phase; said again of the same one it changes nothing.</summary>
    /// <param name="uid">The request.</param>
    /// <param name="phase">The phase it is in now.</param>
    /// <param name="reason">Its reason.</param>
    /// <param name="isFinal">It is the last one.</param>
    /// <param name="isError">It is not what was asked for.</param>
    public void Phase(string uid, string phase, string? reason, bool isFinal, bool isError)
    {
        if (!_traces.TryGetValue(uid, out var trace)) return;
        lock (trace)
        {
            if (trace.Phase?.OperationName == phase) return;
            Detached.End(trace.Phase);
            trace.Phase = isFinal ? null : OperatorActivity.Phase(phase, trace.Context);
            if (!isFinal) return;
            trace.Request?.SetTag("outcome", phase).SetTag("reason", reason).SetStatus(isError ? ActivityStatusCode.Error : ActivityStatusCode.Ok);
            Detached.End(trace.Request);
            trace.Request = null;
        }
    }

    /// <summary>Nothing more is done about a request.</summary>
    public void Forget(string uid)
    {
        if (!_traces.TryRemove(uid, out var trace)) return;
        lock (trace)
        {
            Detached.End(trace.Phase);
            Detached.End(trace.Request);
        }
    }

    private static Trace Begin(string kind, V1ObjectMeta request)
    {
        var parent = TraceParent.Read(request.Annotations, QuiesceApi.TraceParentAnnotation);
        var activity = OperatorActivity.Request(kind, request.NamespaceProperty, request.Name, request.Uid, parent);
        return new(activity, activity?.Context ?? parent);
    }

    private sealed class Trace
    {
        public Trace(Activity? request, ActivityContext context)
        {
            (Request, Context) = (request, context);
            Phase = request is null ? null : OperatorActivity.Phase("Pending", context);
        }

        public Activity? Request { get; set; }

        public ActivityContext Context { get; }

        public Activity? Phase { get; set; }
    }
}
