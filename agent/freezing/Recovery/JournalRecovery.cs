using Quiesce.Freezing.Journals;
using Quiesce.Freezing.Kernel;
using Quiesce.Freezing.Mounts;
using Quiesce.Freezing.Planning;
using Quiesce.Freezing.Reports;

namespace Quiesce.Freezing.Recovery;

/// <summary>
/// Ends what a dead holder left: one <c>FITHAW</c> for each superblock its journal says may be held, and for no other. A record written
/// before a call whose return was never noted counts as held: a filesystem that stays frozen is worse than a thaw too many.
/// </summary>
public static class JournalRecovery
{
    // As a window: FITHAW errors other than EINVAL are not known to be final.
    private const int MaximumAttempts = 3;

    /// <summary>Thaws one record's filesystem and notes it: the journal before, the call, the journal after. One that is not owed is left alone.</summary>
    /// <returns>As <see cref="Thaw"/>; after <see cref="FreezeReason.ThawFailed"/> the thaw is still owed.</returns>
    public static FilesystemReport End(IKernel kernel, string hostRoot, IJournal journal, int index, JournalRecord record, Descriptor kept)
    {
        if (!record.MayBeFrozen) return new FilesystemReport { Path = record.Path, Device = record.Superblock.ToString(), State = FilesystemState.Resolved };
        // Of HELD it is not forgotten that it was proven: a recovery that dies here is followed by one that reads THAWING, and thaws as well.
        journal.Set(index, JournalState.Thawing, record.Result);
        var report = Thaw(kernel, hostRoot, record, kept);
        if (report.Reason == FreezeReason.ThawFailed) journal.Set(index, record.State, record.Result);
        else journal.Set(index, JournalState.Done, Errno.None);
        return report;
    }

    /// <summary>Thaws one record's filesystem through a kept descriptor, through any mount of it, or through one made for it. Blocks as long as the kernel does.</summary>
    /// <param name="kernel">Where the calls go.</param>
    /// <param name="hostRoot">Where this process sees the host's root.</param>
    /// <param name="record">What the journal says.</param>
    /// <param name="kept">The holder's own descriptor, if one was kept; else <see cref="Descriptor.None"/>.</param>
    /// <returns>
    /// <see cref="FilesystemState.Thawed"/> when it was frozen and is not any more, <see cref="FilesystemState.Resolved"/> when it was not frozen,
    /// <see cref="FilesystemState.Failed"/> with a recovery command where nothing could be done.
    /// </returns>
    public static FilesystemReport Thaw(IKernel kernel, string hostRoot, JournalRecord record, Descriptor kept)
    {
        var report = new FilesystemReport { Path = record.Path, Device = record.Superblock.ToString(), Type = record.Type.Length > 0 ? record.Type : null };
        var folder = kept;
        if (!folder.IsOpen)
        {
            var (found, why) = Find(kernel, hostRoot, record);
            if (why is not null) return report with { State = FilesystemState.Failed, Reason = FreezeReason.ThawFailed, Message = why };
            if (!found.IsOpen) return report with { State = FilesystemState.Resolved };
            folder = found;
        }
        var started = kernel.BootTime();
        var error = kernel.Thaw(folder);
        for (var attempts = 1; error is Errno.Interrupted or Errno.TryAgain || (error is not (Errno.None or Errno.Invalid) && attempts < MaximumAttempts); attempts++)
            error = kernel.Thaw(folder);
        if (!kept.IsOpen) kernel.Close(folder);
        report = report with { ThawNanoseconds = kernel.BootTime() - started };
        return error switch
        {
            Errno.None => report with { State = FilesystemState.Thawed },
            // From FREEZING or THAWING this is expected: the call had not begun, or had succeeded.
            Errno.Invalid when record.State != JournalState.Held => report with { State = FilesystemState.Resolved },
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

    // An open folder of it; none, and no reason, where it cannot be frozen any more.
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
            if (same && IsIt(kernel, folder, record)) return (folder, null);
            kernel.Close(folder);
        }
        return Mount(kernel, record);
    }

    // Mounted nowhere this process can reach: unmounted while frozen, or mounted in a namespace that only others see.
    private static (Descriptor Folder, string? Why) Mount(IKernel kernel, JournalRecord record)
    {
        var why = "its device is not known";
        if (record.MountDevice != default)
        {
            var error = kernel.MountDetached(record.Type, record.MountDevice, out var folder);
            if (error == Errno.Invalid) return (Descriptor.None, null); // no filesystem on it is active, so none is frozen
            if (error == Errno.None && IsIt(kernel, folder, record)) return (folder, null);
            kernel.Close(folder);
            why = error == Errno.None ? "another filesystem is on its device by now" : $"mounting its device failed with {error.Describe()}";
        }
        var device = record.MountDevice != default ? record.MountDevice : record.Superblock;
        return (Descriptor.None,
            $"{record.Path}: may still be frozen, but is mounted nowhere this agent can reach, and {why}; mount the {record.Type} filesystem of device {device} read-write and run 'fsfreeze --unfreeze' on that mount");
    }

    private static bool IsIt(IKernel kernel, Descriptor folder, JournalRecord record) =>
        kernel.IdentifyFilesystem(folder, out var filesystem) == Errno.None && filesystem.IsSame(record.Identity);
}
