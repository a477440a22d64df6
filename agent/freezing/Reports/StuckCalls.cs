namespace Quiesce.Freezing.Reports;

/// <summary>What is said of a call that does not return, wherever it is met.</summary>
public static class StuckCalls
{
    /// <summary>Of a freeze.</summary>
    public static string Freeze(string path) =>
        $"{path}: FIFREEZE does not return, it waits for writes in flight; it is thawed as soon as it does, check the health of its device";

    /// <summary>Of a thaw.</summary>
    public static string Thaw(string path) =>
        $"{path}: FITHAW does not return, its device does not answer; writers go on as soon as it does, check the health of its device";
}
