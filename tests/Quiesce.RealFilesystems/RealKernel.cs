namespace Quiesce.RealFilesystems;

/// <summary>Whether this machine lets a test make and freeze real filesystems.</summary>
public static class RealKernel
{
    private static readonly string[] Tools =
        ["losetup", "mount", "umount", "fsfreeze", "setsid", "addpart", "mkfs.ext4", "mkfs.xfs", "mkfs.btrfs", "btrfs"];

    /// <summary>Set to <c>1</c> where such tests must run, so that a machine without loop devices cannot pass by skipping them.</summary>
    public const string RequireVariable = "QUIESCE_REQUIRE_REAL";

    /// <summary>Why it does not, or null when it does.</summary>
    public static string? Missing { get; } = Look();

    /// <summary>Skips the test where real filesystems cannot be made; fails it where <see cref="RequireVariable"/> says that they must.</summary>
    public static void Require()
    {
        if (Missing is null) return;
        if (Environment.GetEnvironmentVariable(RequireVariable) == "1") Assert.Fail($"{RequireVariable}=1, but {Missing}");
        Assert.Skip($"real filesystems cannot be made here: {Missing}");
    }

    private static string? Look()
    {
        if (!OperatingSystem.IsLinux()) return "this is not Linux";
        if (Tmds.Linux.LibC.geteuid() != 0) return "this is not root";
        if (!File.Exists("/dev/loop-control")) return "there are no loop devices (/dev/loop-control)";
        var folders = (Environment.GetEnvironmentVariable("PATH") ?? "").Split(':').Concat(["/usr/sbin", "/sbin"]);
        var tool = Tools.FirstOrDefault(t => !folders.Any(f => File.Exists($"{f}/{t}")));
        return tool is null ? null : $"{tool} is missing (Debian packages: util-linux e2fsprogs xfsprogs btrfs-progs)";
    }
}
