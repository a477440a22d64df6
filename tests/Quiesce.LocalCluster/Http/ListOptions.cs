using System.Globalization;
using Microsoft.AspNetCore.Http;
using Quiesce.Cluster.Errors;
using Quiesce.Cluster.Kinds;
using Quiesce.Cluster.Selectors;
using Quiesce.Cluster.Storage;

namespace Quiesce.Cluster.Http;

/// <summary>The query of a list or watch.</summary>
internal sealed record ListOptions
{
    public required LabelSelector Labels { get; init; }

    public required FieldSelector Fields { get; init; }

    /// <summary>Null if none was given; 0 means "whatever there is".</summary>
    public long? ResourceVersion { get; init; }

    public string ResourceVersionMatch { get; init; } = "";

    public int Limit { get; init; }

    public string Continue { get; init; } = "";

    public bool AllowBookmarks { get; init; }

    public bool SendInitialEvents { get; init; }

    public TimeSpan? Timeout { get; init; }

    /// <exception cref="ApiError">400 or 422: an option cannot be read, or does not go with the others.</exception>
    public static ListOptions Read(IQueryCollection query, ApiResource resource, bool watch)
    {
        var options = new ListOptions
        {
            Labels = LabelSelector.Parse(query["labelSelector"]),
            Fields = FieldSelector.Parse(query["fieldSelector"], resource),
            ResourceVersion = Number(query, "resourceVersion", "invalid resource version: "),
            ResourceVersionMatch = query["resourceVersionMatch"].ToString(),
            Limit = (int)(Number(query, "limit") ?? 0),
            Continue = query["continue"].ToString(),
            AllowBookmarks = ApiRequest.IsSet(query, "allowWatchBookmarks"),
            SendInitialEvents = ApiRequest.IsSet(query, "sendInitialEvents"),
            Timeout = Number(query, "timeoutSeconds") is > 0 and var seconds ? TimeSpan.FromSeconds((double)seconds) : null,
        };
        var errors = options.Check(watch, query.ContainsKey("sendInitialEvents")).ToList();
        return errors.Count == 0 ? options : throw ApiError.Invalid(ListOptionsKind, "", errors);
    }

    /// <param name="o">The object in the version that was asked for.</param>
    public bool Matches(StoredObject o) => Labels.Matches(o.Root) && Fields.Matches(o.Root);

    private static readonly ApiResource ListOptionsKind = new() { Group = "meta.k8s.io", Version = "v1", Kind = "ListOptions", Plural = "listoptions", Namespaced = false };

    private IEnumerable<FieldError> Check(bool watch, bool initialEventsGiven)
    {
        if (watch && initialEventsGiven && ResourceVersionMatch != "NotOlderThan")
            yield return FieldError.Forbidden("resourceVersionMatch", "sendInitialEvents requires setting resourceVersionMatch to NotOlderThan");
        if (watch && !initialEventsGiven && ResourceVersionMatch.Length > 0)
            yield return FieldError.Forbidden("resourceVersionMatch", "resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided");
        if (!watch && initialEventsGiven)
            yield return FieldError.Forbidden("sendInitialEvents", "sendInitialEvents is forbidden for list");
        if (!watch && ResourceVersionMatch.Length > 0 && ResourceVersion is null)
            yield return FieldError.Forbidden("resourceVersionMatch", "resourceVersionMatch is forbidden unless resourceVersion is provided");
        if (!watch && Continue.Length > 0 && ResourceVersion is > 0)
            yield return FieldError.Forbidden("resourceVersion", "specifying resource version is not allowed when using continue");
    }

    private static long? Number(IQueryCollection query, string name, string complaint = "")
    {
        var text = query[name].ToString();
        if (text.Length == 0)
            return null;
        return long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var number)
            ? number
            : throw ApiError.BadRequest($"{complaint}{name}: Invalid value: \"{text}\": strconv.ParseUint: parsing \"{text}\": invalid syntax");
    }
}
