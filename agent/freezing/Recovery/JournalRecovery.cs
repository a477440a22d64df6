using Quiesce.Freezing.Journals;
using Quiesce.Freezing.Kernel;
using Quiesce.Freezing.Mounts;
using Quiesce.Freezing.Planning;
using Quiesce.Freezing.Reports;
using Quiesce.Freezing.Windows;

namespace Quiesce.Freezing.Recovery;

/// <summary>
/// Ends what a dead holder left: one <c>FITHAW</c> for each superblock its journal says may be held, and for no other. A record written
/// before a call whose return was never noted counts as held: a filesystem that stays frozen is worse than a thaw too many.
/// </summary>
public static class JournalRecovery
{
    /// <summary>Thaws one record's filesystem through a kept descriptor, or through any mount of it. Blocks as long as the kernel does.</summary>
    /// <param name="kernel">Where the calls go.</param>
    /// <param name="hostRoot">Where this process sees the host's root.</param>
    /// <param name="record">What the journal says.</param>
    /// <param name="kept">The holder's own descriptor, if one was kept; else <see cref="Descriptor.None"/>.</param>
    /// <returns>What became of it; <see cref="FilesystemState.Failed"/> with a recovery command where nothing could be done.</returns>
    public static FilesystemReport Thaw(IKernel kernel, string hostRoot, JournalRecord record, Descriptor kept)
    {
        var report = new FilesystemReport { Path = record.Path, Device = record.Superblock.ToString() };
        var folder = kept;
        if (!folder.IsOpen)
        {
            var (found, why) = Find(kernel, hostRoot, record);
            if (why is not null)
                return report with { State = FilesystemState.Failed, Reason = FreezeReason.ThawFailed, Message = why };
            folder = found;
        }
        var started = kernel.BootTime();
        var error = kernel.Thaw(folder);
        if (!kept.IsOpen) kernel.Close(folder);
        report = report with { ThawNanoseconds = kernel.BootTime() - started };
        return error switch
        {
            Errno.None => report with { State = FilesystemState.Thawed },
            // From FREEZING or THAWING this is expected: the call had not begun, or had succeeded.
            Errno.Invalid when record.State != JournalState.Held => report with { State = FilesystemState.Thawed },
            Errno.Invalid => report with
            {
                State = FilesystemState.Failed,
                Reason = FreezeReason.ThawedByOther,
                Message = $"{record.Path}: was not frozen any more when it was to be thawed (EINVAL): someone else thawed it",
            },
            _ => report with
            {
                State = FilesystemState.Failed,
                Reason = FreezeReason.ThawFailed,
                Message = $"{record.Path}: FITHAW failed with {error.Describe()}; run 'fsfreeze --unfreeze {record.Path}' on the node and check the device's health",
            },
        };
    }

    /// <summary>The report of a window from its thawed records.</summary>
    public static WindowReport Summarize(string windowId, IReadOnlyList<JournalRecord> records, IReadOnlyList<FilesystemReport> filesystems, long now)
    {
        var wasOpen = records.Count > 0 && records.All(r => r.State is JournalState.Held or JournalState.Thawing or JournalState.Done && r.Result is Errno.None or Errno.NotSupported);
        return new WindowReport
        {
            WindowId = windowId,
            Phase = wasOpen ? WindowPhase.Broken : WindowPhase.Failed,
            Reason = filesystems.FirstOrDefault(f => f.Reason == FreezeReason.ThawFailed)?.Reason ?? FreezeReason.HolderDied,
            Message = filesystems.FirstOrDefault(f => f.Message is not null)?.Message ?? "the process that held the filesystems died; they were thawed at once",
            FrozenFilesystems = records.Count(r => r.State is JournalState.Held or JournalState.Thawing),
            ThawedFilesystems = filesystems.Count(f => f.State == FilesystemState.Thawed),
            ReleasedAt = now,
            Filesystems = filesystems,
        };
    }

    private static (Descriptor Folder, string? Why) Find(IKernel kernel, string hostRoot, JournalRecord record)
    {
        if (kernel.ReadMountTable(out var text) is var error and not Errno.None)
            return (Descriptor.None, $"{record.Path}: may still be frozen, and the mount table cannot be read: {error.Describe()}");
        foreach (var mount in MountTable.Parse(text).Of(record.Superblock))
        {
            if (HostPaths.ToHost(hostRoot, mount.MountPoint) is not { } path || kernel.OpenPath(path, out var descriptor) != Errno.None) continue;
            var same = kernel.Identify(descriptor, out var identity) == Errno.None && identity.MountId == mount.Id;
            var folder = Descriptor.None;
            same = same && kernel.OpenFolder(descriptor, out folder) == Errno.None;
            kernel.Close(descriptor);
            if (same && kernel.IdentifyFilesystem(folder, out var filesystem) == Errno.None && filesystem.IsSame(record.Identity)) return (folder, null);
            kernel.Close(folder);
        }
        return (Descriptor.None,
            $"{record.Path}: may still be frozen, but is mounted nowhere this agent can reach; mount its device ({record.Superblock}) read-write and run 'fsfreeze --unfreeze' on that mount");
    }
}
