using Microsoft.AspNetCore.Http;

namespace Quiesce.Cluster.Http;

/// <summary>Whole answers, with their length, so that a cut one is seen to be cut.</summary>
internal static class Answers
{
    public static async Task AnswerAsync(this HttpContext http, int status, ReadOnlyMemory<byte> body, string contentType = "application/json")
    {
        http.Response.StatusCode = status;
        http.Response.ContentType = contentType;
        http.Response.ContentLength = body.Length;
        http.Response.Headers.CacheControl = "no-cache, private";
        if (!HttpMethods.IsHead(http.Request.Method))
            await http.Response.Body.WriteAsync(body, http.RequestAborted).ConfigureAwait(false);
    }
}
