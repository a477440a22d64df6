namespace Quiesce.Agent.Serving;

/// <summary>What an administrator allowed beyond the rule.</summary>
/// <param name="ProtectedPaths">Folders whose filesystems may be frozen though they are protected.</param>
/// <param name="UnprotectedHolder">Whether to freeze although the holder cannot leave the container's cgroups and PID namespace.</param>
internal sealed record Permissions(IReadOnlyList<string> ProtectedPaths, bool UnprotectedHolder);
