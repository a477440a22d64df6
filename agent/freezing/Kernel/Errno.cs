namespace Quiesce.Freezing.Kernel;

/// <summary>Error numbers of Linux (asm-generic) that a rule here depends on; any other value is passed through as it is.</summary>
public enum Errno
{
    /// <summary>Success.</summary>
    None = 0,

    /// <summary>EPERM: the caller lacks CAP_SYS_ADMIN over the superblock's user namespace.</summary>
    NotPermitted = 1,

    /// <summary>ENOENT.</summary>
    NoEntry = 2,

    /// <summary>EINTR.</summary>
    Interrupted = 4,

    /// <summary>EIO.</summary>
    InputOutput = 5,

    /// <summary>EBADF.</summary>
    BadDescriptor = 9,

    /// <summary>EAGAIN.</summary>
    TryAgain = 11,

    /// <summary>ENOMEM.</summary>
    NoMemory = 12,

    /// <summary>EACCES.</summary>
    AccessDenied = 13,

    /// <summary>EBUSY: from FIFREEZE, the filesystem is frozen already.</summary>
    Busy = 16,

    /// <summary>ENODEV.</summary>
    NoDevice = 19,

    /// <summary>ENOTDIR.</summary>
    NotDirectory = 20,

    /// <summary>EINVAL: from FITHAW, the filesystem is not frozen.</summary>
    Invalid = 22,

    /// <summary>ENOTTY: the ioctl does not exist here.</summary>
    NotTypewriter = 25,

    /// <summary>EROFS.</summary>
    ReadOnly = 30,

    /// <summary>ENAMETOOLONG.</summary>
    NameTooLong = 36,

    /// <summary>ELOOP.</summary>
    TooManyLinks = 40,

    /// <summary>EXDEV.</summary>
    CrossDevice = 18,

    /// <summary>EOPNOTSUPP: from FIFREEZE, the filesystem's driver has no freeze.</summary>
    NotSupported = 95,

    /// <summary>ETIMEDOUT.</summary>
    TimedOut = 110,

    /// <summary>ESTALE.</summary>
    Stale = 116,
}

/// <summary>How an <see cref="Errno"/> reads in a message.</summary>
public static class ErrnoText
{
    /// <summary>The manual page's name and sentence, such as <c>EBUSY (Device or resource busy)</c>.</summary>
    public static string Describe(this Errno errno) => errno switch
    {
        Errno.None => "success",
        Errno.NotPermitted => "EPERM (operation not permitted)",
        Errno.NoEntry => "ENOENT (no such file or directory)",
        Errno.Interrupted => "EINTR (interrupted system call)",
        Errno.InputOutput => "EIO (input/output error)",
        Errno.BadDescriptor => "EBADF (bad file descriptor)",
        Errno.TryAgain => "EAGAIN (resource temporarily unavailable)",
        Errno.NoMemory => "ENOMEM (cannot allocate memory)",
        Errno.AccessDenied => "EACCES (permission denied)",
        Errno.Busy => "EBUSY (device or resource busy)",
        Errno.CrossDevice => "EXDEV (invalid cross-device link)",
        Errno.NoDevice => "ENODEV (no such device)",
        Errno.NotDirectory => "ENOTDIR (not a directory)",
        Errno.Invalid => "EINVAL (invalid argument)",
        Errno.NotTypewriter => "ENOTTY (inappropriate ioctl for device)",
        Errno.ReadOnly => "EROFS (read-only filesystem)",
        Errno.NameTooLong => "ENAMETOOLONG (file name too long)",
        Errno.TooManyLinks => "ELOOP (too many levels of symbolic links)",
        Errno.NotSupported => "EOPNOTSUPP (operation not supported)",
        Errno.TimedOut => "ETIMEDOUT (connection timed out)",
        Errno.Stale => "ESTALE (stale file handle)",
        _ => $"errno {(int)errno}",
    };
}
