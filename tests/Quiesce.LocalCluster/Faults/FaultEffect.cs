namespace Quiesce.Cluster.Faults;

/// <summary>What goes wrong with a request.</summary>
public abstract record FaultEffect
{
    private FaultEffect()
    {
    }

    /// <summary>401, as for a token that has expired or was revoked.</summary>
    public static FaultEffect Unauthorized { get; } = new Refuse(401, "Unauthorized", "Unauthorized", null);

    /// <summary>403, as by RBAC.</summary>
    public static FaultEffect Forbidden { get; } = new Refuse(403, "Forbidden", "forbidden: injected fault", null);

    /// <summary>409, as if someone else had written in between; nothing is written.</summary>
    public static FaultEffect Conflict { get; } = new Refuse(409, "Conflict", "Operation cannot be fulfilled: the object has been modified; please apply your changes to the latest version and try again", null);

    /// <summary>410: the resource version is too old. A watch gets it as an <c>ERROR</c> event after HTTP 200, as from a real server.</summary>
    public static FaultEffect Expired { get; } = new Refuse(410, "Expired", "The resourceVersion for the provided watch is too old.", null);

    /// <summary>500.</summary>
    public static FaultEffect InternalError { get; } = new Refuse(500, "InternalError", "Internal error occurred: injected fault", null);

    /// <summary>503.</summary>
    public static FaultEffect Unavailable { get; } = new Refuse(503, "ServiceUnavailable", "injected fault", null);

    /// <summary>The connection is closed without an answer and nothing is done.</summary>
    public static FaultEffect CutBefore { get; } = new Cut(AfterServing: false);

    /// <summary>The request is carried out, and then the connection is closed without an answer: the client cannot know.</summary>
    public static FaultEffect CutAfter { get; } = new Cut(AfterServing: true);

    /// <summary>A watch that is accepted and then says nothing at all, not even bookmarks, until the client gives up.</summary>
    public static FaultEffect SilentWatch { get; } = new Silence();

    /// <summary>429 with <c>Retry-After</c>.</summary>
    public static FaultEffect TooManyRequests(int retryAfterSeconds) =>
        new Refuse(429, "TooManyRequests", "too many requests, please try again later", retryAfterSeconds);

    /// <summary>Any other refusal.</summary>
    public static FaultEffect Status(int code, string reason, string message) => new Refuse(code, reason, message, null);

    /// <summary>The request waits before it is served, by the cluster's clock.</summary>
    public static FaultEffect Delay(TimeSpan time) => new Wait((clock, token) => Task.Delay(time, clock, token));

    /// <summary>The request waits before it is served until the test lets it go.</summary>
    public static FaultEffect HoldUntil(Task release) => new Wait((_, token) => release.WaitAsync(token));

    internal sealed record Refuse(int Code, string Reason, string Message, int? RetryAfterSeconds) : FaultEffect;

    internal sealed record Cut(bool AfterServing) : FaultEffect;

    internal sealed record Silence : FaultEffect;

    internal sealed record Wait(Func<TimeProvider, CancellationToken, Task> Until) : FaultEffect;
}
