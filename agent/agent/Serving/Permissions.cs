using Quiesce.Freezing.Kernel;

namespace Quiesce.Agent.Serving;

/// <summary>What an administrator decided for this node.</summary>
/// <param name="ProtectedPaths">Folders whose filesystems may be frozen though they are protected.</param>
/// <param name="UnprotectedHolder">Whether to freeze although the holder cannot leave the container's cgroups and PID namespace.</param>
/// <param name="ExpediteRcu">Whether the grace periods of RCU are expedited while it freezes.</param>
internal sealed record Permissions(IReadOnlyList<string> ProtectedPaths, bool UnprotectedHolder, ExpediteRcu ExpediteRcu);
