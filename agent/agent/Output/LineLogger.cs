using System.Globalization;
using Microsoft.Extensions.Logging;

namespace Quiesce.Agent.Output;

/// <summary>Logs as lines of text through the <see cref="NonBlockingWriter"/>: time, level, category, message.</summary>
internal sealed class LineLoggerProvider(NonBlockingWriter output, TimeProvider time) : ILoggerProvider
{
    /// <inheritdoc/>
    public ILogger CreateLogger(string categoryName) => new LineLogger(output, time, categoryName[(categoryName.LastIndexOf('.') + 1)..]);

    /// <inheritdoc/>
    public void Dispose()
    {
    }

    private sealed class LineLogger(NonBlockingWriter output, TimeProvider time, string category) : ILogger
    {
        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => logLevel >= LogLevel.Information;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
        {
            var now = time.GetUtcNow().ToString("yyyy-MM-dd'T'HH:mm:ss.fff'Z'", CultureInfo.InvariantCulture);
            var level = logLevel switch
            {
                LogLevel.Critical => "CRIT",
                LogLevel.Error => "ERROR",
                LogLevel.Warning => "WARN",
                _ => "INFO",
            };
            output.WriteLine($"{now} {level,-5} {category}: {formatter(state, exception)}{(exception is null ? "" : $" ({exception.GetType().Name}: {exception.Message})")}");
        }
    }
}
