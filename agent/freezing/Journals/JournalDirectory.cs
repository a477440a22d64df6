using Quiesce.Freezing.Kernel;
using Quiesce.Freezing.Planning;
using Tmds.Linux;
using static Tmds.Linux.LibC;

namespace Quiesce.Freezing.Journals;

/// <summary>The folder of the journals: on a tmpfs, made by us, and closed to others.</summary>
/// <remarks>A journal on a disk could lie on the very filesystem it speaks of. <c>/run</c> is not a tmpfs everywhere, so the kernel is asked.</remarks>
public static unsafe class JournalDirectory
{
    // As for a window: a call that has not returned this long after the end is stuck. Nanoseconds.
    private const long StuckAfter = 1_000_000_000;

    private static readonly string[] Candidates = ["/run", "/dev/shm"];

    /// <summary>Finds or makes the folder; null, and why, where there is no tmpfs for it.</summary>
    /// <param name="hostRoot">Where this process sees the host's root.</param>
    /// <param name="why">The sentence for people.</param>
    public static string? Open(string hostRoot, out string why) => Find(hostRoot, make: true, out why);

    /// <summary>The journals there are: in each folder that is ours, since the one that is found first may have come later than a window in the other.</summary>
    /// <param name="hostRoot">Where this process sees the host's root.</param>
    public static IReadOnlyList<string> All(string hostRoot) => [.. Folders(hostRoot).Where(IsOurs).SelectMany(List)];

    /// <summary>Whether a window has a journal in any of them. It opens nothing, so that a process out of descriptors is told the truth as well.</summary>
    /// <param name="hostRoot">Where this process sees the host's root.</param>
    /// <param name="windowId">The window.</param>
    public static bool Has(string hostRoot, string windowId) => Folders(hostRoot).Any(folder => File.Exists($"{folder}/{windowId}.journal"));

    private static IEnumerable<string> Folders(string hostRoot) => Candidates.Select(candidate => $"{hostRoot.TrimEnd('/')}{candidate}/quiesce");

    private static string? Find(string hostRoot, bool make, out string why)
    {
        why = "neither /run nor /dev/shm of the host is a writable tmpfs; without one for its journal Quiesce freezes nothing, mount a tmpfs on /run";
        foreach (var candidate in Candidates)
        {
            var parent = hostRoot.TrimEnd('/') + candidate;
            int fd;
            fixed (byte* p = Native.Path(parent))
                fd = open(p, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
            if (fd < 0) continue;
            var tmpfs = Native.IsTmpfs(fd);
            _ = close(fd);
            if (!tmpfs) continue;
            var folder = $"{parent}/quiesce";
            fixed (byte* p = Native.Path(folder))
            {
                if (make) _ = mkdir(p, 0x1C0); // 0700
                fd = open(p, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
            }
            if (fd < 0)
            {
                why = $"{folder} cannot be made or opened: {Native.LastErrno.Describe()}";
                continue;
            }
            var ours = IsOurs(fd);
            _ = close(fd);
            if (ours) return folder;
            why = $"{folder} exists but is not a folder that only this user can use; remove it";
        }
        return null;
    }

    private static bool IsOurs(string folder)
    {
        int fd;
        fixed (byte* p = Native.Path(folder))
            fd = open(p, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (fd < 0) return false;
        var ours = IsOurs(fd);
        _ = close(fd);
        return ours;
    }

    // /dev/shm is open to everybody: a folder that someone else made there is not ours to trust.
    private static bool IsOurs(int fd)
    {
        stat stat;
        return fstat(fd, &stat) == 0 && stat.st_uid == geteuid() && ((int)stat.st_mode & 0x3F) == 0 && Native.IsTmpfs(fd);
    }

    /// <summary>
    /// Makes a window's journal, unless another window of this node has a claim on what it needs: its journal is its claim, from before the
    /// freeze to after the thaw. One claim is made at a time, so that of two windows one always sees the other.
    /// </summary>
    /// <param name="directory">From <see cref="Open"/>.</param>
    /// <param name="windowId">A name that no other window has.</param>
    /// <param name="plan">What it is to hold.</param>
    /// <param name="agent">The process it is to be held for.</param>
    /// <param name="journal">The journal, or null.</param>
    /// <returns>Why there is none; null when there is.</returns>
    public static Refusal? Claim(string directory, string windowId, FreezePlan plan, ProcessIdentity agent, out Journal? journal)
    {
        journal = null;
        int turn;
        fixed (byte* p = Native.Path(directory))
            turn = open(p, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        try
        {
            // Held for a few file operations on a tmpfs; the bound is for a holder that was stopped right here.
            var patience = 1000;
            while (turn >= 0 && Native.flock(turn, Native.LOCK_EX_NB) != 0 && --patience > 0) _ = poll(null, 0, 1);
            if (turn < 0 || patience == 0)
                return new Refusal(FreezeReason.JournalUnavailable, $"{directory} is locked by another holder that does not go on; find it with 'fuser {directory}'");
            foreach (var file in List(directory))
            {
                var other = Journal.Peek(file);
                if (other.BootId != Journal.CurrentBoot()) continue; // the reboot thawed it
                foreach (var record in other.Records)
                    if (record.State != JournalState.Done && plan.Concerns(record.Superblock) is { } filesystem) return HeldBy(other, Path.GetFileNameWithoutExtension(file), record, filesystem);
            }
            var error = Journal.Create(directory, windowId, plan.Filesystems, agent, out journal);
            return error == Errno.None ? null : new Refusal(FreezeReason.JournalUnavailable,
                $"the journal of this window cannot be made in {directory}: {error.Describe()}; nothing is frozen without it, make room there");
        }
        finally
        {
            if (turn >= 0) _ = close(turn);
        }
    }

    /// <summary>Removes the journal of a window that has ended, should its holder not have come to it; one that is in use, or still owes a thaw, stays.</summary>
    /// <param name="hostRoot">Where this process sees the host's root.</param>
    /// <param name="windowId">The window.</param>
    public static void Discard(string hostRoot, string windowId)
    {
        if (Find(hostRoot, make: false, out _) is not { } directory || Journal.Open($"{directory}/{windowId}.journal", out var journal) != Errno.None) return;
        if (journal!.IsOurs && !journal.Content.Records.Any(r => r.MayBeFrozen)) journal.Remove();
        journal.Dispose();
    }

    // Of a window that was given up, what is not done yet is a call that does not return: waiting for its end may take as long as its device does.
    private static Refusal HeldBy(JournalContent other, string window, JournalRecord record, PlannedFilesystem filesystem)
    {
        var what = filesystem.Superblock == record.Superblock ? "it is" : $"{record.Path}, which backs it or lies on it, is";
        var stuck = other.EndedAt is { } ended && Native.BootTimeNanoseconds() - ended >= StuckAfter;
        return record.State switch
        {
            JournalState.Freezing when stuck => new Refusal(FreezeReason.FreezeStuck,
                $"{filesystem.Path}: {what} stuck in the FIFREEZE of an earlier window, which waits for writes in flight and cannot be cancelled; it is thawed as soon as that call returns, check the device of {record.Path} and ask again then"),
            JournalState.Thawing when stuck => new Refusal(FreezeReason.ThawStuck,
                $"{filesystem.Path}: {what} stuck in the FITHAW of an earlier window, its device does not answer; check the device of {record.Path} and ask again when it does"),
            _ => new Refusal(FreezeReason.HeldByOtherRequest, $"{filesystem.Path}: {what} held by window {window} of this node; wait for its end and ask again"),
        };
    }

    /// <summary>The journals that lie in a folder.</summary>
    public static IReadOnlyList<string> List(string folder) =>
        Directory.Exists(folder) ? [.. Directory.EnumerateFiles(folder, "*.journal").Order(StringComparer.Ordinal)] : [];
}
