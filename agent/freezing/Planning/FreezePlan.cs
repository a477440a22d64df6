using Quiesce.Freezing.Kernel;
using Quiesce.Freezing.Reports;

namespace Quiesce.Freezing.Planning;

/// <summary>What is to be resolved.</summary>
public sealed record PlanOrder
{
    /// <summary>Where this process sees the host's root: <c>/</c>, or a folder such as <c>/host</c>.</summary>
    public string HostRoot { get; init; } = "/";

    /// <summary>Folders of the host; each selects the filesystem it lies on, and a refusal of one refuses the whole plan.</summary>
    public IReadOnlyList<string> Paths { get; init; } = [];

    /// <summary>Volumes of pods, each by the folder at which it must be mounted; a refusal of one refuses the whole plan.</summary>
    public IReadOnlyList<VolumeTarget> Volumes { get; init; } = [];

    /// <summary>Also every other filesystem of the host, but protected ones and kinds without a disk.</summary>
    public bool AllFilesystems { get; init; }

    /// <summary>Whether a filesystem that cannot freeze fails the plan instead of being left out.</summary>
    public bool FailUnsupported { get; init; }

    /// <summary>Folders of the host whose filesystems, and all that backs them, are refused.</summary>
    public IReadOnlyList<string> ProtectedPaths { get; init; } = ProtectedFilesystems.DefaultPaths;

    /// <summary>Folders of the host whose filesystems an administrator allowed though they are protected.</summary>
    public IReadOnlyList<string> AllowedPaths { get; init; } = [];
}

/// <summary>One filesystem that is to be frozen, opened and verified.</summary>
/// <param name="Path">Its mount point on the host.</param>
/// <param name="Type">Its type.</param>
/// <param name="Source">Its mount source.</param>
/// <param name="Superblock">Its device number in mountinfo.</param>
/// <param name="Identity">What tells it from a later one on the same device number.</param>
/// <param name="Folder">An open folder on it.</param>
/// <param name="Stage">Frozen in this order, thawed in the reverse one; filesystems of a stage do not depend on each other.</param>
public sealed record PlannedFilesystem(
    string Path, string Type, string Source, DeviceNumber Superblock, FilesystemIdentity Identity, Descriptor Folder, int Stage)
{
    /// <summary>A block device it can be mounted from: of a filesystem without a number of its own, such as btrfs, one of its members; <c>0:0</c> where none is known.</summary>
    public DeviceNumber MountDevice { get; init; } = Superblock.Major != 0 ? Superblock : default;
}

/// <summary>What the resolver found: what can be frozen, and what is left out or refused and why.</summary>
public sealed record FreezePlan
{
    /// <summary>What is to be frozen, by stage.</summary>
    public IReadOnlyList<PlannedFilesystem> Filesystems { get; init; } = [];

    /// <summary>What is left out, refused or wrong.</summary>
    public IReadOnlyList<FilesystemReport> Findings { get; init; } = [];

    /// <summary>What backs what; null in a plan that was refused.</summary>
    public BackingGraph? Backing { get; init; }

    /// <summary>Why the plan cannot be carried out; null when it can.</summary>
    public Refusal? Refusal { get; init; }

    /// <summary>
    /// A filesystem of the plan that another one must not be frozen beside: the same, one that backs it, one that it backs, or one of which that cannot be
    /// told. With the lower one frozen by another window, the thaw of the upper one would wait for that window's end.
    /// </summary>
    public PlannedFilesystem? Concerns(DeviceNumber other) => Filesystems.FirstOrDefault(f =>
        f.Superblock == other || Backing!.MayLieOn(f.Superblock, other) || Backing!.MayLieOn(other, f.Superblock));
}

/// <summary>Why nothing is frozen.</summary>
/// <param name="Reason">One of <see cref="FreezeReason"/>.</param>
/// <param name="Message">A sentence that names the object, the reason and what to do.</param>
public sealed record Refusal(string Reason, string Message);
