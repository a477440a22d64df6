using System.Globalization;
using System.Text.Json;
using Quiesce.Crds;
using Quiesce.Operator.Nodes;

namespace Quiesce.Operator.Freezing;

/// <summary>What the operator has to remember of a window, kept in the annotations of its FreezeWindow.</summary>
/// <remarks>
/// Each is written in the same write as the command it belongs to, so that a restarted operator finds either both or neither. They
/// live in the operator's own namespace: what a user may edit is never a source of commands.
/// </remarks>
internal sealed record WindowRecord
{
    private const string Prefix = QuiesceApi.Group + "/";

    /// <summary>Annotation: the nodes and their targets, as <see cref="NodeTargets.Write"/>.</summary>
    public const string NodesAnnotation = Prefix + "nodes";

    /// <summary>Annotation: what the pods and claims of the request were resolved to, as <see cref="NodeTargets.Digest"/>.</summary>
    public const string WorkloadsAnnotation = Prefix + "workloads";

    /// <summary>Annotation: when the operator first saw the request.</summary>
    public const string StartedAtAnnotation = Prefix + "started-at";

    /// <summary>Annotation: the operator's clock right before it wrote the freeze command.</summary>
    public const string CommandedAtAnnotation = Prefix + "commanded-at";

    /// <summary>Annotation: the operator's clock when every node had reported Frozen.</summary>
    public const string FrozenAtAnnotation = Prefix + "frozen-at";

    /// <summary>Annotation: why it was ended.</summary>
    public const string EndReasonAnnotation = Prefix + "end-reason";

    /// <summary>Annotation: why it was ended, as a sentence.</summary>
    public const string EndMessageAnnotation = Prefix + "end-message";

    /// <summary>Annotation: when it was ended.</summary>
    public const string EndAtAnnotation = Prefix + "end-at";

    /// <summary>The fixed set of nodes; null when somebody damaged the annotation.</summary>
    public NodeTargets? Nodes { get; init; }

    /// <summary>The places in the names of NodeFreezes, by node; 0 where there is none.</summary>
    public IReadOnlyDictionary<string, int> Places { get; init; } = new Dictionary<string, int>();

    /// <summary>What its pods and claims were resolved to; null where it names none.</summary>
    public string? Workloads { get; init; }

    /// <summary>When the operator first saw the request: the freeze timeout counts from here.</summary>
    public required DateTimeOffset StartedAt { get; init; }

    /// <summary>When the freeze was commanded; null before.</summary>
    public DateTimeOffset? CommandedAt { get; init; }

    /// <summary>When all nodes were seen frozen, with several nodes; null before.</summary>
    public DateTimeOffset? FrozenAt { get; init; }

    /// <summary>Why it was ended; null while it is not.</summary>
    public WindowEnd? End { get; init; }

    /// <summary>Reads it from a window.</summary>
    public static WindowRecord Of(FreezeWindow window)
    {
        var annotations = window.Metadata.Annotations ?? new Dictionary<string, string>();
        var created = window.Metadata.CreationTimestamp is { } time ? new DateTimeOffset(time.ToUniversalTime()) : DateTimeOffset.UnixEpoch;
        return new()
        {
            Nodes = annotations.TryGetValue(NodesAnnotation, out var nodes) ? NodeTargets.Read(nodes) : null,
            Places = annotations.TryGetValue(QuiesceApi.PlacesAnnotation, out var places) ? ReadPlaces(places) : new Dictionary<string, int>(),
            Workloads = annotations.TryGetValue(WorkloadsAnnotation, out var workloads) ? workloads : null,
            StartedAt = Time(annotations, StartedAtAnnotation) ?? created,
            CommandedAt = Time(annotations, CommandedAtAnnotation),
            FrozenAt = Time(annotations, FrozenAtAnnotation),
            End = annotations.TryGetValue(EndReasonAnnotation, out var reason)
                ? new(reason, annotations.TryGetValue(EndMessageAnnotation, out var message) ? message : "", Time(annotations, EndAtAnnotation) ?? created)
                : null,
        };
    }

    /// <summary>Places as they are kept.</summary>
    public static string Format(IReadOnlyDictionary<string, int> places) => JsonSerializer.Serialize(new Dictionary<string, int>(places), OperatorJson.Default.DictionaryStringInt32);

    private static Dictionary<string, int> ReadPlaces(string text)
    {
        try
        {
            return JsonSerializer.Deserialize(text, OperatorJson.Default.DictionaryStringInt32) ?? [];
        }
        catch (JsonException)
        {
            return []; // any free name will do
        }
    }

    /// <summary>A time as it is kept: UTC with milliseconds, rounded down, so that no stored time is later than it was.</summary>
    public static string Format(DateTimeOffset time) => time.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss.fff'Z'", CultureInfo.InvariantCulture);

    private static DateTimeOffset? Time(IDictionary<string, string> annotations, string name) =>
        annotations.TryGetValue(name, out var text)
        && DateTimeOffset.TryParse(text, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out var time)
            ? time
            : null;
}
