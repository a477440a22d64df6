using System.Globalization;

namespace Quiesce.Benchmarks.Results;

/// <summary>What one column of one row was measured to be, round by round.</summary>
internal sealed class Series
{
    private readonly List<double> samples = [];

    internal IReadOnlyList<double> Samples => samples;

    internal void Add(double value) => samples.Add(value);

    /// <summary>The middle one; of two the mean. NaN where nothing was measured.</summary>
    internal double Median
    {
        get
        {
            if (samples.Count == 0) return double.NaN;
            var sorted = samples.Order().ToList();
            return (sorted[(sorted.Count - 1) / 2] + sorted[sorted.Count / 2]) / 2;
        }
    }

    /// <summary>The median and, behind it, the least and the most.</summary>
    public override string ToString() =>
        samples.Count == 0 ? "-"
        : samples.Count == 1 ? Number(samples[0])
        : $"{Number(Median)} ({Number(samples.Min())}–{Number(samples.Max())})";

    internal static string Number(double value) => value switch
    {
        double.NaN => "-",
        >= 100 => value.ToString("0", CultureInfo.InvariantCulture),
        >= 10 => value.ToString("0.0", CultureInfo.InvariantCulture),
        >= 0.1 or 0 => value.ToString("0.00", CultureInfo.InvariantCulture),
        _ => value.ToString("0.0000", CultureInfo.InvariantCulture),
    };
}
