using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;
using Quiesce.ApiServers;
using Quiesce.Crds.Client;

namespace Quiesce.Operator.Tests.Client;

/// <summary>Commands in containers, through an API server to a kubelet that speaks the protocol.</summary>
public sealed class PodExecTests : IAsyncLifetime
{
    private TestCluster _cluster = null!;
    private FakeKubelet _kubelet = null!;

    public async ValueTask InitializeAsync()
    {
        _cluster = await TestCluster.StartAsync();
        await _cluster.AddNodeAsync("node-1");
        await ServeAsync();
        await _cluster.ApplyAsync(new()
        {
            ["apiVersion"] = "v1",
            ["kind"] = "Pod",
            ["metadata"] = new JsonObject { ["name"] = "exec-db", ["namespace"] = "shop" },
            ["spec"] = new JsonObject { ["nodeName"] = "node-1", ["containers"] = new JsonArray(new JsonObject { ["name"] = "main", ["image"] = "example.com/db" }) },
        });
        await _cluster.StatusAsync("/api/v1/namespaces/shop/pods/exec-db", new() { ["phase"] = "Running" });
    }

    public async ValueTask DisposeAsync()
    {
        await _cluster.RemovePodAsync("shop", "exec-db");
        await _kubelet.DisposeAsync();
        await _cluster.DisposeAsync();
    }

    [Theory]
    [InlineData("v5.channel.k8s.io")]
    [InlineData("v4.channel.k8s.io")]
    public async Task A_command_runs_with_its_arguments_and_its_output_and_exit_code_come_back(string protocol)
    {
        await _kubelet.DisposeAsync();
        await ServeAsync(protocol);
        _kubelet.Script = async call =>
        {
            await call.WriteAsync("one ");
            await call.WriteErrorAsync("two ");
            await call.WriteAsync("three");
            return 7;
        };
        var begun = false;
        var end = await RunAsync(["/bin/sh", "-c", "echo 'a & b' \"ä\" \n; exit 7"], begun: () => begun = true);
        Assert.Equal((7, null), (end.ExitCode, end.Error));
        Assert.Equal("one two three", end.Output);
        Assert.True(begun);
        var call = Assert.Single(_kubelet.Calls);
        Assert.Equal(("shop", "exec-db", "main"), (call.Namespace, call.Pod, call.Container));
        Assert.Equal(["/bin/sh", "-c", "echo 'a & b' \"ä\" \n; exit 7"], call.Command);
        Assert.Equal(protocol, Assert.Single(_kubelet.Protocols));
        _kubelet.Script = _ => Task.FromResult(0);
        Assert.Equal(new(0, null, ""), await RunAsync(["true"]));
    }

    [Fact]
    public async Task Of_much_output_the_end_is_kept()
    {
        _kubelet.Script = async call =>
        {
            for (var i = 0; i < 100; i++) await call.WriteAsync(new string('x', 20_000));
            await call.WriteAsync("the end");
            return 0;
        };
        var end = await RunAsync(["yes"], outputLength: 10);
        Assert.Equal("xxxthe end", end.Output);
    }

    [Fact]
    public async Task Output_that_is_cut_off_or_would_move_a_terminals_cursor_is_text_all_the_same()
    {
        var euro = Encoding.UTF8.GetBytes("€");
        _kubelet.Script = async call =>
        {
            for (var i = 0; i < 20; i++) await call.WriteAsync("€€€€€");
            // One character in two messages, and what is for a terminal.
            await call.SendAsync(1, euro[..1]);
            await call.SendAsync(1, euro[1..]);
            await call.WriteAsync("\u001b[2J\r\n\t😀");
            return 0;
        };
        Assert.Equal("€€\uFFFD[2J\uFFFD\n\t😀", (await RunAsync(["cat"], outputLength: 11)).Output);
        Assert.Equal("\n\t😀", (await RunAsync(["cat"], outputLength: 4)).Output);
        // Half of a character is none.
        Assert.Equal("", (await RunAsync(["cat"], outputLength: 1)).Output);
    }

    [Fact]
    public async Task A_command_that_could_not_be_run_says_why()
    {
        _kubelet.Script = call => call.RefuseAsync("error executing command in container: no such file or directory");
        var end = await RunAsync(["/nothing"]);
        Assert.Equal((null, "error executing command in container: no such file or directory"), (end.ExitCode, end.Error));
    }

    [Fact]
    public async Task A_connection_that_is_lost_before_the_end_is_no_end()
    {
        var begun = new TaskCompletionSource();
        _kubelet.Script = async call =>
        {
            // One that is cut while it is still being opened is refused.
            await begun.Task;
            call.Cut();
            return 0;
        };
        var e = await Assert.ThrowsAsync<KubernetesApiException>(() => RunAsync(["sleep"], begun: () => begun.TrySetResult()));
        Assert.Null(e.Status);
    }

    [Fact]
    public async Task What_the_api_server_refuses_is_refused_before_anything_is_sent()
    {
        Assert.Equal(HttpStatusCode.NotFound, (await Assert.ThrowsAsync<KubernetesApiException>(() => RunAsync(["true"], pod: "nobody", begun: () => Assert.Fail()))).Status);
        Assert.Equal(HttpStatusCode.BadRequest, (await Assert.ThrowsAsync<KubernetesApiException>(() => RunAsync(["true"], container: "other", begun: () => Assert.Fail()))).Status);
        await _kubelet.DisposeAsync();
        Assert.True((await Assert.ThrowsAsync<KubernetesApiException>(() => RunAsync(["true"], begun: () => Assert.Fail()))).IsTransient);
    }

    [Fact]
    public async Task A_command_is_known_to_run_by_its_first_output_which_is_told_also_of_one_that_is_given_up()
    {
        var (first, more) = (new TaskCompletionSource<Func<string>>(), new TaskCompletionSource());
        _kubelet.Script = async call =>
        {
            // What a server sends that has asked nobody yet.
            await call.WriteAsync("");
            await more.Task;
            await call.WriteAsync("one");
            await Task.Delay(Timeout.Infinite, call.Gone);
            return 0;
        };
        using var stop = new CancellationTokenSource();
        var run = RunAsync(["sleep"], heard: output => Assert.True(first.TrySetResult(output)), cancellationToken: stop.Token);
        await Task.Delay(300);
        Assert.False(first.Task.IsCompleted);
        more.SetResult();
        var output = await first.Task.WaitAsync(TimeSpan.FromSeconds(20));
        await stop.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => run.WaitAsync(TimeSpan.FromSeconds(20)));
        Assert.Equal("one", output());
    }

    [Fact]
    public async Task A_kubelet_that_never_answers_does_not_hold_up_who_gave_up()
    {
        _kubelet.Script = async call =>
        {
            await Task.Delay(Timeout.Infinite, call.Gone);
            return 0;
        };
        using var soon = new CancellationTokenSource(TimeSpan.FromMilliseconds(300));
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => RunAsync(["sleep"], cancellationToken: soon.Token).WaitAsync(TimeSpan.FromSeconds(20)));
    }

    [Fact]
    public async Task A_connection_whose_other_end_dies_without_a_word_is_lost_and_was_not_called_off()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        var server = Task.Run(async () =>
        {
            // Takes the WebSocket, and reads nothing any more.
            var client = await listener.AcceptTcpClientAsync();
            using var reader = new StreamReader(client.GetStream(), leaveOpen: true);
            var key = "";
            while (await reader.ReadLineAsync() is { Length: > 0 } line)
                if (line.StartsWith("Sec-WebSocket-Key:", StringComparison.OrdinalIgnoreCase)) key = line.Split(':')[1].Trim();
#pragma warning disable CA5350 // RFC 6455 asks for it, and nothing is kept secret by it.
            var accept = Convert.ToBase64String(SHA1.HashData(Encoding.ASCII.GetBytes(key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11")));
#pragma warning restore CA5350
            await client.GetStream().WriteAsync(Encoding.ASCII.GetBytes(
                $"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: {accept}\r\nSec-WebSocket-Protocol: v5.channel.k8s.io\r\n\r\n"));
            return client;
        });
        using var connection = KubernetesConnection.Create(
            new() { Host = $"http://127.0.0.1:{((IPEndPoint)listener.LocalEndpoint).Port}" },
            new ConnectionOptions { KeepAliveDelay = TimeSpan.FromSeconds(1), KeepAliveTimeout = TimeSpan.FromSeconds(1) });
        var begun = false;
        var lost = await Assert.ThrowsAsync<KubernetesApiException>(() =>
            new PodExec(connection).RunAsync("shop", "exec-db", "main", ["sync"], 100, () => begun = true, null, CancellationToken.None).WaitAsync(TimeSpan.FromSeconds(20)));
        Assert.True(begun);
        Assert.Null(lost.Status);
        (await server).Dispose();
    }

    private Task<ExecResult> RunAsync(
        IReadOnlyList<string> command, string pod = "exec-db", string container = "main", int outputLength = 100, Action? begun = null, Action<Func<string>>? heard = null, CancellationToken cancellationToken = default) =>
        new PodExec(_cluster.Connection).RunAsync("shop", pod, container, command, outputLength, begun, heard, cancellationToken);

    private async Task ServeAsync(params string[] protocols)
    {
        _kubelet = await FakeKubelet.StartAsync(protocols);
        await _cluster.ServeKubeletAsync(_kubelet, "node-1");
    }
}
