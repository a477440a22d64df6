using Quiesce.Freezing.Journals;
using Quiesce.Freezing.Kernel;

namespace Quiesce.Agent.Tests.Running;

/// <summary>The journals that lie around.</summary>
internal static class Journals
{
    /// <summary>Those nobody holds the lock of: their holder is gone. Others belong to a test run beside this one.</summary>
    internal static IReadOnlyList<string> Unlocked(IEnumerable<string> folders)
    {
        var left = new List<string>();
        foreach (var file in folders.SelectMany(JournalDirectory.List))
        {
            if (Journal.Open(file, out var journal) != Errno.None) continue;
            journal!.Dispose();
            left.Add(file);
        }
        return left;
    }
}
