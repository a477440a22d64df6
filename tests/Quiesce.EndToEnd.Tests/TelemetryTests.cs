using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;
using System.Text.Json;
using Quiesce.Crds;
using Quiesce.EndToEnd.Tests.Running;
using Quiesce.RealFilesystems;

namespace Quiesce.EndToEnd.Tests;

/// <summary>An agent that is looked at: it answers while filesystems are frozen, and whoever looks never delays a thaw.</summary>
public sealed class TelemetryTests(Installation installation)
{
    private const string Endpoint = "OTEL_EXPORTER_OTLP_ENDPOINT";

    /// <summary>
    /// What the runtime's garbage collector reads to know how much memory there is: of the kernel's own filesystems, which nobody freezes. The last is of a descriptor
    /// that is open, and no name is looked up for it.
    /// </summary>
    private static readonly string[] OfTheCollector = ["\"/proc/meminfo\"", "\"/proc/self/statm\"", "\"/sys/fs/cgroup/", ", \"\","];

    private static readonly ProgramStart Watched = new() { Arguments = Scrape.Arguments };

    [Fact]
    public async Task Metrics_and_probes_answer_while_a_filesystem_is_frozen_and_say_so()
    {
        await installation.RequireAsync();
        await using var ext4 = await RealFilesystem.CreateAsync(FilesystemKind.Ext4);
        using var guard = ext4.Guard(TimeSpan.FromSeconds(90));
        await using var writer = await StandingWriter.StartAsync(ext4);
        await using var node = await installation.NodeAsync(Watched);
        using var scrape = await Scrape.OfAsync(node.Agent);
        await Eventually.GetAsync(async () => (await scrape.ProbeAsync("/readyz")).Code == 200 ? "ready" : null, () => "the agent ready");
        Assert.Equal(double.PositiveInfinity, Scrape.Sum(await scrape.MetricsAsync(), "quiesce_deadline_remaining_seconds"));
        var request = await Request.OfAsync(installation, 20, Request.HostPath(node.Name, ext4.MountPoint));
        await request.PhaseAsync(FreezePhase.Frozen);
        await writer.StandsStillAsync();
        for (var i = 0; i < 5; i++)
        {
            var during = await scrape.MetricsAsync();
            Assert.Equal(1, Scrape.Sum(during, "quiesce_filesystems_frozen"));
            Assert.InRange(Scrape.Sum(during, "quiesce_deadline_remaining_seconds"), 0, 20);
            Assert.Equal((200, "ok"), await scrape.ProbeAsync("/healthz"));
            Assert.Equal((200, "ok"), await scrape.ProbeAsync("/readyz"));
            await Task.Delay(400); // past the time for which an answer is kept
        }
        Assert.True(writer.StandsStill);
        await request.ThawAsync();
        await request.EndsAsAsync(FreezePhase.Thawed, Reasons.ThawRequested);
        var after = "";
        await Eventually.GetAsync(async () => Scrape.Sum(after = await scrape.MetricsAsync(), "quiesce_freezes_total", "outcome=\"Thawed\"") == 1 ? "counted" : null, () => $"the window counted\n{after}");
        Assert.Equal(0, Scrape.Sum(after, "quiesce_filesystems_frozen"));
        Assert.Equal(1, Scrape.Sum(after, "quiesce_thaws_total", "cause=\"Request\""));
        foreach (var histogram in (string[])["quiesce_filesystem_flush_duration_seconds", "quiesce_filesystem_freeze_duration_seconds", "quiesce_filesystem_hold_duration_seconds", "quiesce_filesystem_thaw_duration_seconds"])
            Assert.Equal(1, Scrape.Sum(after, $"{histogram}_count", "system_filesystem_type=\"ext4\""));
        Assert.Equal(1, Scrape.Sum(after, "quiesce_window_stall_duration_seconds_count"));
        // Milliseconds, and not lost in a first bucket of seconds.
        Assert.Equal(1, Scrape.Sum(after, "quiesce_window_stall_duration_seconds_bucket", "le=\"5\""));
        Assert.Contains("le=\"0.0005\"", after, StringComparison.Ordinal);
        await request.GoesAwayAsync();
    }

    [Fact]
    public async Task While_a_filesystem_is_frozen_a_watched_agent_touches_no_file()
    {
        await installation.RequireAsync();
        using var collector = new DeadCollector();
        await using var ext4 = await RealFilesystem.CreateAsync(FilesystemKind.Ext4);
        using var guard = ext4.Guard(TimeSpan.FromSeconds(90));
        // A small nursery: the garbage collector runs while it is traced, and not only when it happens to.
        var environment = Collected(collector.At);
        environment["DOTNET_GCgen0size"] = "80000"; // hexadecimal
        await using var node = await installation.NodeAsync(Watched with { Environment = environment });
        using var scrape = await Scrape.OfAsync(node.Agent);
        await scrape.MetricsAsync();
        var request = await Request.OfAsync(installation, 30, Request.HostPath(node.Name, ext4.MountPoint));
        await request.PhaseAsync(FreezePhase.Frozen);
        // Longer than the SDK's own interval for looking whether somebody wants a log of itself.
        var calls = installation.NewFile("calls");
        var tracing = Command.TryAsync("timeout", "--signal=INT", "14", "strace", "-f", "-e", "trace=%file", "-o", calls, "-p", $"{node.Agent.Id}");
        await Eventually.TrueAsync(() => !File.ReadLines($"/proc/{node.Agent.Id}/status").Contains("TracerPid:\t0"), "it is traced");
        for (var i = 0; i < 12; i++)
        {
            await scrape.MetricsAsync();
            Assert.Equal(200, (await scrape.ProbeAsync("/readyz")).Code);
            await Task.Delay(1000);
        }
        await tracing;
        Assert.DoesNotContain(
            await File.ReadAllLinesAsync(calls), line => line.Contains('(', StringComparison.Ordinal) && !OfTheCollector.Any(path => line.Contains(path, StringComparison.Ordinal)));
        await request.ThawAsync();
        await request.EndsAsAsync(FreezePhase.Thawed, Reasons.ThawRequested);
        await request.GoesAwayAsync();
    }

    [Fact]
    public async Task The_deadline_is_kept_though_the_collector_never_answers_and_scrapers_hardly_read()
    {
        await installation.RequireAsync();
        using var collector = new DeadCollector();
        await DeadlineIsKeptAsync(collector.At, () => Assert.True(collector.WasMet));
    }

    [Fact]
    public async Task The_deadline_is_kept_though_the_collector_cannot_be_reached_and_scrapers_hardly_read()
    {
        await installation.RequireAsync();
        await DeadlineIsKeptAsync(new("http://127.0.0.1:1"), () => { });
    }

    [Fact]
    public async Task A_scraper_is_answered_and_a_thaw_obeyed_beside_others_that_hardly_read()
    {
        await installation.RequireAsync();
        await using var ext4 = await RealFilesystem.CreateAsync(FilesystemKind.Ext4);
        using var guard = ext4.Guard(TimeSpan.FromSeconds(90));
        await using var writer = await StandingWriter.StartAsync(ext4);
        await using var node = await installation.NodeAsync(Watched);
        using var scrape = await Scrape.OfAsync(node.Agent);
        using var enough = new CancellationTokenSource();
        // Fewer than there is room for.
        var slow = Enumerable.Range(0, 20).Select(_ => ReadSlowlyAsync(scrape.At, enough.Token)).ToArray();
        var request = await Request.OfAsync(installation, 60, Request.HostPath(node.Name, ext4.MountPoint));
        await request.PhaseAsync(FreezePhase.Frozen);
        await writer.StandsStillAsync();
        for (var i = 0; i < 5; i++)
        {
            Assert.NotEmpty(await scrape.MetricsAsync().WaitAsync(TimeSpan.FromSeconds(10)));
            Assert.Equal(200, (await scrape.ProbeAsync("/healthz").WaitAsync(TimeSpan.FromSeconds(10))).Code);
            await Task.Delay(500);
        }

        await request.ThawAsync();
        await writer.GoesOnAsync(TimeSpan.FromSeconds(5));
        await enough.CancelAsync();
        await Task.WhenAll(slow);
        await request.EndsAsAsync(FreezePhase.Thawed, Reasons.ThawRequested);
        await request.GoesAwayAsync();
    }

    [Fact]
    public async Task A_thaw_is_obeyed_at_once_though_the_collector_never_answers()
    {
        await installation.RequireAsync();
        using var collector = new DeadCollector();
        await using var ext4 = await RealFilesystem.CreateAsync(FilesystemKind.Ext4);
        using var guard = ext4.Guard(TimeSpan.FromSeconds(90));
        await using var writer = await StandingWriter.StartAsync(ext4);
        await using var node = await installation.NodeAsync(Watched with { Environment = Collected(collector.At) });
        var request = await Request.OfAsync(installation, 60, Request.HostPath(node.Name, ext4.MountPoint));
        await request.PhaseAsync(FreezePhase.Frozen);
        await writer.StandsStillAsync();
        await Eventually.TrueAsync(() => collector.WasMet, "metrics sent");
        await request.ThawAsync();
        await writer.GoesOnAsync(TimeSpan.FromSeconds(3));
        await request.EndsAsAsync(FreezePhase.Thawed, Reasons.ThawRequested);
        await request.GoesAwayAsync();
    }

    [Fact]
    public async Task An_agent_that_is_told_to_stop_thaws_at_once_and_ends_though_the_collector_never_answers()
    {
        await installation.RequireAsync();
        using var collector = new DeadCollector();
        await using var ext4 = await RealFilesystem.CreateAsync(FilesystemKind.Ext4);
        using var guard = ext4.Guard(TimeSpan.FromSeconds(90));
        await using var writer = await StandingWriter.StartAsync(ext4);
        await using var node = await installation.NodeAsync(Watched with { Environment = Collected(collector.At) });
        var request = await Request.OfAsync(installation, 60, Request.HostPath(node.Name, ext4.MountPoint));
        await request.PhaseAsync(FreezePhase.Frozen);
        await writer.StandsStillAsync();
        await node.StopAgentAsync(); // fails when that takes 15 s
        await writer.GoesOnAsync(TimeSpan.FromSeconds(1));
        await request.EndsAsAsync(FreezePhase.Broken, Reasons.AgentStopped);
        await request.GoesAwayAsync();
    }

    [Fact]
    public async Task An_agent_that_is_cut_off_is_alive_but_not_ready_and_ready_again_afterwards()
    {
        await installation.RequireAsync();
        await using var node = await installation.NodeAsync(Watched, ownWay: true);
        using var scrape = await Scrape.OfAsync(node.Agent);
        await Eventually.GetAsync(async () => (await scrape.ProbeAsync("/readyz")).Code == 200 ? "ready" : null, () => "the agent ready");
        node.Way.Refuse();
        await Eventually.GetAsync(async () => (await scrape.ProbeAsync("/readyz")) is (503, var why) && why.Contains("watch:", StringComparison.Ordinal) ? "not ready" : null, () => "the agent not ready");
        Assert.Equal((200, "ok"), await scrape.ProbeAsync("/healthz"));
        node.Way.Pass();
        await Eventually.GetAsync(async () => (await scrape.ProbeAsync("/readyz")).Code == 200 ? "ready" : null, () => "the agent ready again");
    }

    [Fact]
    public async Task An_agent_whose_port_is_taken_serves_its_node_all_the_same()
    {
        await installation.RequireAsync();
        using var taken = new TcpListener(IPAddress.Loopback, 0);
        taken.Start();
        await using var ext4 = await RealFilesystem.CreateAsync(FilesystemKind.Ext4);
        using var guard = ext4.Guard(TimeSpan.FromSeconds(90));
        await using var node = await installation.NodeAsync(new ProgramStart { Arguments = ["--http-port", $"{((IPEndPoint)taken.LocalEndpoint).Port}"] });
        await node.Agent.SaysAsync("the node is served all the same");
        var request = await Request.OfAsync(installation, 20, Request.HostPath(node.Name, ext4.MountPoint));
        await request.PhaseAsync(FreezePhase.Frozen);
        await request.ThawAsync();
        await request.EndsAsAsync(FreezePhase.Thawed, Reasons.ThawRequested);
        await request.GoesAwayAsync();
    }

    [Fact]
    public async Task The_log_as_json_has_one_object_in_each_line_and_the_trace_that_the_plan_carries()
    {
        await installation.RequireAsync();
        await using var ext4 = await RealFilesystem.CreateAsync(FilesystemKind.Ext4);
        using var guard = ext4.Guard(TimeSpan.FromSeconds(90));
        await using var node = await installation.NodeAsync(new ProgramStart { Arguments = ["--log-format", "json"] });
        var request = await Request.OfAsync(installation, 20, Request.HostPath(node.Name, ext4.MountPoint));
        await request.PhaseAsync(FreezePhase.Frozen);
        var traceParent = (await request.NodeFreezeAsync(node.Name))!.Metadata.Annotations[QuiesceApi.TraceParentAnnotation];
        await request.ThawAsync();
        await request.EndsAsAsync(FreezePhase.Thawed, Reasons.ThawRequested);
        await node.Agent.SaysAsync("Thawed");
        var lines = node.Agent.Said.Split('\n').Select(line => JsonDocument.Parse(line).RootElement).ToList();
        var thawed = lines.Single(l => l.GetProperty("message").GetString()!.Contains(": Thawed", StringComparison.Ordinal));
        Assert.Equal(traceParent.Split('-')[1], thawed.GetProperty("trace_id").GetString());
        Assert.Equal("Thawed", thawed.GetProperty("attributes").GetProperty("Phase").GetString());
        Assert.False(lines[0].TryGetProperty("trace_id", out _));
        await request.GoesAwayAsync();
    }

    [Fact]
    public async Task An_idle_agent_that_is_scraped_every_15_s_costs_next_to_nothing()
    {
        await installation.RequireAsync();
        await using var node = await installation.NodeAsync(Watched);
        using var scrape = await Scrape.OfAsync(node.Agent);
        await Eventually.GetAsync(async () => (await scrape.ProbeAsync("/readyz")).Code == 200 ? "ready" : null, () => "the agent ready");
        await scrape.MetricsAsync(); // the first one makes what the others need
        var (age, before) = (Stopwatch.StartNew(), ProcessorTime(node.Agent.Id));
        for (var i = 0; i < 4; i++)
        {
            await Task.Delay(TimeSpan.FromSeconds(15));
            await scrape.MetricsAsync();
        }
        var share = (ProcessorTime(node.Agent.Id) - before) / age.Elapsed;
        var resident = Resident(node.Agent.Id);
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"[figure] idle agent with telemetry: {resident / 1048576.0:0.0} MB resident, {share * 100:0.000} % of a core"));
        Assert.InRange(resident, 0, 50 * 1024 * 1024);
        Assert.InRange(share, 0, 0.002);
    }

    /// <summary>On a processor so far, with the threads that have ended: the sum over <c>/proc/PID/task</c> goes down when the pool lets one go.</summary>
    private static TimeSpan ProcessorTime(int process)
    {
        using var of = Process.GetProcessById(process);
        return of.TotalProcessorTime;
    }

    private static long Resident(int process) => 1024 * long.Parse(
        File.ReadLines($"/proc/{process}/status").First(line => line.StartsWith("VmRSS:", StringComparison.Ordinal)).Split(' ', StringSplitOptions.RemoveEmptyEntries)[1], CultureInfo.InvariantCulture);

    private async Task DeadlineIsKeptAsync(Uri collector, Action afterwards)
    {
        await using var ext4 = await RealFilesystem.CreateAsync(FilesystemKind.Ext4);
        using var guard = ext4.Guard(TimeSpan.FromSeconds(90));
        await using var writer = await StandingWriter.StartAsync(ext4);
        await using var node = await installation.NodeAsync(Watched with { Environment = Collected(collector) });
        using var scrape = await Scrape.OfAsync(node.Agent);
        using var enough = new CancellationTokenSource();
        var slow = Enumerable.Range(0, 40).Select(_ => ReadSlowlyAsync(scrape.At, enough.Token)).ToArray();
        var request = await Request.OfAsync(installation, 4, Request.HostPath(node.Name, ext4.MountPoint));
        await request.EndsAsAsync(FreezePhase.Expired, Reasons.DeadlineExceeded);
        await writer.FrozenOnceAsync(longestSeconds: 4 + 1, shortestSeconds: 3);
        afterwards();
        await enough.CancelAsync();
        await Task.WhenAll(slow);
        // And it is still there for the others.
        var last = "";
        await Eventually.GetAsync(
            async () =>
            {
                try
                {
                    var metrics = await scrape.MetricsAsync();
                    last = string.Join('\n', metrics.Split('\n').Where(m => m.StartsWith("quiesce_thaws_total", StringComparison.Ordinal)));
                    return Scrape.Sum(metrics, "quiesce_thaws_total", "cause=\"Deadline\"") == 1 ? "scraped" : null;
                }
                catch (Exception e) when (e is HttpRequestException or TaskCanceledException)
                {
                    last = e.Message;
                    return null;
                }
            },
            () => $"metrics after the slow scrapers: {last}\n{node.AgentSaid}");
        await request.GoesAwayAsync();
    }

    private static Dictionary<string, string> Collected(Uri collector) =>
        new() { [Endpoint] = collector.ToString(), ["OTEL_METRIC_EXPORT_INTERVAL"] = "200", ["OTEL_BSP_SCHEDULE_DELAY"] = "200" };

    /// <summary>Asks for the metrics again and again, and reads one byte a second.</summary>
    private static async Task ReadSlowlyAsync(Uri at, CancellationToken stop)
    {
        try
        {
            while (!stop.IsCancellationRequested)
            {
                using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { ReceiveBufferSize = 1 };
                await socket.ConnectAsync(IPEndPoint.Parse(at.Authority), stop);
                await socket.SendAsync(Encoding.ASCII.GetBytes(string.Concat(Enumerable.Repeat($"GET /metrics HTTP/1.1\r\nHost: {at.Authority}\r\n\r\n", 50))), stop);
                var one = new byte[1];
                while (await socket.ReceiveAsync(one, stop) > 0) await Task.Delay(1000, stop);
            }
        }
        catch (Exception e) when (e is OperationCanceledException or SocketException)
        {
            // It has been hung up on, or the test is over.
        }
    }
}
