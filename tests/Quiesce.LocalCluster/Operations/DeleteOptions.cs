namespace Quiesce.Cluster.Operations;

/// <summary>What a deletion asks for.</summary>
/// <param name="Uid">The object must have this UID.</param>
/// <param name="ResourceVersion">The object must be at this version.</param>
/// <param name="Propagation"><c>Background</c>, <c>Foreground</c> or <c>Orphan</c>.</param>
/// <param name="DryRun">Everything but the deletion itself.</param>
internal sealed record DeleteOptions(string? Uid = null, string? ResourceVersion = null, string? Propagation = null, bool DryRun = false)
{
    public static DeleteOptions Default { get; } = new();
}
