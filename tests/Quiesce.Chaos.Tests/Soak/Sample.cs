namespace Quiesce.Chaos.Tests.Soak;

/// <summary>What an idle agent has, at one moment of a soak.</summary>
/// <param name="Cycles">Freezes and thaws so far.</param>
/// <param name="Bytes">Resident memory but for the pages of files.</param>
/// <param name="ResidentBytes">All resident memory.</param>
/// <param name="Descriptors">Open descriptors.</param>
/// <param name="Threads">Threads.</param>
internal sealed record Sample(int Cycles, long Bytes, long ResidentBytes, int Descriptors, int Threads)
{
    /// <summary>The medians of some.</summary>
    internal static Sample Median(IReadOnlyList<Sample> samples)
    {
        return new Sample((int)Of(s => s.Cycles), Of(s => s.Bytes), Of(s => s.ResidentBytes), (int)Of(s => s.Descriptors), (int)Of(s => s.Threads));

        long Of(Func<Sample, long> member) => samples.Select(member).Order().ElementAt(samples.Count / 2);
    }
}
