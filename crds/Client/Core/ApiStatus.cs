namespace Quiesce.Crds.Client;

/// <summary>The <c>Status</c> object with which the API server refuses, and which an <c>ERROR</c> event of a watch carries.</summary>
internal sealed record ApiStatus
{
    /// <summary><c>Success</c> or <c>Failure</c>.</summary>
    public string? Status { get; init; }

    public string? Message { get; init; }

    public string? Reason { get; init; }

    public int? Code { get; init; }

    public ApiStatusDetails? Details { get; init; }
}

internal sealed record ApiStatusDetails
{
    public int? RetryAfterSeconds { get; init; }

    public IReadOnlyList<ApiStatusCause>? Causes { get; init; }
}

internal sealed record ApiStatusCause
{
    public string? Reason { get; init; }

    public string? Message { get; init; }
}
