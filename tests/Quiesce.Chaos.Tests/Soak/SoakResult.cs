using System.Globalization;

namespace Quiesce.Chaos.Tests.Soak;

/// <summary>An agent early and late in a soak.</summary>
/// <param name="Cycles">Freezes and thaws in all.</param>
/// <param name="Elapsed">How long they took.</param>
/// <param name="Early">Medians of the first third of the samples, those of the warm-up left out.</param>
/// <param name="Late">Medians of the last third.</param>
internal sealed record SoakResult(int Cycles, TimeSpan Elapsed, Sample Early, Sample Late)
{
    /// <summary>
    /// What memory may have more late than early. The collector gives and takes a heap's pages in steps of some hundred kilobytes, and each arena of the C library that another
    /// thread happens to use is some more; a leak of a few hundred bytes in each of ten thousand cycles would be more than this.
    /// </summary>
    internal const long MemoryBound = 2 << 20;

    /// <summary>What descriptors and threads may have more: a connection and a thread of a pool, which come and go with the load.</summary>
    internal const int CountBound = 3;

    /// <summary>What grew beyond its bound, a sentence each.</summary>
    internal IReadOnlyList<string> Growth =>
    [
        .. Late.Bytes > Early.Bytes + MemoryBound ? [Line($"memory grew from {Mib(Early.Bytes)} to {Mib(Late.Bytes)}")] : (string[])[],
        .. Late.Descriptors > Early.Descriptors + CountBound ? [Line($"descriptors grew from {Early.Descriptors} to {Late.Descriptors}")] : (string[])[],
        .. Late.Threads > Early.Threads + CountBound ? [Line($"threads grew from {Early.Threads} to {Late.Threads}")] : (string[])[],
    ];

    public override string ToString() => Line(
        $"{Cycles} cycles in {Elapsed.TotalSeconds:0} s; agent after about {Early.Cycles} and {Late.Cycles}: resident {Mib(Early.ResidentBytes)} and {Mib(Late.ResidentBytes)}, of it anonymous {Mib(Early.Bytes)} and {Mib(Late.Bytes)}, descriptors {Early.Descriptors} and {Late.Descriptors}, threads {Early.Threads} and {Late.Threads}");

    private static string Mib(long bytes) => Line($"{bytes / 1048576.0:0.0} MiB");

    private static string Line(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
