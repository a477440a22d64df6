using System.Globalization;
using System.Text;
using Quiesce.Freezing.Holders;
using Quiesce.Freezing.Kernel;
using Quiesce.Freezing.Mounts;
using Tmds.Linux;
using static Tmds.Linux.LibC;

namespace Quiesce.Holder;

/// <summary>
/// Whether this process is beyond the reach of what ends or pauses its agent's container: <c>cgroup.kill</c>, <c>memory.oom.group</c>, the freezer,
/// and the end of the container's PID namespace.
/// </summary>
/// <param name="Message">Why it is not, and what to do; null where it is.</param>
internal sealed record Protection(string? Message)
{
    private const int CLONE_NEWCGROUP = 0x02000000;

    internal bool IsProtected => Message is null;

    /// <summary>Leaves every cgroup of the container for the root of its hierarchy; makes none, so that none is left behind.</summary>
    /// <remarks>
    /// The move waits for a grace period of RCU, some tens of milliseconds, and so belongs into Prepare. Only the calling thread enters another
    /// cgroup namespace: to write to a cgroup outside the container's own (with <c>nsdelegate</c> the kernel looks at the namespace of whoever opened
    /// <c>cgroup.procs</c>, kernel/cgroup/cgroup.c, cgroup_procs_write_permission) and to read true paths.
    /// </remarks>
    internal static Protection Leave()
    {
        LowerOomScore();
        if (NamespaceFile.Self("pid") is not NamespaceFile.InitialPid)
            return new("the holder is in a PID namespace that ends with its container, and would end with it; run the agent's pod with hostPID: true (a node that is a container itself, as kind's are, ends like one: for trials alone)");
        if (NamespaceFile.Self("cgroup") is not (NamespaceFile.InitialCgroup or 0) && !EnterHostsCgroupNamespace())
            return new("the container has a cgroup namespace of its own, and that of the host cannot be entered; run the agent's container privileged");
        if (ReadMounts() is not { } table || Stay() is not { } before) return new("its cgroups cannot be read; check that /proc is mounted");
        var refused = before.Select(membership => Move(membership, table)).FirstOrDefault(why => why is not null);
        if (Stay() is not [var left, ..]) return new((string?)null);
        return new($"the holder is in the cgroup {left.Path} of the container ({(left.Controllers.Length == 0 ? "version 2" : left.Controllers)}) and cannot leave it: "
            + $"{refused ?? "the kernel put it back"}; run the agent's container privileged, with the host's / mounted");
    }

    // Paging or an emptied container must not pick this process; needs CAP_SYS_RESOURCE, and without it things are as for any other.
    private static unsafe void LowerOomScore()
    {
        fixed (byte* path = "/proc/self/oom_score_adj\0"u8)
        fixed (byte* lowest = "-1000"u8)
        {
            var fd = open(path, O_WRONLY | O_CLOEXEC);
            if (fd < 0) return;
            _ = write(fd, lowest, 5);
            _ = close(fd);
        }
    }

    // By the host's first process, or where it may not be looked at by the kernel's own first thread.
    private static unsafe bool EnterHostsCgroupNamespace()
    {
        foreach (var process in (int[])[1, 2])
        {
            int fd;
            fixed (byte* p = Path(string.Create(CultureInfo.InvariantCulture, $"/proc/{process}/ns/cgroup")))
                fd = open(p, O_RDONLY | O_CLOEXEC);
            if (fd < 0) continue;
            stat stat;
            var entered = fstat(fd, &stat) == 0 && (long)(ulong)stat.st_ino == NamespaceFile.InitialCgroup && setns(fd, CLONE_NEWCGROUP) == 0;
            _ = close(fd);
            if (entered) return true;
        }
        return false;
    }

    // The hierarchies in which this process is not at the root; null where that cannot be read.
    private static IReadOnlyList<CgroupMembership>? Stay()
    {
        try
        {
            return [.. CgroupMembership.Parse(File.ReadAllText("/proc/thread-self/cgroup")).Where(m => !m.IsRoot)];
        }
        catch (IOException)
        {
            return null;
        }
    }

    // Read by this thread: the roots of cgroup mounts are told as its own cgroup namespace sees them.
    private static MountTable? ReadMounts()
    {
        try
        {
            return MountTable.Parse(File.ReadAllText("/proc/thread-self/mountinfo"));
        }
        catch (IOException)
        {
            return null;
        }
    }

    // Why it failed, or null. "0" stands for the writer, and cgroup.procs moves all of its threads.
    private static unsafe string? Move(CgroupMembership membership, MountTable table)
    {
        var why = "the root of that hierarchy is mounted nowhere the agent can see";
        fixed (byte* self = "0"u8)
        {
            foreach (var mount in membership.RootMounts(table))
            {
                int fd;
                fixed (byte* p = Path($"{mount.MountPoint}/cgroup.procs"))
                    fd = open(p, O_WRONLY | O_CLOEXEC);
                var moved = fd >= 0 && (long)write(fd, self, 1) == 1;
                var error = (Errno)errno;
                if (fd >= 0) _ = close(fd);
                if (moved) return null;
                why = $"writing to {mount.MountPoint}/cgroup.procs failed with {error.Describe()}";
            }
        }
        return why;
    }

    private static byte[] Path(string path) => Encoding.UTF8.GetBytes(path + '\0');
}
