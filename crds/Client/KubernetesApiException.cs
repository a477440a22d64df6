using System.Net;

namespace Quiesce.Crds.Client;

/// <summary>A call to the API server that did not succeed: refused by the server, or never answered.</summary>
public sealed class KubernetesApiException : Exception
{
    /// <summary>A call that failed.</summary>
    /// <param name="operation">Verb and path, such as <c>PATCH apis/quiesce.dev/v1alpha1/…</c>.</param>
    /// <param name="status">The HTTP status; null when no answer came.</param>
    /// <param name="reason">The machine-readable reason of the server's <c>Status</c> object, or the HTTP status' name.</param>
    /// <param name="detail">The server's sentence, or the transport's.</param>
    /// <param name="retryAfter">How long the server asked to wait.</param>
    /// <param name="innerException">The transport's exception.</param>
    public KubernetesApiException(
        string operation,
        HttpStatusCode? status,
        string reason,
        string detail,
        TimeSpan? retryAfter = null,
        Exception? innerException = null)
        : base(
            status is { } code
                ? $"{operation}: {(int)code} {reason}: {detail}"
                : $"{operation}: no answer from the API server ({reason}): {detail}",
            innerException)
    {
        Operation = operation;
        Status = status;
        Reason = reason;
        Detail = detail;
        RetryAfter = retryAfter;
    }

    /// <summary>Verb and path.</summary>
    public string Operation { get; }

    /// <summary>The HTTP status; null when no answer came: a write may or may not have happened.</summary>
    public HttpStatusCode? Status { get; }

    /// <summary>CamelCase reason of the server's answer (<c>NotFound</c>, <c>AlreadyExists</c>, <c>Conflict</c>, <c>Expired</c>,
    /// <c>Invalid</c>, …); <c>Unreachable</c> or <c>Timeout</c> when no answer came.</summary>
    public string Reason { get; }

    /// <summary>The sentence alone, without operation and status.</summary>
    public string Detail { get; }

    /// <summary>How long the server asked to wait (429 and 503), if it did; 10 s at most, whatever it asked.</summary>
    public TimeSpan? RetryAfter { get; }

    /// <summary>The object does not exist.</summary>
    public bool IsNotFound => Status is HttpStatusCode.NotFound;

    /// <summary>A create found the name taken. It shares its status, 409, with <see cref="IsConflict"/>.</summary>
    public bool IsAlreadyExists => Status is HttpStatusCode.Conflict && Reason == "AlreadyExists";

    /// <summary>The object is not the version or not the incarnation that the caller had seen.</summary>
    /// <remarks>Of a deletion that names the UID of another incarnation an API server says so itself; a patch that does is one that would change the UID, which it refuses as invalid.</remarks>
    public bool IsConflict => (Status is HttpStatusCode.Conflict && Reason != "AlreadyExists")
        || (Status is HttpStatusCode.UnprocessableEntity && Detail.Contains("metadata.uid: Invalid value", StringComparison.Ordinal));

    /// <summary>The resource version or the continue token is too old: list again.</summary>
    public bool IsExpired => Status is HttpStatusCode.Gone;

    /// <summary>The same call may succeed later: no answer, 429, or a fault of the server's own.</summary>
    public bool IsTransient =>
        Status is null or HttpStatusCode.RequestTimeout or HttpStatusCode.TooManyRequests or >= HttpStatusCode.InternalServerError;
}
