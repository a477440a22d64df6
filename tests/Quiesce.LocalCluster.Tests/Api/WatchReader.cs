using System.Text.Json.Nodes;
using Quiesce.ApiServers;

namespace Quiesce.Cluster.Tests.Api;

/// <summary>An open watch, read line by line.</summary>
internal sealed class WatchReader : IDisposable
{
    private readonly HttpResponseMessage _response;
    private readonly StreamReader _lines;

    private WatchReader(HttpResponseMessage response, StreamReader lines)
    {
        _response = response;
        _lines = lines;
    }

    /// <summary>HTTP status.</summary>
    public int Code => (int)_response.StatusCode;

    public static async Task<WatchReader> OpenAsync(HttpClient http, string pathAndQuery, CancellationToken cancellationToken, string? accept = null)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, pathAndQuery);
        if (accept is not null)
            request.Headers.TryAddWithoutValidation("Accept", accept);
        var response = await http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, cancellationToken);
        return new WatchReader(response, new StreamReader(await response.Content.ReadAsStreamAsync(cancellationToken)));
    }

    public static Task<WatchReader> OpenAsync(ApiServerUnderTest server, string pathAndQuery, CancellationToken cancellationToken, string? accept = null) =>
        OpenAsync(server.Http, pathAndQuery, cancellationToken, accept);

    /// <summary>The next event; waits at most 30 s. Null at the end of the stream.</summary>
    public async Task<WatchEvent?> NextAsync(CancellationToken cancellationToken)
    {
        var line = await _lines.ReadLineAsync(cancellationToken).AsTask().WaitAsync(TimeSpan.FromSeconds(30), cancellationToken);
        if (line is null)
            return null;
        var parsed = JsonNode.Parse(line)!;
        return new WatchEvent(parsed["type"]!.GetValue<string>(), parsed["object"]!);
    }

    /// <summary>The next event that is no bookmark.</summary>
    public async Task<WatchEvent> NextChangeAsync(CancellationToken cancellationToken)
    {
        while (true)
        {
            var next = await NextAsync(cancellationToken);
            Assert.NotNull(next);
            if (next.Type != "BOOKMARK")
                return next;
        }
    }

    public void Dispose()
    {
        _lines.Dispose();
        _response.Dispose();
    }
}
