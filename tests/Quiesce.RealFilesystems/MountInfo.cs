namespace Quiesce.RealFilesystems;

/// <summary>The kernel's mount table, for looking whether a test left something.</summary>
internal static class MountInfo
{
    /// <summary>The fields of each line. Lines end with a line feed alone: a test's mount may have a carriage return in its name.</summary>
    internal static IEnumerable<string[]> Read() => File.ReadAllText("/proc/self/mountinfo").Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => line.Split(' '));
}
