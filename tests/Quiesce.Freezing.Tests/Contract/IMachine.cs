using Quiesce.Freezing.Kernel;
using Quiesce.RealFilesystems;

namespace Quiesce.Freezing.Tests.Contract;

/// <summary>Where the contract is tried: the real machine or a simulated one.</summary>
public interface IMachine
{
    /// <summary>Skips or fails the test where this machine cannot be had.</summary>
    void Require();

    /// <summary>A kernel that looks paths up below a folder.</summary>
    IKernel Kernel(string hostRoot = "/");

    /// <summary>A filesystem that tests share; it is not frozen.</summary>
    Task<IMachineFilesystem> SharedAsync(FilesystemKind kind);

    /// <summary>A filesystem that this test may unmount.</summary>
    Task<IMachineFilesystem> FreshAsync(FilesystemKind kind);

    /// <summary>The mount point of a tmpfs or overlay.</summary>
    Task<string> UnfreezableAsync(string type);

    /// <summary>A disk with a partition.</summary>
    Task<(DeviceNumber Whole, DeviceNumber Partition)> PartitionedDiskAsync();

    /// <summary>Waits until the clock has gone on.</summary>
    void LetTimePass();

    /// <summary>Ends what one test has made, and fails when it left something frozen.</summary>
    Task AfterTestAsync();
}

/// <summary>One filesystem of a machine, on a loop device of its own.</summary>
public interface IMachineFilesystem
{
    /// <summary>Where it is mounted.</summary>
    string MountPoint { get; }

    /// <summary>Its loop device.</summary>
    DeviceNumber Device { get; }

    /// <summary>The loop device's node.</summary>
    string DevicePath { get; }

    /// <summary>Whether FIFREEZE would answer EBUSY.</summary>
    bool IsFrozen { get; }

    /// <summary>Mounts a folder of it once more; the last part of the mount point can be given.</summary>
    Task<string> BindAsync(string subfolder, string? name = null);

    /// <summary>Makes a subvolume of a btrfs and mounts it.</summary>
    Task<string> SubvolumeAsync(string name);

    /// <summary>A filesystem whose image lies on this one.</summary>
    Task<IMachineFilesystem> StackedAsync(FilesystemKind kind);

    /// <summary>Makes it read-only or writable.</summary>
    Task RemountAsync(bool readOnly);

    /// <summary>Takes a mount away; false when it is busy.</summary>
    Task<bool> UnmountAsync(string mountPoint, bool lazy = false);

    /// <summary>Mounts it again.</summary>
    Task MountAgainAsync();

    /// <summary>Makes a folder, a link or something else; paths are relative to the filesystem.</summary>
    void MakeFolder(string path);

    /// <summary>Makes a file.</summary>
    void MakeFile(string path);

    /// <summary>Makes a FIFO.</summary>
    Task MakeFifoAsync(string path);

    /// <summary>Makes a symbolic link.</summary>
    void MakeLink(string path, string target);

    /// <summary>Makes pages dirty.</summary>
    void Write(string path);

    /// <summary>FIFREEZE by another program; false when it is frozen.</summary>
    bool FreezeAsStranger();

    /// <summary>FITHAW by another program; false when it is not frozen.</summary>
    bool ThawAsStranger();
}
