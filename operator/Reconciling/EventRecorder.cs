using System.Security.Cryptography;
using System.Text;
using System.Threading.Channels;
using k8s;
using k8s.Models;
using Microsoft.Extensions.Logging;
using Quiesce.Crds.Client;
using Quiesce.Operator.Freezing;

namespace Quiesce.Operator.Reconciling;

/// <summary>Writes Events, in order, beside the work: nothing ever waits for one, and when too many wait new ones are dropped.</summary>
/// <remarks>
/// An Event's name is made of the object's UID and what is said, so that the same line is there once, however often a restarted
/// operator says it.
/// </remarks>
internal sealed partial class EventRecorder(
    KubernetesConnection connection, OperatorSettings settings, TimeProvider time, ILogger<EventRecorder> logger)
{
    // The API server's bounds (validation of events.k8s.io/v1).
    private const int MostNoteBytes = 1024;

    private readonly ResourceClient<Event> _events = new(connection, Kinds.Events);
    private readonly Channel<Event> _waiting = Channel.CreateBounded<Event>(
        new BoundedChannelOptions(1024) { FullMode = BoundedChannelFullMode.DropWrite, SingleReader = true });

    /// <summary>Tells a line of an object's story.</summary>
    public void Tell(IKubernetesObject<V1ObjectMeta> o, Story story)
    {
        var meta = o.Metadata;
        // Events of cluster-scoped objects live in the namespace default.
        var ns = string.IsNullOrEmpty(meta.NamespaceProperty) ? "default" : meta.NamespaceProperty;
        var note = Cut(story.Message);
        var now = time.GetUtcNow();
        _waiting.Writer.TryWrite(new()
        {
            Metadata = new() { Name = Name(meta, story.Reason + "\n" + note), NamespaceProperty = ns },
            EventTime = now,
            ReportingController = "quiesce.dev/operator",
            ReportingInstance = settings.Identity.Length > 128 ? settings.Identity[..128] : settings.Identity,
            Action = story.Reason,
            Reason = story.Reason,
            Note = note,
            Type = story.IsWarning ? "Warning" : "Normal",
            Regarding = new()
            {
                ApiVersion = o.ApiVersion,
                Kind = o.Kind,
                Namespace = meta.NamespaceProperty,
                Name = meta.Name,
                Uid = meta.Uid,
                ResourceVersion = meta.ResourceVersion,
            },
        });
    }

    /// <summary>Writes what waits until the token is cancelled.</summary>
    public async Task RunAsync(CancellationToken cancellationToken)
    {
        await foreach (var line in _waiting.Reader.ReadAllAsync(cancellationToken))
        {
            try
            {
                await _events.CreateAsync(line, cancellationToken);
            }
            catch (KubernetesApiException e) when (e.IsAlreadyExists)
            {
                // Told before.
            }
            catch (KubernetesApiException e)
            {
                LogDropped(line.Regarding?.Name, line.Reason, e.Message);
            }
        }
    }

    private static string Name(V1ObjectMeta meta, string content)
    {
        var digest = Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes($"{meta.Uid}\n{content}")).AsSpan(0, 8));
        var name = meta.Name.Length > 200 ? meta.Name[..200].TrimEnd('-', '.') : meta.Name;
        return $"{name}.{digest}";
    }

    private static string Cut(string text)
    {
        if (Encoding.UTF8.GetByteCount(text) <= MostNoteBytes) return text;
        var length = Math.Min(text.Length, MostNoteBytes - 3);
        while (Encoding.UTF8.GetByteCount(text.AsSpan(0, length)) > MostNoteBytes - 3) length--;
        if (char.IsHighSurrogate(text[length - 1])) length--;
        return string.Concat(text.AsSpan(0, length), "…");
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "Event {reason} of {name} could not be written: {error}")]
    private partial void LogDropped(string? name, string? reason, string error);
}
