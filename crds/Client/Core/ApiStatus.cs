namespace Quiesce.Crds.Client;

/// <summary>The <c>Status</c> object with which the API server refuses, and which an <c>ERROR</c> event of a watch carries.</summary>
internal sealed record ApiStatus
{
    public string? Message { get; init; }

    public string? Reason { get; init; }

    public int? Code { get; init; }

    public ApiStatusDetails? Details { get; init; }
}

internal sealed record ApiStatusDetails
{
    public int? RetryAfterSeconds { get; init; }
}
