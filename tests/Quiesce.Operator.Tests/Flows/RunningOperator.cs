using System.Collections.Concurrent;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Quiesce.Telemetry;

namespace Quiesce.Operator.Tests.Flows;

/// <summary>An operator in this process, with a connection of its own.</summary>
internal sealed class RunningOperator : IAsyncDisposable
{
    private readonly IHost _host;
    private readonly KeptLog _log;

    private RunningOperator(IHost host, KillSwitch killSwitch, KeptLog log) => (_host, Switch, _log) = (host, killSwitch, log);

    public KillSwitch Switch { get; }

    public string Said => string.Join('\n', _log.Lines);

    public bool IsReady => _host.IsReady();

    public System.Net.IPEndPoint? Health => _host.Services.GetRequiredService<Observation>().Endpoint;

    public static async Task<RunningOperator> StartAsync(TestCluster cluster, KillSwitch? killSwitch = null, Func<OperatorOptions, OperatorOptions>? options = null, TimeProvider? time = null)
    {
        killSwitch ??= new();
        var log = new KeptLog();
        var connection = cluster.Connect(new() { RequestTimeout = TimeSpan.FromSeconds(2), UserAgent = "quiesce-operator" }, killSwitch);
        var settings = new OperatorOptions { Grace = TimeSpan.FromSeconds(1), HookDial = TimeSpan.FromMilliseconds(200), HookNamespaces = ["shop"], Verbose = true };
        var host = OperatorHost.Build(options?.Invoke(settings) ?? settings, connection, time, logging: logging => logging.AddProvider(log));
        await host.StartAsync();
        return new(host, killSwitch, log);
    }

    public async ValueTask DisposeAsync()
    {
        await _host.StopAsync();
        _host.Dispose();
    }

    /// <summary>Keeps what is logged, for the message of a test that fails.</summary>
    private sealed class KeptLog : ILoggerProvider, ILogger
    {
        public ConcurrentQueue<string> Lines { get; } = new();

        public ILogger CreateLogger(string categoryName) => this;

        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => true;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter) =>
            Lines.Enqueue($"{TimeProvider.System.GetUtcNow():HH:mm:ss.fff} {logLevel} {formatter(state, exception)} {exception}");

        public void Dispose()
        {
        }
    }
}
