using System.Globalization;
using System.Text;
using Microsoft.Extensions.Logging;
using Quiesce.Telemetry;

namespace Quiesce.Operator.Hosting;

/// <summary>
/// Lines to an output that may be full, slow, closed, or on the very filesystem that is frozen: they wait in bounded memory and a thread of its own
/// writes them. A line that does not fit is dropped and counted; nobody who logs ever waits.
/// </summary>
/// <remarks>
/// The console logger of Microsoft.Extensions.Logging blocks when its queue is full; told to drop instead, it still writes on the caller's thread for
/// good once a single write has failed (ConsoleLoggerProcessor.EnqueueMessage after CompleteAdding).
/// </remarks>
internal sealed class LogOutput : IDisposable
{
    /// <summary>Bytes of lines that wait: some thousand lines, and no more memory than that however long the output takes nothing.</summary>
    public const int DefaultCapacity = 256 * 1024;

    /// <summary>How long the end of the program waits for the output.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(1);

    private readonly object _gate = new();
    private readonly Queue<byte[]> _lines = new();
    private readonly Stream _stream;
    private readonly TimeProvider _time;
    private readonly int _capacity;
    private readonly LogFormat _format;
    private long _bytes;
    private long _dropped;
    private long _told;
    private bool _writing;
    private bool _failed;

    /// <param name="stream">Where to; written by one thread only.</param>
    /// <param name="time">For the line that says how many were dropped.</param>
    /// <param name="capacity">Bytes that wait.</param>
    /// <param name="format">The form of that line.</param>
    public LogOutput(Stream stream, TimeProvider time, int capacity = DefaultCapacity, LogFormat format = LogFormat.Text)
    {
        (_stream, _time, _capacity, _format) = (stream, time, capacity, format);
        new Thread(WriteAll) { IsBackground = true, Name = "log output" }.Start();
    }

    /// <summary>Lines dropped so far.</summary>
    public long Dropped
    {
        get
        {
            lock (_gate) return _dropped;
        }
    }

    /// <summary>Adds a line; never waits.</summary>
    public void WriteLine(string line)
    {
        var bytes = Encoding.UTF8.GetBytes(line + "\n");
        lock (_gate)
        {
            if (_bytes + bytes.Length > _capacity)
            {
                _dropped++;
                return;
            }

            _bytes += bytes.Length;
            _lines.Enqueue(bytes);
            Monitor.PulseAll(_gate);
        }
    }

    /// <summary>The start of every line.</summary>
    public static string Prefix(DateTimeOffset now, string level) => $"{now.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss.fff'Z'", CultureInfo.InvariantCulture)} {level}: ";

    /// <summary>Waits until everything is written, but not longer than a second; what is left then is lost.</summary>
    public void Dispose()
    {
        lock (_gate)
        {
            var started = _time.GetTimestamp();
            while ((_lines.Count > 0 || _writing || IsNoticeDue) && Patience - _time.GetElapsedTime(started) is var left && left > TimeSpan.Zero) Monitor.Wait(_gate, left);
        }
    }

    /// <summary>Where the last write failed there is nobody to tell.</summary>
    private bool IsNoticeDue => _dropped > _told && !_failed;

    private void WriteAll()
    {
        while (true)
        {
            var line = Next();
            var failed = false;
            try
            {
                _stream.Write(line);
                _stream.Flush();
            }
            catch (Exception e) when (e is IOException or ObjectDisposedException or UnauthorizedAccessException)
            {
                // Closed or full for good, or for now: the next line is tried all the same.
                failed = true;
            }

            lock (_gate)
            {
                _failed = failed;
                if (failed) _dropped++;
            }
        }
    }

    private byte[] Next()
    {
        lock (_gate)
        {
            _writing = false;
            Monitor.PulseAll(_gate);
            while (_lines.Count == 0 && !IsNoticeDue) Monitor.Wait(_gate);
            _writing = true;
            if (_lines.TryDequeue(out var line))
            {
                _bytes -= line.Length;
                return line;
            }

            // Said as soon as the output takes lines again, behind all that were kept.
            var notice = $"{_dropped - _told} lines of the log were dropped, because standard output did not take them";
            var category = typeof(LogOutput).FullName!;
            _told = _dropped;
            return Encoding.UTF8.GetBytes(_format == LogFormat.Json
                ? $"{JsonLine.Of(_time.GetUtcNow(), LogLevel.Warning, category, notice)}\n"
                : $"{Prefix(_time.GetUtcNow(), "warn")}{category}[0] {notice}\n");
        }
    }
}
