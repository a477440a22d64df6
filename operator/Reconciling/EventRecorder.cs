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
/// An Event's name begins with the time, because kubectl shows Events of this kind in the order of their names, and ends with a digest of what is said: the same
/// line is there once, however often a restarted operator says it.
/// </remarks>
internal sealed partial class EventRecorder(
    KubernetesConnection connection, OperatorSettings settings, TimeProvider time, ILogger<EventRecorder> logger)
{
    // The API server's bounds (validation of events.k8s.io/v1).
    private const int MostNoteBytes = 1024;

    private const int DigestLength = 16;

    /// <summary>Objects whose lines are remembered.</summary>
    private const int MostRemembered = 4096;

    private readonly ResourceClient<Event> _events = new(connection, Kinds.Events);
    private readonly Channel<Line> _waiting = Channel.CreateBounded<Line>(
        new BoundedChannelOptions(1024) { FullMode = BoundedChannelFullMode.DropWrite, SingleReader = true });

    private readonly Dictionary<string, HashSet<string>> _told = [];
    private readonly Queue<string> _toldOrder = new();
    private long _lastTicks;

    /// <summary>Tells a line of an object's story.</summary>
    /// <param name="o">The object.</param>
    /// <param name="story">The line.</param>
    /// <param name="isNew">Nothing can have been told of it before this process saw it.</param>
    public void Tell(IKubernetesObject<V1ObjectMeta> o, Story story, bool isNew)
    {
        var meta = o.Metadata;
        // Events of cluster-scoped objects live in the namespace default.
        var ns = string.IsNullOrEmpty(meta.NamespaceProperty) ? "default" : meta.NamespaceProperty;
        var note = Cut(story.Message);
        var now = time.GetUtcNow();
        var digest = Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes($"{meta.Uid}\n{story.Reason}\n{note}")).AsSpan(0, DigestLength / 2));
        var line = new Event
        {
            Metadata = new() { Name = $"{Shortened(meta.Name)}.{Next(now):x16}{digest}", NamespaceProperty = ns },
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
        };
        _waiting.Writer.TryWrite(new(line, digest, isNew));
    }

    /// <summary>Writes what waits until the token is cancelled.</summary>
    public async Task RunAsync(CancellationToken cancellationToken)
    {
        await foreach (var (line, digest, isNew) in _waiting.Reader.ReadAllAsync(cancellationToken))
        {
            try
            {
                if (!(await ToldAsync(line, isNew, cancellationToken)).Add(digest)) continue;
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

    /// <summary>The digests of what was told of an object; of one that is older than this process the API server is asked once.</summary>
    private async Task<HashSet<string>> ToldAsync(Event line, bool isNew, CancellationToken cancellationToken)
    {
        var uid = line.Regarding!.Uid!;
        if (_told.TryGetValue(uid, out var told)) return told;
        told = [];
        try
        {
            var there = isNew ? [] : (await _events.ListAsync(line.Metadata.NamespaceProperty, fieldSelector: $"regarding.uid={uid}", cancellationToken: cancellationToken)).Items;
            told.UnionWith(there.Where(e => e.Metadata.Name.Length > DigestLength).Select(e => e.Metadata.Name[^DigestLength..]));
        }
        catch (KubernetesApiException e)
        {
            // Rather twice than not at all.
            LogNotRead(line.Regarding.Name, e.Message);
        }

        _told[uid] = told;
        _toldOrder.Enqueue(uid);
        if (_toldOrder.Count > MostRemembered) _told.Remove(_toldOrder.Dequeue());
        return told;
    }

    /// <summary>The time as a number that no two lines share, later ones having the higher one.</summary>
    private long Next(DateTimeOffset now)
    {
        while (true)
        {
            var last = Volatile.Read(ref _lastTicks);
            var next = Math.Max(now.UtcTicks, last + 1);
            if (Interlocked.CompareExchange(ref _lastTicks, next, last) == last) return next;
        }
    }

    private static string Shortened(string name) => name.Length > 200 ? name[..200].TrimEnd('-', '.') : name;

    private static string Cut(string text)
    {
        if (Encoding.UTF8.GetByteCount(text) <= MostNoteBytes) return text;
        var length = Math.Min(text.Length, MostNoteBytes - 3);
        while (Encoding.UTF8.GetByteCount(text.AsSpan(0, length)) > MostNoteBytes - 3) length--;
        if (char.IsHighSurrogate(text[length - 1])) length--;
        return string.Concat(text.AsSpan(0, length), "…");
    }

    [LoggerMessage(Level = LogLevel.Debug, Message = "the Events of {name} could not be read: {error}")]
    private partial void LogNotRead(string? name, string error);

    private readonly record struct Line(Event Event, string Digest, bool IsNew);

    [LoggerMessage(Level = LogLevel.Warning, Message = "Event {reason} of {name} could not be written: {error}")]
    private partial void LogDropped(string? name, string? reason, string error);
}
