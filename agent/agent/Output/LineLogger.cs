using System.Globalization;
using Microsoft.Extensions.Logging;
using Quiesce.Telemetry;

namespace Quiesce.Agent.Output;

/// <summary>Logs as lines through the <see cref="NonBlockingWriter"/>: time, level, category, message and the trace it belongs to, as text or as JSON.</summary>
internal sealed class LineLoggerProvider(NonBlockingWriter output, TimeProvider time, LogFormat format) : ILoggerProvider
{
    /// <inheritdoc/>
    public ILogger CreateLogger(string categoryName) => new LineLogger(output, time, format, categoryName[(categoryName.LastIndexOf('.') + 1)..]);

    /// <inheritdoc/>
    public void Dispose()
    {
    }

    private sealed class LineLogger(NonBlockingWriter output, TimeProvider time, LogFormat format, string category) : ILogger
    {
        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => logLevel >= LogLevel.Information;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
        {
            if (format == LogFormat.Json)
            {
                output.WriteLine(JsonLine.Of(time.GetUtcNow(), logLevel, category, formatter(state, null), exception, state));
                return;
            }
            var now = time.GetUtcNow().ToString("yyyy-MM-dd'T'HH:mm:ss.fff'Z'", CultureInfo.InvariantCulture);
            var level = logLevel switch
            {
                LogLevel.Critical => "CRIT",
                LogLevel.Error => "ERROR",
                LogLevel.Warning => "WARN",
                _ => "INFO",
            };
            output.WriteLine($"{now} {level,-5} {category}: {formatter(state, exception)}{(exception is null ? "" : $" ({exception.GetType().Name}: {exception.Message})")}{JsonLine.TraceSuffix()}");
        }
    }
}
