namespace Quiesce.Cli.Snapshots;

/// <summary>Something that copies what a window holds, as of one moment within it.</summary>
internal interface ICut
{
    /// <summary>What is created, for a person.</summary>
    string What { get; }

    /// <summary>Asks for it.</summary>
    Task CreateAsync(CancellationToken cancellationToken);

    /// <summary>Waits until the moment is past, and prints what was made. The rest of the work needs no window.</summary>
    /// <exception cref="CliException">It will not come.</exception>
    Task TakenAsync(CancellationToken cancellationToken);

    /// <summary>Takes back what was created, since nobody knows whether it was cut within the window. What cannot be taken back is said, with what removes it; nothing is thrown.</summary>
    Task DiscardAsync(CancellationToken cancellationToken);
}
