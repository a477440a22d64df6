using System.Collections.Concurrent;
using System.Net;
using System.Text.Json;
using System.Text.Json.Nodes;
using k8s;
using Microsoft.Extensions.Logging.Abstractions;
using Quiesce.Agent.Serving;
using Quiesce.Crds;
using Quiesce.Crds.Client;

namespace Quiesce.Agent.Tests;

/// <summary>Reports that are kept back until something has happened.</summary>
public sealed class StatusWriterTests
{
    private static readonly NodeFreezeStatus Prepared = new() { Phase = NodeFreezePhase.Prepared };

    [Fact]
    public async Task A_report_that_is_kept_back_is_written_when_that_has_happened_and_not_before()
    {
        using var server = new Server();
        var (writer, after) = (server.Writer(), new TaskCompletionSource());
        writer.Write(Prepared, after.Task);
        await Task.Delay(200);
        Assert.Empty(server.Phases);
        after.SetResult();
        Assert.Equal("Prepared", await server.NextAsync());
        await writer.FinishAsync(TimeSpan.FromSeconds(10));
        Assert.True(writer.Written);
    }

    [Fact]
    public async Task It_is_written_too_where_that_happens_while_it_is_handed_over()
    {
        using var server = new Server();
        for (var i = 0; i < 1_000; i++)
        {
            var (writer, after) = (server.Writer(), new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously));
            using var both = new Barrier(2);
            var happens = Task.Run(() =>
            {
                both.SignalAndWait();
                Thread.SpinWait(i % 100);
                after.SetResult();
            });
            both.SignalAndWait();
            writer.Write(Prepared, after.Task);
            await happens;
            Assert.Equal("Prepared", await server.NextAsync());
            await writer.FinishAsync(TimeSpan.FromSeconds(10));
        }
    }

    [Fact]
    public async Task Something_newer_takes_its_place_and_it_is_never_written()
    {
        using var server = new Server();
        var (writer, after) = (server.Writer(), new TaskCompletionSource());
        writer.Write(Prepared, after.Task);
        await Task.Delay(200);
        writer.Write(new() { Phase = NodeFreezePhase.Failed });
        Assert.Equal("Failed", await server.NextAsync());
        after.SetResult();
        await writer.FinishAsync(TimeSpan.FromSeconds(10));
        Assert.True(writer.Written);
        Assert.Empty(server.Phases);
    }

    [Fact]
    public async Task The_same_with_another_number_does_not_wait_anew()
    {
        using var server = new Server();
        var (writer, after) = (server.Writer(), new TaskCompletionSource());
        writer.Write(Prepared, after.Task);
        writer.Write(Prepared with { DeadlineSeconds = 7 }, new TaskCompletionSource().Task);
        await Task.Delay(200);
        Assert.Empty(server.Phases);
        after.SetResult();
        Assert.Equal("Prepared", await server.NextAsync());
        await writer.FinishAsync(TimeSpan.FromSeconds(10));
        Assert.True(writer.Written);
        Assert.Empty(server.Phases);
    }

    /// <summary>Takes every patch, and says what phase it had.</summary>
    private sealed class Server : IDisposable
    {
        private readonly SemaphoreSlim came = new(0);
        private readonly KubernetesConnection connection;

        internal Server() => connection = KubernetesConnection.Create(new KubernetesClientConfiguration { Host = "http://127.0.0.1:1" }, null, "a test", new Answers(this));

        internal ConcurrentQueue<string> Phases { get; } = [];

        private static NodeFreeze Plan => new()
        {
            Metadata = new() { Name = "node-1-0", NamespaceProperty = InternalNames.DefaultNamespace, Uid = "1", ResourceVersion = "1" },
            Spec = new() { NodeName = "node-1", Request = new() { Namespace = "shop", Name = "nightly", Uid = "2" } },
        };

        internal StatusWriter Writer() => new(Plan, new(connection, Kinds.NodeFreezes), TimeProvider.System, NullLogger.Instance);

        internal async Task<string> NextAsync()
        {
            Assert.True(await came.WaitAsync(TimeSpan.FromSeconds(10)), "nothing was written");
            return Phases.TryDequeue(out var phase) ? phase : "";
        }

        public void Dispose()
        {
            connection.Dispose();
            came.Dispose();
        }

        private sealed class Answers(Server server) : DelegatingHandler
        {
            protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
            {
                server.Phases.Enqueue((string)JsonNode.Parse(await request.Content!.ReadAsStringAsync(cancellationToken))!["status"]!["phase"]!);
                _ = server.came.Release();
                return new(HttpStatusCode.OK) { Content = new StringContent(JsonSerializer.Serialize(Plan, CrdsJson.Default.NodeFreeze)) };
            }
        }
    }
}
