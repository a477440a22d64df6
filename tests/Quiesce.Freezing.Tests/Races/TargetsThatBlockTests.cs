using System.Diagnostics;
using System.Net.Sockets;
using System.Text;
using Quiesce.Freezing.Kernel;
using Quiesce.Freezing.Planning;
using Quiesce.Freezing.Reports;
using Quiesce.RealFilesystems;
using Tmds.Linux;

namespace Quiesce.Freezing.Tests.Races;

/// <summary>What a tenant can put where a folder is expected: an open of it would wait, ring or act. A plan says what it is, at once, and does none of that.</summary>
public sealed class TargetsThatBlockTests : IAsyncLifetime
{
    // Far longer than any plan takes; only what hangs waits this long.
    private static readonly TimeSpan Bound = TimeSpan.FromSeconds(5);

    private RealFilesystem volume = null!;
    private LinuxKernel kernel = null!;

    public async ValueTask InitializeAsync()
    {
        RealKernel.Require();
        volume = await RealFilesystem.CreateAsync(FilesystemKind.Ext4, TestContext.Current.CancellationToken);
        Assert.Equal(Errno.None, LinuxKernel.Open("/", out var opened));
        kernel = opened!;
    }

    public async ValueTask DisposeAsync()
    {
        kernel?.Dispose();
        if (volume is not null) await volume.DisposeAsync();
    }

    [Theory]
    [InlineData("fifo")]
    [InlineData("socket")]
    [InlineData("character device")]
    [InlineData("terminal")]
    [InlineData("block device")]
    [InlineData("device without a driver")]
    public async Task What_is_no_folder_is_refused_without_being_opened(string kind)
    {
        var path = $"{volume.MountPoint}/target";
        using var listener = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        var loop = volume.DeviceNumber.Split(':');
        switch (kind)
        {
            case "fifo": _ = await Command.RunAsync("mkfifo", path); break;
            case "socket": listener.Bind(new UnixDomainSocketEndPoint(path)); break;
            case "character device": _ = await Command.RunAsync("mknod", path, "c", "1", "8"); break; // /dev/random
            case "terminal": _ = await Command.RunAsync("mknod", path, "c", "4", "64"); break; // a serial line: its open waits for a carrier
            case "block device": _ = await Command.RunAsync("mknod", path, "b", loop[0], loop[1]); break;
            default: _ = await Command.RunAsync("mknod", path, "c", "250", "250"); break;
        }

        foreach (var asked in (string[])[path, $"{path}/", $"{path}/below"])
        {
            var plan = await PlanAsync(asked);
            Assert.True(plan.Refusal?.Reason == FreezeReason.NotADirectory, plan.Refusal?.Message);
        }
        File.CreateSymbolicLink($"{volume.MountPoint}/link", "target");
        Assert.Equal(FreezeReason.NotADirectory, (await PlanAsync($"{volume.MountPoint}/link")).Refusal?.Reason);
        File.Delete(path);
    }

    [Fact]
    public async Task A_leased_file_whose_holder_lets_nobody_in_is_refused_and_its_lease_not_broken()
    {
        var path = $"{volume.MountPoint}/leased";
        await File.WriteAllTextAsync(path, "kept", TestContext.Current.CancellationToken);
        // Of a process of its own, which is told by SIGIO that somebody waits, and ignores it. 1024 is F_SETLEASE.
        const string Script = "use Fcntl qw(F_WRLCK); $SIG{IO} = 'IGNORE'; open(my $f, '+<', $ARGV[0]) or die; fcntl($f, 1024, F_WRLCK) or die; $| = 1; print \"leased\\n\"; <STDIN>";
        using var holder = Process.Start(new ProcessStartInfo("perl", ["-e", Script, path])
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
        })!;
        Assert.Equal("leased", await holder.StandardOutput.ReadLineAsync(TestContext.Current.CancellationToken));
        foreach (var asked in (string[])[path, $"{path}/below"])
            Assert.Equal(FreezeReason.NotADirectory, (await PlanAsync(asked)).Refusal?.Reason);
        Assert.Contains("LEASE  ACTIVE", LeaseOf(holder.Id), StringComparison.Ordinal);
        Assert.Equal(Errno.TryAgain, OpenWithoutWaiting(path)); // any open of it would have waited,
        Assert.Contains("LEASE  BREAKING", LeaseOf(holder.Id), StringComparison.Ordinal); // and would have been seen
        holder.StandardInput.Close();
        await holder.WaitForExitAsync(TestContext.Current.CancellationToken);
    }

    [Fact]
    public async Task A_filesystem_whose_daemon_is_dead_is_told_apart_by_the_mount_table_alone()
    {
        var folder = Directory.CreateDirectory($"{volume.MountPoint}/dead").FullName;
        using var dead = DeadFuse.Mount(folder);
        if (dead is null) Assert.Skip("the kernel has no FUSE");
        var plan = await PlanAsync(folder);
        Assert.Equal(FreezeReason.NothingToFreeze, plan.Refusal?.Reason);
        Assert.Equal((FilesystemState.Skipped, "fuse"), plan.Findings.Select(f => (f.State, f.Type)).Single());
        // What lies beside it can be frozen all the same.
        plan = await PlanAsync(folder, volume.MountPoint);
        Assert.Null(plan.Refusal);
        foreach (var filesystem in plan.Filesystems) kernel.Close(filesystem.Folder);
        Assert.Equal(volume.MountPoint, Assert.Single(plan.Filesystems).Path);
    }

    private async Task<FreezePlan> PlanAsync(params string[] paths) =>
        await Task.Run(() => FreezePlanner.Plan(kernel, new PlanOrder { Paths = paths })).WaitAsync(Bound, TestContext.Current.CancellationToken);

    private static string LeaseOf(int process) =>
        File.ReadLines("/proc/locks").Single(l => l.Contains("LEASE", StringComparison.Ordinal) && l.Contains($" {process} ", StringComparison.Ordinal));

    private static unsafe Errno OpenWithoutWaiting(string path)
    {
        fixed (byte* p = Encoding.UTF8.GetBytes(path + '\0'))
        {
            var fd = LibC.open(p, LibC.O_RDONLY | LibC.O_NONBLOCK | LibC.O_CLOEXEC);
            if (fd < 0) return (Errno)LibC.errno;
            _ = LibC.close(fd);
            return Errno.None;
        }
    }
}
