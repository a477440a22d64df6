using Quiesce.Crds;

namespace Quiesce.Cli.Snapshots;

/// <summary>The claims whose filesystems a window holds.</summary>
internal static class WindowClaims
{
    /// <summary>What to cut: the claims that were named, or all of the window.</summary>
    /// <exception cref="CliException">One is not held, or nobody can say which are.</exception>
    internal static IReadOnlyList<string> Choose(FreezeRequest request, IReadOnlyList<string> named)
    {
        var status = request.Status!;
        var held = status.Nodes.SelectMany(n => n.Filesystems).Where(f => f.State == FilesystemState.Frozen).Select(f => f.Claim).OfType<string>().Distinct().Order(StringComparer.Ordinal).ToList();
        var all = status.NodesOmitted == 0 && status.Nodes.All(n => n.FilesystemsOmitted == 0);
        if (named.Count > 0)
        {
            // Where the status is cut short, what it does not show may be held nevertheless.
            if (all && named.Except(held).ToList() is { Count: > 0 } missing)
                throw new CliException(ExitCode.Usage, $"{string.Join(", ", missing)}: not held by {request.Metadata.Name}, which holds {(held.Count == 0 ? "no claims" : string.Join(", ", held))}; freeze it too, or leave it out");
            return [.. named.Distinct()];
        }

        if (!all) throw new CliException(ExitCode.Usage, $"{request.Metadata.Name} holds more filesystems than its status has room for: name the claims with --pvc");
        if (held.Count == 0) throw new CliException(ExitCode.Usage, $"{request.Metadata.Name} holds no claims: freeze with --pvc or --pod-selector; what is frozen by --host-path has no VolumeSnapshot");
        return held;
    }
}
