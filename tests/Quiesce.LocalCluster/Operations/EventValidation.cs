using System.Text.Json.Nodes;
using Quiesce.Cluster.Errors;
using Quiesce.Cluster.Kinds;

namespace Quiesce.Cluster.Operations;

/// <summary>
/// What a real server asks of Events, the one kind of its own whose rules Quiesce can run into: above all that an Event stands in
/// the namespace of what it is about. After kube-apiserver's <c>core/validation/events.go</c>.
/// </summary>
internal static class EventValidation
{
    private const int TextLimit = 128;
    private const int NoteLimit = 1024;

    public static bool Applies(ApiResource resource) => resource.Collection == "events";

    public static IEnumerable<FieldError> Validate(JsonObject content, ApiResource resource)
    {
        var isCore = resource.Group.Length == 0;
        var about = isCore ? "involvedObject" : "regarding";
        var ns = content.StringAt("metadata", "namespace") ?? "";
        var aboutNamespace = content.StringAt(about, "namespace") ?? "";
        // An Event with an eventTime is of the new kind, whichever version it comes in.
        var isNew = content.StringAt("eventTime") is not null;
        var fits = aboutNamespace.Length > 0 ? isNew || aboutNamespace == ns : ns == "default" || (isNew && ns == "kube-system");
        if (!fits)
            yield return FieldError.Invalid("involvedObject.namespace", aboutNamespace, "does not match event.namespace");
        if (!isCore && !isNew)
            yield return FieldError.Required("eventTime");
        if (!isCore && content.StringAt("type") is not ("Normal" or "Warning"))
            yield return FieldError.Invalid("type", "", $"has invalid value: {content.StringAt("type")}");
        if (!isNew)
            yield break;

        var reporter = isCore ? "reportingComponent" : "reportingController";
        foreach (var field in new[] { reporter, "reportingInstance", "action", "reason" })
        {
            var text = content.StringAt(field) ?? "";
            if (text.Length == 0)
                yield return FieldError.Required(field);
            else if (field != reporter && text.Length > TextLimit)
                yield return FieldError.Invalid(field, field == "reportingInstance" ? text : "", $"can have at most {TextLimit} characters");
        }

        foreach (var problem in ObjectMetadata.QualifiedNameProblems(content.StringAt(reporter) ?? ""))
            yield return FieldError.Invalid(reporter, content.StringAt(reporter) ?? "", problem);
        if ((content.StringAt(isCore ? "message" : "note") ?? "").Length > NoteLimit)
            yield return FieldError.Invalid(isCore ? "message" : "note", "", $"can have at most {NoteLimit} characters");
    }
}
