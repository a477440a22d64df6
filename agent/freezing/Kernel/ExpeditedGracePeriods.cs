using Tmds.Linux;
using static Tmds.Linux.LibC;

namespace Quiesce.Freezing.Kernel;

/// <summary>
/// Raises <c>/sys/kernel/rcu_expedited</c> while a freeze is under way. The setting is one for the whole machine and does not count, so whoever raises it holds a lock on
/// a file beside the journals, with what the setting was written in it; the last one to let go of the lock puts it back and takes the file away, and after a crash whoever
/// thaws what was left.
/// </summary>
/// <remarks>Made before anything is frozen; <see cref="Raise"/> and <see cref="Restore"/> allocate nothing, wait for nothing, and are called one at a time.</remarks>
public sealed unsafe class ExpeditedGracePeriods
{
    private const string Setting = "kernel/rcu_expedited";
    private const string LockName = "rcu_expedited";

    // In /sys: what an interrupt of every processor would be felt by. See Documentation/admin-guide/kernel-parameters.txt, rcupdate.rcu_expedited.
    private static readonly (string File, string What)[] Disturbed =
    [
        ("kernel/realtime", "the kernel is a real-time one"),
        ("devices/system/cpu/isolated", "processors are isolated"),
        ("devices/system/cpu/nohz_full", "processors run without a tick (nohz_full)"),
        ("kernel/rcu_normal", "rcu_normal is set"),
    ];

    // Whoever finds the file taken away under his hands tries again; more often than this it is not worth it.
    private const int MaximumAttempts = 3;

    private readonly int setting;
    private readonly byte[] file;
    private int turn = -1;

    private ExpeditedGracePeriods(int setting, string directory) => (this.setting, file) = (setting, Native.Path($"{directory}/{LockName}"));

    /// <summary>Why grace periods are not expedited on this machine; null where they are.</summary>
    /// <param name="mode">What the administrator said.</param>
    /// <param name="hostRoot">Where this process sees the host's root.</param>
    /// <param name="sys">Where sysfs is, for tests.</param>
    public static string? WhyNot(ExpediteRcu mode, string hostRoot, string sys = "/sys")
    {
        if (mode == ExpediteRcu.Never) return "expediteRcu is never";
        if (mode == ExpediteRcu.Auto)
        {
            foreach (var (file, what) in Disturbed)
                if (ReadText($"{sys}/{file}") is not ("" or "0" or "(null)") and var value) return $"{what}: {sys}/{file} says {value}";
        }
        var fd = OpenSetting(hostRoot, sys);
        if (fd < 0) return $"{sys}/{Setting} cannot be written: {Native.LastErrno.Describe()}; nor can that of {hostRoot}";
        _ = close(fd);
        return null;
    }

    // Some container runtimes mount /sys read-only even where a container is privileged (containerd issue 8445): the host's own, below its root, is not.
    private static int OpenSetting(string hostRoot, string sys = "/sys")
    {
        var fd = OpenFile(sys);
        return fd >= 0 ? fd : OpenFile($"{hostRoot.TrimEnd('/')}/sys");

        static int OpenFile(string sys)
        {
            fixed (byte* p = Native.Path($"{sys}/{Setting}"))
                return open(p, O_RDWR | O_CLOEXEC);
        }
    }

    /// <summary>Gets ready; null where the setting cannot be had: freezing then takes as long as it takes.</summary>
    /// <param name="directory">The folder of the journals, from <see cref="Journals.JournalDirectory.Open"/>.</param>
    /// <param name="hostRoot">Where this process sees the host's root.</param>
    public static ExpeditedGracePeriods? Open(string directory, string hostRoot)
    {
        var setting = OpenSetting(hostRoot);
        return setting < 0 ? null : new ExpeditedGracePeriods(setting, directory);
    }

    /// <summary>Puts the setting back where a holder that was killed had raised it and nobody else needs it any more.</summary>
    /// <param name="directory">The folder of the journals.</param>
    /// <param name="hostRoot">Where this process sees the host's root.</param>
    public static void RestoreLeftBehind(string directory, string hostRoot)
    {
        if (Open(directory, hostRoot) is not { } left) return;
        left.turn = left.OpenFile(0);
        if (left.turn >= 0) left.PutBack();
        _ = close(left.setting);
    }

    /// <summary>From here on grace periods are short; again and again is fine.</summary>
    public void Raise()
    {
        if (turn >= 0 || !Enter()) return;
        byte value;
        if ((long)pread(setting, &value, 1, 0) != 1 || value != (byte)'0') return; // raised by another holder, or by the administrator for good
        // First what to put back, then the change.
        if ((long)pwrite(turn, &value, 1, 0) != 1) return;
        value = (byte)'1';
        _ = pwrite(setting, &value, 1, 0);
    }

    /// <summary>What was raised is put back, unless another holder still freezes, which then does it; again and again is fine.</summary>
    public void Restore()
    {
        if (turn >= 0) PutBack();
    }

    // Takes the shared lock, of the file that the others find by its name; where that cannot be had this freeze does without.
    private bool Enter()
    {
        for (var attempt = 0; attempt < MaximumAttempts; attempt++)
        {
            turn = OpenFile(O_CREAT);
            if (turn < 0) return false;
            stat stat;
            // Exclusive only while somebody puts the setting back, and takes the file away.
            if (Native.flock(turn, Native.LOCK_SH_NB) == 0 && fstat(turn, &stat) == 0 && (long)(ulong)stat.st_nlink > 0) return true;
            Leave();
        }
        return false;
    }

    private int OpenFile(int flags)
    {
        fixed (byte* p = file)
            return open(p, O_RDWR | O_NOFOLLOW | O_CLOEXEC | flags, 0x180); // 0600
    }

    private void PutBack()
    {
        // Gives up the shared lock before it asks for the other (flock(2)), so of several that leave together the last one has it.
        if (Native.flock(turn, Native.LOCK_EX_NB) == 0)
        {
            byte value;
            if ((long)pread(turn, &value, 1, 0) == 1) _ = pwrite(setting, &value, 1, 0);
            fixed (byte* p = file)
                _ = unlink(p);
        }
        Leave();
    }

    private void Leave()
    {
        _ = close(turn);
        turn = -1;
    }

    private static string ReadText(string file)
    {
        try
        {
            return File.ReadAllText(file).Trim();
        }
        catch (IOException)
        {
            return ""; // this kernel has no such thing
        }
        catch (UnauthorizedAccessException)
        {
            return "";
        }
    }
}
