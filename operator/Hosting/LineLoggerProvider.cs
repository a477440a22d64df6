using Microsoft.Extensions.Logging;

namespace Quiesce.Operator.Hosting;

/// <summary>The log as lines, each with time, level and category, in the form of the console logger's single lines.</summary>
internal sealed class LineLoggerProvider(LogOutput output, TimeProvider time) : ILoggerProvider
{
    /// <inheritdoc/>
    public ILogger CreateLogger(string categoryName) => new LineLogger(categoryName, output, time);

    /// <inheritdoc/>
    public void Dispose() => output.Dispose();

    private sealed class LineLogger(string category, LogOutput output, TimeProvider time) : ILogger
    {
        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => logLevel != LogLevel.None;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
        {
            var text = exception is null ? formatter(state, exception) : $"{formatter(state, exception)} {exception}";
            output.WriteLine($"{LogOutput.Prefix(time.GetUtcNow(), Short(logLevel))}{category}[{eventId.Id}] {text.ReplaceLineEndings(" ")}");
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
