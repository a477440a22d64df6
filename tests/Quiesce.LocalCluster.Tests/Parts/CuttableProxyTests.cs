using System.Net;
using System.Net.Sockets;
using Quiesce.ApiServers;

namespace Quiesce.Cluster.Tests.Parts;

/// <summary>A network that is cut on purpose, before a server that sends everything back.</summary>
public sealed class CuttableProxyTests : IAsyncLifetime
{
    // Nothing here takes a hundredth of it; only what is broken waits this long.
    private static readonly TimeSpan Bound = TimeSpan.FromSeconds(10);

    // How long silence is listened to.
    private static readonly TimeSpan Silence = TimeSpan.FromMilliseconds(150);

    private readonly TcpListener _server = new(IPAddress.Loopback, 0);
    private CuttableProxy _proxy = null!;

    public ValueTask InitializeAsync()
    {
        _server.Start();
        _ = EchoAsync();
        _proxy = CuttableProxy.Start($"http://{_server.LocalEndpoint}");
        return ValueTask.CompletedTask;
    }

    public async ValueTask DisposeAsync()
    {
        await _proxy.DisposeAsync();
        _server.Dispose();
    }

    [Fact]
    public async Task What_is_sent_comes_through_and_back_and_the_end_as_well()
    {
        using var client = await ConnectAsync();
        Assert.Equal("hello", await AskAsync(client, "hello"));
        client.Client.Shutdown(SocketShutdown.Send);
        Assert.Equal(0, await client.Client.ReceiveAsync(new byte[1]).WaitAsync(Bound));
    }

    [Fact]
    public async Task Refused_connections_are_reset_and_new_ones_do_not_come_about_until_they_pass_again()
    {
        using var client = await ConnectAsync();
        Assert.Equal("hello", await AskAsync(client, "hello"));
        _proxy.Refuse();
        var reset = await Assert.ThrowsAsync<IOException>(() => client.GetStream().ReadAsync(new byte[1]).AsTask().WaitAsync(Bound));
        Assert.Equal(SocketError.ConnectionReset, Assert.IsType<SocketException>(reset.InnerException).SocketErrorCode);
        Assert.Equal(SocketError.ConnectionRefused, (await Assert.ThrowsAsync<SocketException>(ConnectAsync)).SocketErrorCode);
        _proxy.Pass();
        using var again = await ConnectAsync();
        Assert.Equal("again", await AskAsync(again, "again"));
    }

    [Fact]
    public async Task A_black_hole_takes_connections_and_gives_nothing_back_until_the_partition_heals()
    {
        using var before = await ConnectAsync();
        Assert.Equal("hello", await AskAsync(before, "hello"));
        _proxy.BlackHole();
        using var during = await ConnectAsync();
        var (one, two) = (AskAsync(before, "one"), AskAsync(during, "two"));
        await Task.Delay(Silence);
        Assert.False(one.IsCompleted || two.IsCompleted);
        _proxy.Pass();
        Assert.Equal(("one", "two"), (await one, await two));
    }

    [Fact]
    public async Task Stranded_connections_stay_silent_for_ever_while_new_ones_pass()
    {
        using var before = await ConnectAsync();
        Assert.Equal("hello", await AskAsync(before, "hello"));
        _proxy.Strand();
        var stranded = AskAsync(before, "nobody there?");
        using var after = await ConnectAsync();
        Assert.Equal("new", await AskAsync(after, "new"));
        await Task.Delay(Silence);
        Assert.False(stranded.IsCompleted);
        _proxy.Refuse();
        await Assert.ThrowsAnyAsync<IOException>(() => stranded);
    }

    [Fact]
    public async Task A_delay_comes_twice_to_a_question_and_its_answer()
    {
        using var client = await ConnectAsync();
        Assert.Equal("hello", await AskAsync(client, "hello"));
        _proxy.Delay(TimeSpan.FromMilliseconds(60));
        var asked = TimeProvider.System.GetTimestamp();
        Assert.Equal("slow", await AskAsync(client, "slow"));
        Assert.True(TimeProvider.System.GetElapsedTime(asked) > TimeSpan.FromMilliseconds(100)); // more than once 60; a timer may be a little early by this clock
    }

    [Fact]
    public async Task It_forgets_a_connection_that_its_client_has_left()
    {
        using (var client = await ConnectAsync()) Assert.Equal("hello", await AskAsync(client, "hello"));
        var since = TimeProvider.System.GetTimestamp();
        while (_proxy.Connections > 0)
        {
            Assert.True(TimeProvider.System.GetElapsedTime(since) < Bound, "a connection was kept");
            await Task.Delay(10);
        }
    }

    private async Task<TcpClient> ConnectAsync()
    {
        var client = new TcpClient();
        var url = new Uri(_proxy.Url);
        await client.ConnectAsync(url.Host, url.Port).WaitAsync(Bound);
        return client;
    }

    private static async Task<string> AskAsync(TcpClient client, string question)
    {
        var bytes = System.Text.Encoding.ASCII.GetBytes(question);
        await client.GetStream().WriteAsync(bytes);
        await client.GetStream().ReadExactlyAsync(bytes).AsTask().WaitAsync(Bound);
        return System.Text.Encoding.ASCII.GetString(bytes);
    }

    private async Task EchoAsync()
    {
        try
        {
            while (true)
            {
                var client = await _server.AcceptTcpClientAsync();
                _ = client.GetStream().CopyToAsync(client.GetStream()).ContinueWith(_ => client.Dispose(), TaskScheduler.Default);
            }
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            // The test is over.
        }
    }
}
