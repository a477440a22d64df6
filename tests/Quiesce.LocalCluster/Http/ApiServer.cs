using Microsoft.AspNetCore.Http;
using Quiesce.Cluster.Discovery;
using Quiesce.Cluster.Errors;
using Quiesce.Cluster.Faults;
using Quiesce.Cluster.Kinds;
using Quiesce.Cluster.OpenApi;

namespace Quiesce.Cluster.Http;

/// <summary>The way of every request: read it, record it, let a fault happen to it, find who serves it, turn refusals into <c>Status</c> objects.</summary>
internal sealed class ApiServer(
    KindCatalog catalog,
    ResourceEndpoint resources,
    PodExecProxy exec,
    DiscoveryEndpoint discovery,
    OpenApiEndpoint openApi,
    RequestRecorder recorder,
    FaultInjector faults,
    TimeProvider clock,
    Action<RecordedRequest>? onServed)
{
    private const string Bearer = "Bearer ";

    public async Task HandleAsync(HttpContext http)
    {
        var request = ApiRequest.Read(http.Request, catalog);
        var record = recorder.Add(number => Record(number, http.Request, request));
        try
        {
            await HandleAsync(http, request, record).ConfigureAwait(false);
        }
        catch (ApiError error)
        {
            await AnswerAsync(http, error).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (http.RequestAborted.IsCancellationRequested)
        {
            // The client has gone, or the connection was cut on purpose.
        }
        catch (Exception e) when (!http.Response.HasStarted)
        {
            await AnswerAsync(http, ApiError.Internal(e.ToString())).ConfigureAwait(false);
        }
        finally
        {
            if (!http.RequestAborted.IsCancellationRequested)
                record.StatusCode = http.Response.StatusCode;
            onServed?.Invoke(record);
        }
    }

    private async Task HandleAsync(HttpContext http, ApiRequest request, RecordedRequest record)
    {
        var effect = faults.EffectOn(record);
        record.Faulted = effect is not null;
        switch (effect)
        {
            case FaultEffect.Wait wait:
                await wait.Until(clock, http.RequestAborted).ConfigureAwait(false);
                break;
            case FaultEffect.Refuse { Code: 410 } gone when request.Verb == "watch":
                http.Response.ContentType = "application/json";
                await http.Response.Body.WriteAsync(ExpiredEvent(gone.Message), http.RequestAborted).ConfigureAwait(false);
                return;
            case FaultEffect.Refuse refuse:
                throw ApiError.Injected(refuse.Code, refuse.Reason, refuse.Message, refuse.RetryAfterSeconds);
            case FaultEffect.Cut { AfterServing: true } when request.Verb != "watch":
                http.Response.Body = Stream.Null;
                try
                {
                    await ServeAsync(http, request, record, silentWatch: false).ConfigureAwait(false);
                }
                finally
                {
                    http.Abort();
                }

                return;
            case FaultEffect.Cut:
                http.Abort();
                return;
        }

        await ServeAsync(http, request, record, effect is FaultEffect.Silence).ConfigureAwait(false);
    }

    private Task ServeAsync(HttpContext http, ApiRequest request, RecordedRequest record, bool silentWatch)
    {
        if (request.Subresource == "exec" && request.Resource?.Is("", "pods") is true)
            return exec.ServeAsync(http, request);
        if (request.Resource is not null)
            return resources.ServeAsync(http, request, record, silentWatch);
        return discovery.TryServe(http, request) ?? openApi.TryServe(http, request) ?? throw ApiError.NoSuchPath();
    }

    private static Task AnswerAsync(HttpContext http, ApiError error)
    {
        if (error.RetryAfterSeconds is { } seconds)
            http.Response.Headers.RetryAfter = seconds.ToString(System.Globalization.CultureInfo.InvariantCulture);
        return http.AnswerAsync(error.Code, error.ToJson());
    }

    private static byte[] ExpiredEvent(string message) => ApiJson.Write(w =>
    {
        w.WriteStartObject();
        w.WriteString("type", "ERROR");
        w.WritePropertyName("object");
        w.WriteRawValue(ApiError.Expired(message).ToJson(), skipInputValidation: true);
        w.WriteEndObject();
    });

    private RecordedRequest Record(long number, HttpRequest http, ApiRequest request) => new()
    {
        Number = number,
        At = clock.GetUtcNow(),
        Verb = request.Verb,
        Group = request.Group,
        Resource = request.Plural,
        Subresource = request.Subresource,
        Namespace = request.Namespace,
        Name = request.Name,
        Path = request.Path,
        Query = http.QueryString.Value ?? "",
        UserAgent = http.Headers.UserAgent.ToString(),
        Token = http.Headers.Authorization.ToString() is var header && header.StartsWith(Bearer, StringComparison.Ordinal) ? header[Bearer.Length..] : "",
    };
}
