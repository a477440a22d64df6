using System.Globalization;
using Quiesce.RealFilesystems;

namespace Quiesce.Benchmarks.Stalls;

/// <summary>One row: how many filesystems of which kinds, and what is going on on them.</summary>
/// <param name="Kinds">What they are, by turns.</param>
/// <param name="Count">How many.</param>
/// <param name="DirtyMegabytes">What is written to each, and not flushed, right before.</param>
/// <param name="Writers">Whether an application writes all the time.</param>
internal sealed record StallCell(IReadOnlyList<FilesystemKind> Kinds, int Count, int DirtyMegabytes, bool Writers)
{
    internal string Name => string.Create(CultureInfo.InvariantCulture,
        $"{Count} {string.Join(" and ", Kinds.Take(Count)).ToLowerInvariant()}, {(Writers ? "a steady writer" : DirtyMegabytes == 0 ? "clean" : $"{DirtyMegabytes} MB dirty")}{(Count > 1 && !(DirtyMegabytes == 0 && !Writers) ? " each" : "")}");

    internal bool IsClean => DirtyMegabytes == 0 && !Writers;
}
