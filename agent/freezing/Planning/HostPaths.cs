namespace Quiesce.Freezing.Planning;

/// <summary>Translation between the host's paths and those of a process that sees the host below a folder.</summary>
public static class HostPaths
{
    /// <summary>Longest path accepted, in characters, as in the API.</summary>
    public const int MaximumLength = 1024;

    /// <summary>The host's path of a mount point seen by this process; null when it is not below the host root.</summary>
    public static string? ToHost(string hostRoot, string mountPoint)
    {
        var root = hostRoot.TrimEnd('/');
        if (root.Length == 0) return mountPoint;
        if (mountPoint == root) return "/";
        return mountPoint.StartsWith(root, StringComparison.Ordinal) && mountPoint[root.Length] == '/' ? mountPoint[root.Length..] : null;
    }

    /// <summary>Why a path cannot be a target, or null: it must be absolute, without <c>..</c> and not too long.</summary>
    public static string? Fault(string path)
    {
        if (path.Length == 0 || path[0] != '/') return "it is not absolute";
        if (path.Length > MaximumLength) return $"it is longer than {MaximumLength} characters";
        if (path.Contains('\0', StringComparison.Ordinal)) return "it contains a NUL character";
        return path.Split('/').Contains("..") ? "it contains '..'" : null;
    }
}
