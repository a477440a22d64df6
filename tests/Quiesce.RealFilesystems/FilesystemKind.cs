namespace Quiesce.RealFilesystems;

/// <summary>A filesystem that can be made in an image file and frozen.</summary>
public enum FilesystemKind
{
    /// <summary>ext4, with a journal.</summary>
    Ext4,

    /// <summary>XFS.</summary>
    Xfs,

    /// <summary>btrfs; several mounts of it can have different <c>st_dev</c>.</summary>
    Btrfs,
}
