using System.Buffers;
using System.Text.Json;
using Microsoft.AspNetCore.Http;
using Quiesce.Cluster.Errors;
using Quiesce.Cluster.Faults;
using Quiesce.Cluster.Kinds;
using Quiesce.Cluster.Operations;
using Quiesce.Cluster.Storage;

namespace Quiesce.Cluster.Http;

/// <summary>Serves one watch: a stream of JSON lines, each <c>{"type": …, "object": …}</c>.</summary>
internal sealed class WatchStream(HttpContext http, ApiRequest request, ListOptions options, Representation representation, ObjectStore store, ServingOptions serving)
{
    private readonly ArrayBufferWriter<byte> _line = new();

    private ApiResource Resource => request.Resource!;

    public async Task ServeAsync(RunningWatch watch)
    {
        http.Response.ContentType = "application/json";
        // Version 0, or none, means: what there is now, and then what changes.
        var startsWithState = options.ResourceVersion is null or 0 || options.SendInitialEvents;
        if (store.Follow(Resource.Collection, startsWithState ? null : options.ResourceVersion) is not var (feed, initial))
        {
            await SendErrorAsync(ApiError.Expired($"too old resource version: {options.ResourceVersion} ({store.Revision})")).ConfigureAwait(false);
            return;
        }

        using (feed)
        {
            // The headers go out at once: a client waits for them before it reads.
            await http.Response.StartAsync(http.RequestAborted).ConfigureAwait(false);
            await http.Response.Body.FlushAsync(http.RequestAborted).ConfigureAwait(false);
            if (initial is not null)
                await SendInitialAsync(initial, watch).ConfigureAwait(false);
            await FollowAsync(feed, watch).ConfigureAwait(false);
        }
    }

    private async Task SendInitialAsync(Snapshot initial, RunningWatch watch)
    {
        foreach (var o in initial.Objects.Where(InScope).Select(o => ResourceOperations.Served(Resource, o)).Where(options.Matches))
            await SendAsync(watch, "ADDED", w => representation.WriteEvent(w, o)).ConfigureAwait(false);
        if (options is { SendInitialEvents: true, AllowBookmarks: true })
            await SendAsync(watch, "BOOKMARK", w => representation.WriteBookmark(w, initial.Revision, endsInitialEvents: true)).ConfigureAwait(false);
    }

    private async Task FollowAsync(ChangeFeed feed, RunningWatch watch)
    {
        using var over = CancellationTokenSource.CreateLinkedTokenSource(http.RequestAborted);
        var timeout = Task.Delay(options.Timeout ?? serving.WatchTimeout, serving.Clock, over.Token);
        var bookmark = NextBookmark(over.Token);
        try
        {
            while (true)
            {
                var changed = feed.Reader.WaitToReadAsync(over.Token).AsTask();
                var first = await Task.WhenAny(watch.Ending, timeout, changed, bookmark).ConfigureAwait(false);
                if (first == watch.Ending)
                {
                    var how = await watch.Ending.ConfigureAwait(false);
                    // What was written before is told before: of a kind that is withdrawn nobody is told again that its objects are gone.
                    while (how == WatchEnd.Orderly && feed.Reader.TryRead(out var last))
                        await SendChangeAsync(last, watch).ConfigureAwait(false);
                    await EndAsync(how).ConfigureAwait(false);
                    return;
                }

                await first.ConfigureAwait(false);
                if (first == timeout)
                {
                    if (!watch.IsSilent)
                        return;
                    timeout = Task.Delay(Timeout.InfiniteTimeSpan, over.Token); // of one that is lost not even the end is heard
                }

                if (first == bookmark)
                {
                    await SendBookmarkAsync(feed, watch).ConfigureAwait(false);
                    bookmark = NextBookmark(over.Token);
                }

                while (feed.Reader.TryRead(out var change))
                    await SendChangeAsync(change, watch).ConfigureAwait(false);
            }
        }
        finally
        {
            await over.CancelAsync().ConfigureAwait(false);
        }
    }

    private Task NextBookmark(CancellationToken token) =>
        options.AllowBookmarks ? Task.Delay(serving.BookmarkInterval, serving.Clock, token) : Task.Delay(Timeout.InfiniteTimeSpan, token);

    private async Task SendBookmarkAsync(ChangeFeed feed, RunningWatch watch)
    {
        // The revision first: whatever was written up to it is in the feed by then, so an empty feed has sent it all.
        var revision = store.Revision;
        if (!feed.Reader.TryPeek(out _))
            await SendAsync(watch, "BOOKMARK", w => representation.WriteBookmark(w, revision, endsInitialEvents: false)).ConfigureAwait(false);
    }

    private async Task SendChangeAsync(Change change, RunningWatch watch)
    {
        if (!InScope(change.Object))
            return;
        var current = ResourceOperations.Served(Resource, change.Object);
        var previous = change.Previous is null ? null : ResourceOperations.Served(Resource, change.Previous);
        var (was, isNow) = (previous is not null && options.Matches(previous), change.Kind != ChangeKind.Deleted && options.Matches(current));
        var (type, shown) = (was, isNow) switch
        {
            (false, true) => ("ADDED", current),
            (true, true) => ("MODIFIED", current),
            // What left the selection is shown as it last was in it, at the version of the change.
            (true, false) when change.Kind != ChangeKind.Deleted => ("DELETED", StoredObject.Seal(change.Object.Key, change.Revision, previous!.ToNode())),
            (true, false) => ("DELETED", current),
            _ => ("", null),
        };
        if (shown is not null)
            await SendAsync(watch, type, w => representation.WriteEvent(w, shown)).ConfigureAwait(false);
    }

    private bool InScope(StoredObject o) => request.Namespace.Length == 0 || o.Key.Namespace == request.Namespace;

    private async Task EndAsync(WatchEnd how)
    {
        if (how == WatchEnd.Cut)
            http.Abort();
        else if (how == WatchEnd.Expired)
            await SendErrorAsync(ApiError.Expired("The resourceVersion for the provided watch is too old.")).ConfigureAwait(false);
    }

    /// <summary>Sends an <c>ERROR</c> event, the only way to say anything once HTTP has said 200.</summary>
    public Task SendErrorAsync(ApiError error) => WriteLineAsync("ERROR", w => w.WriteRawValue(error.ToJson(), skipInputValidation: true));

    private Task SendAsync(RunningWatch watch, string type, Action<Utf8JsonWriter> writeObject) =>
        watch.IsSilent ? Task.CompletedTask : WriteLineAsync(type, writeObject);

    private async Task WriteLineAsync(string type, Action<Utf8JsonWriter> writeObject)
    {
        _line.Clear();
        using (var w = new Utf8JsonWriter(_line, ApiJson.WriterOptions))
        {
            w.WriteStartObject();
            w.WriteString("type", type);
            w.WritePropertyName("object");
            writeObject(w);
            w.WriteEndObject();
        }

        _line.Write("\n"u8);
        await http.Response.Body.WriteAsync(_line.WrittenMemory, http.RequestAborted).ConfigureAwait(false);
        await http.Response.Body.FlushAsync(http.RequestAborted).ConfigureAwait(false);
    }
}
