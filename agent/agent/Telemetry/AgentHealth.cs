using Microsoft.Extensions.Logging;
using Quiesce.Agent.Holding;
using Quiesce.Agent.Serving;
using Quiesce.Freezing;
using Quiesce.Freezing.Holders;
using Quiesce.Freezing.Journals;
using Quiesce.Freezing.Planning;
using Quiesce.Freezing.Reports;
using Quiesce.Telemetry;

namespace Quiesce.Agent.Telemetry;

/// <summary>Whether this agent can do what it is there for.</summary>
/// <remarks>
/// It looks when nothing is frozen, and what it found then is what it answers. <b>Ready</b>: it is in step with the API server, a holder starts and leaves the container's cgroups,
/// and the journal's folder is on a tmpfs, can be written to and has no journal that cannot be understood. <b>Alive</b> is much less, because a new process ends the windows of the old one: it follows its node, be it that the API server
/// does not answer. While it holds something it counts as alive whatever happens: the holder keeps the deadline without it, and a restart would only break the window.
/// </remarks>
internal sealed class AgentHealth
{
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(30);

    // A holder that could be started, and could leave, will: it is tried again now and then, and by every window.
    private static readonly TimeSpan HolderInterval = TimeSpan.FromMinutes(10);

    private readonly string hostRoot;
    private readonly AgentIdentity identity;
    private readonly Permissions permissions;
    private readonly AgentMeter meter;
    private readonly TimeProvider time;
    private readonly ILogger log;
    private volatile bool connected;
    private volatile bool holds;
    private volatile string? journal;
    private volatile string? holder = "it has not been tried yet";
    private volatile Func<string?>? watch;

    internal AgentHealth(Health health, string hostRoot, AgentIdentity identity, Permissions permissions, AgentMeter meter, TimeProvider time, ILogger log)
    {
        (this.hostRoot, this.identity, this.permissions, this.meter, this.time, this.log) = (hostRoot, identity, permissions, meter, time, log);
        health.Live("watch", () => holds ? null : watch?.Invoke());
        health.Ready("watch", () => connected ? null : "not in step with the API server");
        health.Ready("holder", () => holder);
        health.Ready("journal", () => journal);
    }

    /// <summary>What follows the node, by what it says where it is stuck.</summary>
    internal void Follows(Func<string?> fault) => watch = fault;

    /// <summary>Whether what is known of the node is up to date.</summary>
    internal void Connected(bool isConnected) => connected = isConnected;

    /// <summary>Whether something is frozen: then nothing is looked at.</summary>
    internal void Holds(bool has) => holds = has;

    /// <summary>Looks now and then, until cancelled.</summary>
    internal async Task RunAsync(CancellationToken stop)
    {
        var tried = long.MinValue;
        using var timer = new PeriodicTimer(Interval, time);
        try
        {
            do
            {
                if (holds) continue;
                Found("journal", journal, journal = TryJournal());
                if (holder is null && tried != long.MinValue && time.GetElapsedTime(tried) < HolderInterval) continue;
                tried = time.GetTimestamp();
                Found("holder", holder, holder = await TryHolderAsync().ConfigureAwait(false));
            }
            while (await timer.WaitForNextTickAsync(stop).ConfigureAwait(false));
        }
        catch (OperationCanceledException)
        {
            // The agent is stopping.
        }
    }

    private string? TryJournal()
    {
        if (JournalDirectory.Open(hostRoot, out var why) is not { } directory) return why;
        var file = $"{directory}/{identity.Node}.health";
        try
        {
            File.WriteAllText(file, identity.Instance);
            File.Delete(file);
            var journals = JournalDirectory.All(hostRoot, out var unlisted);
            return unlisted ?? journals.Select(j => Journal.Peek(j).Fault is { } fault ? UnreadableJournal.Message(j, fault) : null).FirstOrDefault(found => found is not null);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return $"{directory} cannot be written to: {e.Message}; nothing is frozen without a journal, make room there";
        }
    }

    private async Task<string?> TryHolderAsync()
    {
        var order = new HolderOrder { Task = HolderTask.Check, WindowId = "check", Plan = new PlanOrder { HostRoot = hostRoot } };
        var report = await SingleAnswer.AskAsync(order, Interval).ConfigureAwait(false);
        // One that was killed does not say that no holder can start.
        if (report.Reason == FreezeReason.HolderDied) report = await SingleAnswer.AskAsync(order, Interval).ConfigureAwait(false);
        if (report.HolderProtected is { } isProtected) meter.Protected(isProtected);
        return report switch
        {
            { Phase: Freezing.Windows.WindowPhase.Failed } => $"{report.Reason}: {report.Message}",
            { HolderProtected: false } when !permissions.UnprotectedHolder => $"{report.HolderProtectionMessage}; or allow it with --allow-unprotected-holder",
            _ => null,
        };
    }

    private void Found(string what, string? before, string? now)
    {
        if (now == before || (now is null && before == "it has not been tried yet")) return;
        if (now is null) log.Mended(what);
        else log.Unfit(what, now);
    }
}
