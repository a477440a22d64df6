using System.Text.Json;
using Quiesce.Cluster.Kinds;

namespace Quiesce.Cluster.Errors;

/// <summary>A refusal, answered as a <c>Status</c> object in the words of apimachinery's <c>api/errors</c>.</summary>
internal sealed class ApiError : Exception
{
    private ApiError(int code, string reason, string message)
        : base(message)
    {
        Code = code;
        Reason = reason;
    }

    /// <summary>The HTTP status.</summary>
    public int Code { get; }

    public string Reason { get; }

    public (string Group, string Kind, string Name)? Subject { get; private init; }

    public IReadOnlyList<FieldError> Causes { get; private init; } = [];

    public string? Uid { get; private init; }

    public int? RetryAfterSeconds { get; private init; }

    public static ApiError NotFound(ApiResource resource, string name) =>
        new(404, "NotFound", $"{resource.QualifiedName} \"{name}\" not found") { Subject = (resource.Group, resource.Plural, name) };

    public static ApiError NoSuchPath() => new(404, "NotFound", "the server could not find the requested resource");

    public static ApiError AlreadyExists(ApiResource resource, string name) =>
        new(409, "AlreadyExists", $"{resource.QualifiedName} \"{name}\" already exists") { Subject = (resource.Group, resource.Plural, name) };

    public static ApiError Conflict(ApiResource resource, string name, string why) =>
        new(409, "Conflict", $"Operation cannot be fulfilled on {resource.QualifiedName} \"{name}\": {why}") { Subject = (resource.Group, resource.Plural, name) };

    public static ApiError Modified(ApiResource resource, string name) =>
        Conflict(resource, name, "the object has been modified; please apply your changes to the latest version and try again");

    public static ApiError Forbidden(ApiResource resource, string name, string why, params IReadOnlyList<FieldError> causes) =>
        new(403, "Forbidden", $"{resource.QualifiedName} \"{name}\" is forbidden: {why}") { Subject = (resource.Group, resource.Plural, name), Causes = causes };

    public static ApiError Invalid(ApiResource resource, string name, IReadOnlyList<FieldError> errors)
    {
        var messages = errors.Select(e => e.ToString()).Distinct().ToList();
        var kind = resource.Group.Length == 0 ? resource.Kind : $"{resource.Kind}.{resource.Group}";
        return new(422, "Invalid", $"{kind} \"{name}\" is invalid: {(messages.Count == 1 ? messages[0] : $"[{string.Join(", ", messages)}]")}")
        {
            Subject = (resource.Group, resource.Kind, name),
            Causes = errors,
        };
    }

    public static ApiError BadRequest(string message) => new(400, "BadRequest", message);

    public static ApiError Unprocessable(string message) => new(422, "Invalid", message);

    public static ApiError Expired(string message) => new(410, "Expired", message);

    public static ApiError MethodNotAllowed(ApiResource resource, string verb) =>
        new(405, "MethodNotAllowed", $"{verb} is not supported on resources of kind \"{resource.QualifiedName}\"") { Subject = (resource.Group, resource.Plural, "") };

    public static ApiError NotAcceptable(string message) => new(406, "NotAcceptable", message);

    public static ApiError UnsupportedMediaType(string message) => new(415, "UnsupportedMediaType", message);

    public static ApiError TooLarge(string message) => new(413, "RequestEntityTooLarge", message);

    /// <summary>What a fault rule asks for.</summary>
    public static ApiError Injected(int code, string reason, string message, int? retryAfterSeconds) =>
        new(code, reason, message) { RetryAfterSeconds = retryAfterSeconds };

    public static ApiError Internal(string message) =>
        new(500, "InternalError", $"Internal error occurred: {message}") { Causes = [new FieldError("", "", message)] };

    /// <summary>What the storage below refuses; it has no reasons.</summary>
    public static ApiError Storage(string message) => new(500, "", message);

    /// <summary>A list or get asked for a revision that has not happened yet.</summary>
    public static ApiError TooLargeResourceVersion(long asked, long current) =>
        new(504, "Timeout", $"Timeout: Too large resource version: {asked}, current: {current}")
        {
            Causes = [new FieldError("ResourceVersionTooLarge", "", "Too large resource version")],
            RetryAfterSeconds = 1,
        };

    /// <summary>The <c>Status</c> object.</summary>
    public byte[] ToJson() => ApiJson.Write(w =>
    {
        w.WriteStartObject();
        w.WriteString("kind", "Status");
        w.WriteString("apiVersion", "v1");
        w.WriteStartObject("metadata");
        w.WriteEndObject();
        w.WriteString("status", "Failure");
        w.WriteString("message", Message);
        WriteUnlessEmpty(w, "reason", Reason);
        if (Subject is not null || Causes.Count > 0 || RetryAfterSeconds is not null)
            WriteDetails(w);
        w.WriteNumber("code", Code);
        w.WriteEndObject();
    });

    private void WriteDetails(Utf8JsonWriter w)
    {
        w.WriteStartObject("details");
        if (Subject is var (group, kind, name))
        {
            WriteUnlessEmpty(w, "name", name);
            WriteUnlessEmpty(w, "group", group);
            WriteUnlessEmpty(w, "kind", kind);
        }

        if (Uid is not null)
            w.WriteString("uid", Uid);
        if (Causes.Count > 0)
        {
            w.WriteStartArray("causes");
            foreach (var cause in Causes)
            {
                w.WriteStartObject();
                WriteUnlessEmpty(w, "reason", cause.Type);
                WriteUnlessEmpty(w, "message", cause.Body);
                WriteUnlessEmpty(w, "field", cause.Field);
                w.WriteEndObject();
            }

            w.WriteEndArray();
        }

        if (RetryAfterSeconds is { } seconds)
            w.WriteNumber("retryAfterSeconds", seconds);
        w.WriteEndObject();
    }

    private static void WriteUnlessEmpty(Utf8JsonWriter w, string name, string value)
    {
        if (value.Length > 0)
            w.WriteString(name, value);
    }
}
