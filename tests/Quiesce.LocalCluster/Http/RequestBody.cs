using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Http;
using Microsoft.Net.Http.Headers;
using Quiesce.Cluster.Errors;

namespace Quiesce.Cluster.Http;

/// <summary>Reads bodies: JSON, and YAML or protobuf where the content type says so.</summary>
internal static class RequestBody
{
    /// <summary>kube-apiserver's limit, in bytes.</summary>
    private const int Limit = 3 * 1024 * 1024;

    /// <summary>The media type without parameters, in lower case; JSON if none is given.</summary>
    public static string MediaType(HttpRequest request) =>
        MediaTypeHeaderValue.TryParse(request.ContentType, out var type) ? type.MediaType.ToString().ToLowerInvariant() : "application/json";

    /// <returns>The body; null if it is empty.</returns>
    /// <exception cref="ApiError">400: it cannot be read. 413: it is too large. 415: it is neither JSON nor YAML.</exception>
    public static async Task<JsonNode?> ReadAsync(HttpRequest request)
    {
        var mediaType = MediaType(request);
        var isYaml = mediaType.EndsWith("yaml", StringComparison.Ordinal);
        if (!isYaml && !mediaType.EndsWith("json", StringComparison.Ordinal) && mediaType != ProtobufBody.MediaType)
            throw ApiError.UnsupportedMediaType($"the body of the request was in an unknown format - accepted media types include: application/json, application/yaml (not {mediaType})");
        using var buffer = new MemoryStream();
        var chunk = new byte[16 * 1024];
        int read;
        while ((read = await request.Body.ReadAsync(chunk, request.HttpContext.RequestAborted).ConfigureAwait(false)) > 0)
        {
            buffer.Write(chunk, 0, read);
            if (buffer.Length > Limit)
                throw ApiError.TooLarge($"Request entity too large: limit is {Limit}");
        }

        var bytes = buffer.GetBuffer().AsSpan(0, (int)buffer.Length);
        if (bytes.Trim(" \t\r\n"u8).IsEmpty)
            return null;
        if (mediaType == ProtobufBody.MediaType)
            return ProtobufBody.Read(bytes);
        return isYaml ? ParseYaml(bytes) : ParseJson(bytes);
    }

    /// <exception cref="ApiError">400: the body is not an object.</exception>
    public static async Task<JsonObject> ReadObjectAsync(HttpRequest request) =>
        await ReadAsync(request).ConfigureAwait(false) as JsonObject ?? throw ApiError.BadRequest("the body must be an object");

    private static JsonNode? ParseJson(ReadOnlySpan<byte> bytes)
    {
        try
        {
            return JsonNode.Parse(bytes, documentOptions: ApiJson.ReaderOptions);
        }
        catch (JsonException e)
        {
            throw ApiError.BadRequest($"the object provided is unrecognized: {e.Message}");
        }
    }

    private static JsonNode? ParseYaml(ReadOnlySpan<byte> bytes)
    {
        try
        {
            // Most of what comes under YAML's name is JSON, whose escapes YAML reads differently.
            return JsonNode.Parse(bytes, documentOptions: ApiJson.ReaderOptions);
        }
        catch (JsonException)
        {
        }

        try
        {
            return Yaml.Read(Encoding.UTF8.GetString(bytes));
        }
        catch (FormatException e)
        {
            throw ApiError.BadRequest($"the object provided is unrecognized: {e.Message}");
        }
    }
}
