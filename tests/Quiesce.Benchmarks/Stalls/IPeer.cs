namespace Quiesce.Benchmarks.Stalls;

/// <summary>A way to freeze a set of filesystems and to thaw them again.</summary>
internal interface IPeer
{
    /// <summary>The column it has.</summary>
    string Name { get; }

    /// <summary>Freezes all of them; returns when whoever asked is told that they are frozen.</summary>
    Task FreezeAsync(IReadOnlyList<string> mountPoints);

    /// <summary>Thaws them; returns when whoever asked is told so.</summary>
    Task ThawAsync(IReadOnlyList<string> mountPoints);
}
