using Microsoft.Extensions.Logging;
using Quiesce.Telemetry;

namespace Quiesce.Operator.Hosting;

/// <summary>The log as lines, each with time, level, category and the trace it belongs to, in the form of the console logger's single lines or of JSON.</summary>
internal sealed class LineLoggerProvider(LogOutput output, TimeProvider time, LogFormat format = LogFormat.Text) : ILoggerProvider
{
    /// <inheritdoc/>
    public ILogger CreateLogger(string categoryName) => new LineLogger(categoryName, output, time, format);

    /// <inheritdoc/>
    public void Dispose() => output.Dispose();

    private sealed class LineLogger(string category, LogOutput output, TimeProvider time, LogFormat format) : ILogger
    {
        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => logLevel != LogLevel.None;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
        {
            if (format == LogFormat.Json)
            {
                output.WriteLine(JsonLine.Of(time.GetUtcNow(), logLevel, category, formatter(state, null), exception, state));
                return;
            }

            var text = exception is null ? formatter(state, exception) : $"{formatter(state, exception)} {exception}";
            output.WriteLine($"{LogOutput.Prefix(time.GetUtcNow(), Short(logLevel))}{category}[{eventId.Id}] {text.ReplaceLineEndings(" ")}{JsonLine.TraceSuffix()}");
        }

        private static string Short(LogLevel level) => level switch
        {
            LogLevel.Trace => "trce",
            LogLevel.Debug => "dbug",
            LogLevel.Information => "info",
            LogLevel.Warning => "warn",
            LogLevel.Error => "fail",
            _ => "crit",
        };
    }
}
