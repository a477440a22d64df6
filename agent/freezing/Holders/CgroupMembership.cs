using Quiesce.Freezing.Mounts;

namespace Quiesce.Freezing.Holders;

/// <summary>Where a process is in one cgroup hierarchy: a line of <c>/proc/PID/cgroup</c>, cgroups(7).</summary>
/// <param name="Controllers">The controllers of a version 1 hierarchy, or <c>name=NAME</c>; empty for version 2.</param>
/// <param name="Path">The cgroup, seen from the reader's cgroup namespace.</param>
public sealed record CgroupMembership(string Controllers, string Path)
{
    /// <summary>In the hierarchy's root, which no container is: nothing that is done to a container's cgroup reaches it.</summary>
    public bool IsRoot => Path == "/";

    /// <summary>Reads <c>/proc/PID/cgroup</c>; what is not of the documented form is left out.</summary>
    public static IReadOnlyList<CgroupMembership> Parse(string text)
    {
        var memberships = new List<CgroupMembership>();
        foreach (var line in text.Split('\n'))
        {
            // hierarchy:controllers:path, and a path may itself contain colons
            var fields = line.Split(':', 3);
            if (fields.Length == 3) memberships.Add(new CgroupMembership(fields[1], fields[2]));
        }
        return memberships;
    }

    /// <summary>The mounts that show this hierarchy from its root, as seen from the reader's cgroup namespace.</summary>
    public IEnumerable<Mount> RootMounts(MountTable table) => table.Mounts.Where(m => m.Root == "/" && IsOf(m));

    private bool IsOf(Mount mount)
    {
        if (Controllers.Length == 0) return mount.Type == "cgroup2";
        if (mount.Type != "cgroup") return false;
        var options = mount.SuperOptions.Split(',');
        return Controllers.Split(',').All(options.Contains);
    }
}
