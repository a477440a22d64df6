using Quiesce.Freezing.Kernel;
using Quiesce.Freezing.Planning;
using Quiesce.Freezing.Reports;
using Quiesce.Freezing.Tests.Simulation;

namespace Quiesce.Freezing.Tests.Planning;

/// <summary>Bad input: the refusal names the object and the reason, and nothing is opened or frozen.</summary>
public sealed class RefusalTests
{
    private readonly Node node = new();

    public RefusalTests()
    {
        var data = node.Add("ext4", "8:17", "/dev/sdb1", "/srv/data");
        _ = data.Add("folder/below");
        _ = data.Add("file", NodeKind.File);
        _ = data.Add("fifo", NodeKind.Fifo);
        _ = data.Add("loop", NodeKind.Link, "loop");
        _ = data.Add("out", NodeKind.Link, "../../../../../../no/such/folder");
        _ = data.Add("dangling", NodeKind.Link, "nowhere");
        _ = data.Add("to-file", NodeKind.Link, "file");
    }

    [Theory]
    [InlineData("/srv/data/missing", FreezeReason.PathNotFound, "does not exist on this node")]
    [InlineData("/srv/data/dangling", FreezeReason.PathNotFound, "does not exist on this node")]
    [InlineData("/srv/data/out", FreezeReason.PathNotFound, "does not exist on this node")]
    [InlineData("/srv/data/file", FreezeReason.NotADirectory, "not a folder")]
    [InlineData("/srv/data/to-file", FreezeReason.NotADirectory, "not a folder")]
    [InlineData("/srv/data/fifo", FreezeReason.NotADirectory, "not a folder")]
    [InlineData("/srv/data/file/below", FreezeReason.NotADirectory, "not a folder")]
    [InlineData("/srv/data/loop", FreezeReason.InvalidPath, "too many links")]
    [InlineData("/proc/self/cwd", FreezeReason.InvalidPath, "link of /proc")]
    [InlineData("srv/data", FreezeReason.InvalidPath, "not absolute")]
    [InlineData("", FreezeReason.InvalidPath, "not absolute")]
    [InlineData("/srv/../data", FreezeReason.InvalidPath, "contains '..'")]
    [InlineData("/srv/data\0", FreezeReason.InvalidPath, "NUL")]
    public void A_path_that_is_no_folder_is_refused_by_name(string path, string reason, string words)
    {
        var plan = node.Plan("/srv/data", path);
        Assert.Equal(reason, plan.Refusal?.Reason);
        Assert.StartsWith($"{path}: ", plan.Refusal!.Message, StringComparison.Ordinal);
        Assert.Contains(words, plan.Refusal.Message, StringComparison.Ordinal);
        var finding = Assert.Single(plan.Findings, f => f.Path == path && f.State == FilesystemState.Failed);
        Assert.Equal(reason, finding.Reason);
        Assert.Equal(FilesystemState.Resolved, Assert.Single(plan.Findings, f => f.Path == "/srv/data").State); // the good one is told, and was let go
    }

    [Fact]
    public void A_path_that_is_too_long_is_refused()
    {
        Assert.Equal(FreezeReason.InvalidPath, node.Plan("/" + new string('x', 1024)).Refusal?.Reason);
        Assert.Equal(FreezeReason.InvalidPath, node.Plan("/srv/data/" + new string('x', 256)).Refusal?.Reason);
        Assert.Equal(FreezeReason.PathNotFound, node.Plan("/srv/data/" + new string('x', 255)).Refusal?.Reason);
    }

    [Theory]
    [InlineData(CallKind.OpenPath, Errno.AccessDenied)]
    [InlineData(CallKind.OpenPath, Errno.NotPermitted)]
    [InlineData(CallKind.OpenFolder, Errno.AccessDenied)]
    [InlineData(CallKind.OpenFolder, Errno.NotPermitted)]
    public void Without_the_right_to_open_it_says_so(CallKind call, Errno error)
    {
        node.Kernel.Fail(call, error, c => c.Path is null or "/srv/data");
        var refusal = node.Plan("/srv/data").Refusal;
        Assert.Equal(FreezeReason.PermissionDenied, refusal?.Reason);
        Assert.StartsWith("/srv/data: ", refusal!.Message, StringComparison.Ordinal);
        Assert.Contains(error.Describe(), refusal.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(CallKind.OpenPath)]
    [InlineData(CallKind.OpenFolder)]
    [InlineData(CallKind.Identify)]
    [InlineData(CallKind.IdentifyFilesystem)]
    public void Any_other_error_refuses_too_and_leaves_nothing_open(CallKind call)
    {
        foreach (var error in (Errno[])[Errno.InputOutput, Errno.Stale, Errno.NoMemory, Errno.TimedOut, Errno.NoDevice, (Errno)200])
        {
            var fresh = new Node();
            var data = fresh.Add("ext4", "8:17", "/dev/sdb1", "/srv/data");
            fresh.Kernel.Fail(call, error, c => c.Filesystem == data || c.Path == "/srv/data");
            var refusal = fresh.Plan("/srv/data").Refusal;
            Assert.NotNull(refusal);
            Assert.Contains("/srv/data", refusal.Message, StringComparison.Ordinal);
        }
    }

    [Theory]
    [InlineData(Errno.AccessDenied)]
    [InlineData(Errno.NoEntry)]
    [InlineData(Errno.InputOutput)]
    public void A_mount_table_that_cannot_be_read_refuses_everything(Errno error)
    {
        node.Kernel.Fail(CallKind.ReadMountTable, error);
        var refusal = node.Plan("/srv/data").Refusal;
        Assert.Equal(FreezeReason.MountTableUnreadable, refusal?.Reason);
        Assert.Contains("/proc/self/mountinfo", refusal!.Message, StringComparison.Ordinal);
        Assert.Contains(error.Describe(), refusal.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("")]
    [InlineData("garbage\nwithout form\n")]
    public void So_does_one_that_is_not_of_the_known_form(string text)
    {
        node.Kernel.MountTableText = text;
        Assert.Equal(FreezeReason.MountTableUnreadable, node.Plan("/srv/data").Refusal?.Reason);
    }

    [Fact]
    public void An_order_without_a_target_is_refused() => Assert.Equal(FreezeReason.NothingToFreeze, node.Plan().Refusal?.Reason);

    [Fact]
    public void A_request_of_which_nothing_can_freeze_is_refused_and_says_what_was_found()
    {
        _ = node.Add("tmpfs", "0:63", "tmpfs", "/scratch");
        var refusal = node.Plan("/scratch").Refusal;
        Assert.Equal(FreezeReason.NothingToFreeze, refusal?.Reason);
        Assert.Contains("/scratch", refusal!.Message, StringComparison.Ordinal);
        Assert.Contains("tmpfs", refusal.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void More_filesystems_than_a_window_holds_are_refused()
    {
        for (var i = 0; i < 201; i++) _ = node.Add("ext4", $"253:{i}", $"/dev/dm-{i}", $"/volumes/{i}");
        var refusal = node.PlanAll().Refusal;
        Assert.Equal(FreezeReason.TooManyFilesystems, refusal?.Reason);
        Assert.Contains("202", refusal!.Message, StringComparison.Ordinal); // /srv/data is one of them

        var plan = node.Plan([.. Enumerable.Range(0, 200).Select(i => $"/volumes/{i}")]);
        Assert.Null(plan.Refusal);
        Assert.Equal(FreezePlanner.MaximumFilesystems, plan.Filesystems.Count);
    }

    [Fact]
    public void One_bad_path_among_good_ones_refuses_all_and_the_first_is_the_reason()
    {
        var plan = node.Plan("/srv/data", "/srv/data/file", "/missing", "/");
        Assert.Equal(FreezeReason.NotADirectory, plan.Refusal?.Reason);
        Assert.Equal(["/srv/data/file", "/missing", "/", "/srv/data"], plan.Findings.Select(f => f.Path));
    }

    [Fact]
    public void What_cannot_freeze_is_left_out_or_fails_as_the_order_says()
    {
        _ = node.Add("overlay", "0:60", "overlay", "/merged");
        _ = node.Add("fuse.sshfs", "0:61", "host:", "/remote");
        _ = node.Add("nfs4", "0:62", "server:/x", "/net");
        _ = node.Add("tmpfs", "0:63", "tmpfs", "/scratch");
        var plan = node.Plan("/srv/data", "/merged", "/remote", "/net", "/scratch");
        Assert.Null(plan.Refusal);
        Assert.Equal("/srv/data", Assert.Single(plan.Filesystems).Path);
        Assert.Equal(4, plan.Findings.Count);
        Assert.All(plan.Findings, f => Assert.Equal((FilesystemState.Skipped, FreezeReason.FreezeNotSupported), (f.State, f.Reason)));
        Assert.DoesNotContain(node.Kernel.Log!, c => c.Call.Kind == CallKind.OpenFolder && c.Call.Filesystem!.Type != "ext4");

        var refusal = node.Plan(node.Order with { Paths = ["/srv/data", "/merged"], FailUnsupported = true }).Refusal;
        Assert.Equal(FreezeReason.FreezeNotSupported, refusal?.Reason);
        Assert.StartsWith("/merged: ", refusal!.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_kind_that_nobody_knows_is_tried()
    {
        _ = node.Add("newfs", "8:40", "/dev/sdd", "/new");
        Assert.Equal("/new", Assert.Single(node.Plan("/new").Filesystems).Path);
    }
}
