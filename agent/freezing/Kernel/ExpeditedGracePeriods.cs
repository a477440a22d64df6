using static Tmds.Linux.LibC;

namespace Quiesce.Freezing.Kernel;

/// <summary>
/// Raises <c>/sys/kernel/rcu_expedited</c> while a freeze is under way. The setting is one for the whole machine and does not count, so whoever raises it holds a lock on
/// a file beside the journals, with what the setting was written in it; the last one to let go of the lock puts it back, and after a crash whoever thaws what was left.
/// </summary>
/// <remarks>Made before anything is frozen; <see cref="Raise"/> and <see cref="Restore"/> allocate nothing, wait for nothing, and are called one at a time.</remarks>
public sealed unsafe class ExpeditedGracePeriods
{
    private const string Setting = "/sys/kernel/rcu_expedited";
    private const string LockName = "rcu_expedited";

    // In /sys: what an interrupt of every processor would be felt by. See Documentation/admin-guide/kernel-parameters.txt, rcupdate.rcu_expedited.
    private static readonly (string File, string What)[] Disturbed =
    [
        ("kernel/realtime", "the kernel is a real-time one"),
        ("devices/system/cpu/isolated", "processors are isolated"),
        ("devices/system/cpu/nohz_full", "processors run without a tick (nohz_full)"),
        ("kernel/rcu_normal", "rcu_normal is set"),
    ];

    private readonly int setting;
    private readonly int turn;
    private bool raised;

    private ExpeditedGracePeriods(int setting, int turn) => (this.setting, this.turn) = (setting, turn);

    /// <summary>Why grace periods are not expedited on this machine; null where they are.</summary>
    /// <param name="mode">What the administrator said.</param>
    /// <param name="sys">Where sysfs is, for tests.</param>
    public static string? WhyNot(ExpediteRcu mode, string sys = "/sys")
    {
        if (mode == ExpediteRcu.Never) return "expediteRcu is never";
        if (mode == ExpediteRcu.Auto)
        {
            foreach (var (file, what) in Disturbed)
                if (ReadText($"{sys}/{file}") is not ("" or "0" or "(null)") and var value) return $"{what}: {sys}/{file} says {value}";
        }
        int fd;
        fixed (byte* p = Native.Path($"{sys}/kernel/rcu_expedited"))
            fd = open(p, O_RDWR | O_CLOEXEC);
        if (fd < 0) return $"{sys}/kernel/rcu_expedited cannot be written: {Native.LastErrno.Describe()}";
        _ = close(fd);
        return null;
    }

    /// <summary>Gets ready; null where the setting or the lock cannot be had: freezing then takes as long as it takes.</summary>
    /// <param name="directory">The folder of the journals, from <see cref="Journals.JournalDirectory.Open"/>.</param>
    public static ExpeditedGracePeriods? Open(string directory)
    {
        int setting, turn;
        fixed (byte* p = Native.Path(Setting))
            setting = open(p, O_RDWR | O_CLOEXEC);
        fixed (byte* p = Native.Path($"{directory}/{LockName}"))
            turn = open(p, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0x180); // 0600
        if (setting >= 0 && turn >= 0) return new ExpeditedGracePeriods(setting, turn);
        if (setting >= 0) _ = close(setting);
        if (turn >= 0) _ = close(turn);
        return null;
    }

    /// <summary>Puts the setting back where a holder that was killed had raised it and nobody else needs it any more.</summary>
    /// <param name="directory">The folder of the journals.</param>
    public static void RestoreLeftBehind(string directory)
    {
        if (!File.Exists($"{directory}/{LockName}") || Open(directory) is not { } left) return;
        left.PutBack();
        left.Close();
    }

    /// <summary>From here on grace periods are short; again and again is fine.</summary>
    public void Raise()
    {
        if (raised) return;
        // Exclusive only while somebody puts the setting back, which he would do once more if he were overtaken: this freeze then does without.
        if (Native.flock(turn, Native.LOCK_SH_NB) != 0) return;
        raised = true;
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
        if (!raised) return;
        raised = false;
        PutBack();
    }

    /// <summary>Gives the descriptors back.</summary>
    public void Close()
    {
        _ = close(setting);
        _ = close(turn);
    }

    private void PutBack()
    {
        // Gives up the shared lock before it asks for the other (flock(2)), so of several that leave together the last one has it.
        if (Native.flock(turn, Native.LOCK_EX_NB) != 0) return;
        byte value;
        if ((long)pread(turn, &value, 1, 0) == 1)
        {
            _ = pwrite(setting, &value, 1, 0);
            _ = ftruncate(turn, 0);
        }
        _ = Native.flock(turn, Native.LOCK_UN);
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
