using System.Diagnostics;

namespace Quiesce.Telemetry;

/// <summary>A trace's context as W3C's <c>traceparent</c>, the form in which objects carry it.</summary>
public static class TraceParent
{
    /// <summary>Reads one; default where there is none, or none that is valid.</summary>
    public static ActivityContext Read(IDictionary<string, string>? annotations, string annotation) =>
        annotations?.TryGetValue(annotation, out var text) is true && ActivityContext.TryParse(text, null, isRemote: true, out var context) ? context : default;

    /// <summary>Writes one; null for the default.</summary>
    public static string? Write(ActivityContext context) =>
        context == default ? null : $"00-{context.TraceId}-{context.SpanId}-{((context.TraceFlags & ActivityTraceFlags.Recorded) != 0 ? "01" : "00")}";
}
