namespace Quiesce.Cluster.Operations;

/// <summary>The finalizers through which a deletion's propagation policy works.</summary>
internal static class Finalizers
{
    public const string Foreground = "foregroundDeletion";
    public const string Orphan = "orphan";
}
