using Quiesce.Freezing.Kernel;
using Quiesce.Freezing.Windows;

namespace Quiesce.Freezing.Tests.Windows;

/// <summary>A case to explore: the window, and how often what else can happen may happen.</summary>
internal sealed record WorldOptions
{
    internal const long Millisecond = 1_000_000;

    /// <summary>The stage of each filesystem.</summary>
    internal required int[] Stages { get; init; }

    internal WindowOptions Window { get; init; } = new() { Deadline = 5_000 * Millisecond, FreezeTimeout = 2_000 * Millisecond, FreezeAtOnce = true };

    /// <summary>Filesystems whose FIFREEZE answers EOPNOTSUPP.</summary>
    internal int[] Unsupported { get; init; } = [];

    /// <summary>Errors a flush, freeze or thaw may answer instead of what is so, and how often in one run.</summary>
    internal Errno[] FlushErrors { get; init; } = [];

    internal Errno[] FreezeErrors { get; init; } = [];

    internal Errno[] ThawErrors { get; init; } = [];

    internal int Errors { get; init; } = 1;

    /// <summary>What may end it, besides clock and errors; one of them in a run.</summary>
    internal EndCause[] Ends { get; init; } = [EndCause.ThawRequested];

    /// <summary>How often another program freezes, thaws, or writes past the filesystem.</summary>
    internal int StrangerFreezes { get; init; }

    internal int StrangerThaws { get; init; }

    internal int Writes { get; init; }

    /// <summary>How often a flush takes long enough to be repeated.</summary>
    internal int SlowFlushes { get; init; }

    /// <summary>How often the clock's thread is late, so that calls return after a time that nobody has acted on yet.</summary>
    internal int LateClocks { get; init; }

    /// <summary>How often the deadline is raised.</summary>
    internal int Raises { get; init; }
}
