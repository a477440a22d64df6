using System.Net;
using System.Net.Sockets;
using Quiesce.Cluster;
using Quiesce.Operator.Hosting;
using Quiesce.Telemetry;

namespace Quiesce.Operator.Tests.Hosting;

/// <summary>The program.</summary>
public sealed class OperatorCommandTests
{
    [Fact]
    public void Without_arguments_it_has_its_defaults()
    {
        var options = OperatorCommand.Parse([]);
        Assert.Equal(
            ("quiesce-system", "quiesce-agents", false, TimeSpan.FromMinutes(10), null, IPAddress.Loopback),
            (options.Namespace, options.AgentNamespace, options.LeaderElect, options.MaxDeadline, options.HttpPort, options.HttpAddress));
        Assert.NotEqual(options.Identity, OperatorCommand.Parse([]).Identity);
    }

    [Fact]
    public void Every_option_is_read()
    {
        var options = OperatorCommand.Parse(
        [
            "--kubeconfig", "/k", "--context", "c", "--namespace", "n", "--agent-namespace", "a", "--leader-elect", "--identity", "me",
            "--max-deadline", "90s", "--max-requests-per-namespace", "7", "--http-port", "8081", "--http-address", "0.0.0.0", "--log-format", "json", "--verbose",
        ]);
        Assert.Equal(("/k", "c", "n", "a", true, "me"), (options.Kubeconfig, options.Context, options.Namespace, options.AgentNamespace, options.LeaderElect, options.Identity));
        Assert.Equal(7, options.MaxRequestsPerNamespace);
        Assert.Equal(LogFormat.Json, options.LogFormat);
        Assert.Equal((TimeSpan.FromSeconds(90), 8081, IPAddress.Any, true), (options.MaxDeadline, options.HttpPort, options.HttpAddress, options.Verbose));
    }

    [Theory]
    [InlineData("1s", 1)]
    [InlineData("10m", 600)]
    [InlineData("1h", 3600)]
    public void Durations_are_read(string text, int seconds) => Assert.Equal(TimeSpan.FromSeconds(seconds), OperatorCommand.Parse(["--max-deadline", text]).MaxDeadline);

    [Theory]
    [InlineData("--max-deadline", "10", "10")]
    [InlineData("--max-deadline", "0s", "0s")]
    [InlineData("--max-requests-per-namespace", "0", "0")]
    [InlineData("--max-requests-per-namespace", "many", "many")]
    [InlineData("--max-deadline", "61m", "61m")]
    [InlineData("--max-deadline", "m", "m")]
    [InlineData("--max-deadline", "-5m", "-5m")]
    [InlineData("--http-address", "here", "here")]
    [InlineData("--http-port", "many", "many")]
    [InlineData("--log-format", "xml", "xml")]
    [InlineData("--no-such-option", "x", "--no-such-option")]
    public void What_is_wrong_is_named(string option, string value, string named) =>
        Assert.Contains(named, Assert.Throws<ArgumentException>(() => OperatorCommand.Parse([option, value])).Message, StringComparison.Ordinal);

    [Fact]
    public async Task A_wrong_command_line_exits_with_2() => Assert.Equal(2, await OperatorCommand.RunAsync(["--max-deadline", "never"]));

    [Fact]
    public async Task A_missing_kubeconfig_exits_with_1() =>
        Assert.Equal(1, await OperatorCommand.ServeAsync(new() { Kubeconfig = "/no/such/file" }, CancellationToken.None));

    [Fact]
    public async Task Told_to_end_it_exits_with_0()
    {
        using var kubeconfig = new TemporaryFile();
        await using var server = await LocalCluster.StartAsync();
        server.WriteKubeconfig(kubeconfig.Path);
        using var end = new CancellationTokenSource();
        var serve = OperatorCommand.ServeAsync(new() { Kubeconfig = kubeconfig.Path, LeaderElect = true }, end.Token);
        await Eventually.TrueAsync(() => server.Requests.Requests.Any(r => r.Verb == "watch"), "a watch");
        await end.CancelAsync();
        Assert.Equal(0, await serve.Soon());
    }

    [Fact]
    public async Task A_part_that_fails_ends_it_with_1()
    {
        using var kubeconfig = new TemporaryFile();
        await using var server = await LocalCluster.StartAsync();
        server.WriteKubeconfig(kubeconfig.Path);
        using var taken = new TcpListener(IPAddress.Loopback, 0);
        taken.Start();
        var port = ((IPEndPoint)taken.LocalEndpoint).Port;
        Assert.Equal(1, await OperatorCommand.ServeAsync(new() { Kubeconfig = kubeconfig.Path, HttpPort = port }, CancellationToken.None).Soon());
    }

    private sealed class TemporaryFile : IDisposable
    {
        public string Path { get; } = System.IO.Path.GetTempFileName();

        public void Dispose() => File.Delete(Path);
    }
}
