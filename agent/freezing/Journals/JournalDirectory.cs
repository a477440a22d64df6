using Quiesce.Freezing.Kernel;
using Quiesce.Freezing.Planning;
using Quiesce.Freezing.Reports;
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

    /// <summary>
    /// Finds or makes the folder; null, and why, where there is no tmpfs for it, or where what is in its place is not ours: with a window's journal in one
    /// folder, another one must not be taken for the only one without a word. A mode that somebody changed is put right.
    /// </summary>
    /// <param name="hostRoot">Where this process sees the host's root.</param>
    /// <param name="why">The sentence for people.</param>
    public static string? Open(string hostRoot, out string why)
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
            var made = Errno.None;
            fixed (byte* p = Native.Path(folder))
                if (mkdir(p, 0x1C0) != 0) made = Native.LastErrno; // 0700
            if (Look(folder, out var fault, out _)) return folder;
            if (fault is null)
            {
                why = $"{folder} cannot be made or opened: {made.Describe()}";
                continue; // there is none, and none can be made: as on a full or read-only tmpfs
            }
            why = fault;
            return null;
        }
        return null;
    }

    /// <summary>The journals there are: in each folder that is ours, since the one that is found first may have come later than a window in the other.</summary>
    /// <param name="hostRoot">Where this process sees the host's root.</param>
    /// <param name="why">Where there may be more of them: why not all could be found; else null.</param>
    public static IReadOnlyList<string> All(string hostRoot, out string? why)
    {
        why = null;
        var files = new List<string>();
        foreach (var folder in Folders(hostRoot))
        {
            if (!Look(folder, out var fault, out var foreign))
            {
                if (!foreign) why ??= fault;
                continue;
            }
            try
            {
                files.AddRange(List(folder));
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                why ??= $"{folder} cannot be read: {e.Message}";
            }
        }
        return files;
    }

    /// <summary>Whether a window has a journal in any of them. It opens nothing, so that a process out of descriptors is told the truth as well.</summary>
    /// <param name="hostRoot">Where this process sees the host's root.</param>
    /// <param name="windowId">The window.</param>
    public static bool Has(string hostRoot, string windowId) => Find(hostRoot, windowId) is not null;

    /// <summary>
    /// Where a window's journal lies, whichever folder it was made in and whoever that was given to since; null where there is none. What others made in a
    /// folder of theirs is none.
    /// </summary>
    /// <param name="hostRoot">Where this process sees the host's root.</param>
    /// <param name="windowId">The window.</param>
    public static string? Find(string hostRoot, string windowId) => Folders(hostRoot)
        .Where(folder => OwnerOf($"{folder}/{windowId}.journal") is { } owner && (owner == geteuid() || OwnerOf(folder) == geteuid()))
        .Select(folder => $"{folder}/{windowId}.journal").FirstOrDefault();

    private static uint? OwnerOf(string path)
    {
        stat stat;
        fixed (byte* p = Native.Path(path))
            return lstat(p, &stat) == 0 ? stat.st_uid : null;
    }

    private static IEnumerable<string> Folders(string hostRoot) => Candidates.Select(candidate => $"{hostRoot.TrimEnd('/')}{candidate}/quiesce");

    // Whether a folder can be used; not, and no fault, where there is none. /dev/shm is open to everybody: one that someone else made there is not ours to
    // trust. One of this user's whose mode was changed is: nobody else's file in it is taken for a journal, and from the new mode on nobody else comes in.
    private static bool Look(string folder, out string? fault, out bool foreign)
    {
        (fault, foreign) = (null, true);
        int fd;
        fixed (byte* p = Native.Path(folder))
            fd = open(p, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (fd < 0)
        {
            var error = Native.LastErrno;
            // A file or a link in its place, or a mount of somebody's who lets nobody else in: on a tmpfs root is let in everywhere.
            foreign = error is Errno.NotDirectory or Errno.TooManyLinks or Errno.AccessDenied;
            if (error != Errno.NoEntry) fault = $"{folder} cannot be made or opened: {error.Describe()}";
            return false;
        }
        stat stat;
        if (fstat(fd, &stat) != 0 || !Native.IsTmpfs(fd)) fault = $"{folder} exists but is not on a tmpfs; unmount what lies there";
        else if (stat.st_uid != geteuid())
            fault = $"{folder} belongs to another user ({stat.st_uid}), so nothing in it can be trusted; run 'chown {geteuid()} {folder}' if it was made by Quiesce, else remove it";
        else if (((int)stat.st_mode & 0x3F) != 0 && fchmod(fd, 0x1C0) != 0)
            (fault, foreign) = ($"{folder} is open to others, and its mode cannot be changed: {Native.LastErrno.Describe()}; run 'chmod 0700 {folder}'", false);
        _ = close(fd);
        return fault is null;
    }

    /// <summary>
    /// Makes a window's journal, unless another window of this node has a claim on what it needs: its journal is its claim, from before the
    /// freeze to after the thaw. One claim is made at a time, so that of two windows one always sees the other.
    /// </summary>
    /// <param name="hostRoot">Where this process sees the host's root.</param>
    /// <param name="directory">From <see cref="Open"/>.</param>
    /// <param name="windowId">A name that no other window has.</param>
    /// <param name="plan">What it is to hold.</param>
    /// <param name="agent">The process it is to be held for.</param>
    /// <param name="journal">The journal, or null.</param>
    /// <returns>Why there is none; null when there is.</returns>
    public static Refusal? Claim(string hostRoot, string directory, string windowId, FreezePlan plan, ProcessIdentity agent, out Journal? journal)
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
            var files = All(hostRoot, out var why);
            if (why is not null) return new Refusal(FreezeReason.JournalUnavailable, $"what other windows hold cannot be told: {why}");
            foreach (var file in files)
            {
                var other = Journal.Peek(file);
                if (other.Fault is { } fault) return new Refusal(FreezeReason.JournalUnavailable, UnreadableJournal.Message(file, fault));
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
        if (Find(hostRoot, windowId) is not { } file || Journal.Open(file, out var journal) != Errno.None) return;
        if (journal!.IsOurs && journal.Content.Fault is null && !journal.Content.Records.Any(r => r.MayBeFrozen)) journal.Remove();
        journal.Dispose();
    }

    // Of a window that was given up, what is not done yet is a call that does not return: waiting for its end may take as long as its device does.
    private static Refusal HeldBy(JournalContent other, string window, JournalRecord record, PlannedFilesystem filesystem)
    {
        var what = filesystem.Superblock == record.Superblock ? "it is" : $"{record.Path}, which backs it, lies on it or cannot be told not to, is";
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
