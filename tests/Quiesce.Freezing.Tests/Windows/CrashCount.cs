namespace Quiesce.Freezing.Tests.Windows;

/// <summary>How many deaths were tried.</summary>
/// <param name="Holders">Deaths of a holder, each with what its calls in the kernel may have come to.</param>
/// <param name="Recoveries">Deaths of a recovery between two of its steps, for each record of each of those holders.</param>
/// <param name="InTheGap">In how many another program's freeze was released, because it came between a call and its record.</param>
internal readonly record struct CrashCount(long Holders, long Recoveries, long InTheGap)
{
    public static CrashCount operator +(CrashCount a, CrashCount b) => new(a.Holders + b.Holders, a.Recoveries + b.Recoveries, a.InTheGap + b.InTheGap);
}
