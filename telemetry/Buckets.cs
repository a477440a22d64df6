using System.Diagnostics.Metrics;

namespace Quiesce.Telemetry;

/// <summary>Boundaries of histograms, in seconds. The SDK's defaults suit milliseconds.</summary>
public static class Buckets
{
    /// <summary>What a kernel call takes: a warm freeze 1 ms, a cold one 20 to 40 ms, a flush of what was dirty seconds.</summary>
    public static InstrumentAdvice<double> Calls { get; } = new() { HistogramBucketBoundaries = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60] };

    /// <summary>What a window takes, up to the longest deadline.</summary>
    public static InstrumentAdvice<double> Windows { get; } = new() { HistogramBucketBoundaries = [0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600, 1800, 3600] };
}
