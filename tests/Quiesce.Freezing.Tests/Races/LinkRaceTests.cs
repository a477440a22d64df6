using System.Diagnostics;
using System.Globalization;
using Quiesce.Freezing.Kernel;
using Quiesce.Freezing.Mounts;
using Quiesce.Freezing.Planning;
using Quiesce.RealFilesystems;

namespace Quiesce.Freezing.Tests.Races;

/// <summary>
/// A tenant swaps folders of his volume with links that lead out of it, while the path is looked up by the code that looks it up for a freeze. Each look-up
/// ends in the volume or with an error; and both states of every swap were met, else nothing was tried.
/// </summary>
public sealed class LinkRaceTests : IAsyncLifetime
{
    // Look-ups of each of the ten paths.
    private const int Rounds = 12_000;
    private const int Plans = 1_500;

    // Each of the two outcomes of a swap, of all look-ups of its path.
    private const double LeastShare = 0.02;

    private RealFilesystem volume = null!;
    private RealFilesystem other = null!;
    private LinuxKernel kernel = null!;
    private MountTable table = null!;
    private DeviceNumber meant;

    public async ValueTask InitializeAsync()
    {
        RealKernel.Require();
        volume = await RealFilesystem.CreateAsync(FilesystemKind.Ext4, TestContext.Current.CancellationToken);
        other = await RealFilesystem.CreateAsync(FilesystemKind.Ext4, TestContext.Current.CancellationToken);
        Directory.CreateDirectory($"{other.MountPoint}/target/inner");
        Assert.Equal(Errno.None, LinuxKernel.Open("/", out var opened));
        kernel = opened!;
        Assert.True(DeviceNumber.TryParse(volume.DeviceNumber, out meant)); // ext4: st_dev is the superblock's number
    }

    public async ValueTask DisposeAsync()
    {
        kernel?.Dispose();
        if (other is not null) await other.DisposeAsync();
        if (volume is not null) await volume.DisposeAsync();
    }

    [Fact]
    public async Task No_link_that_is_swapped_in_leads_a_look_up_out_of_its_volume()
    {
        // A part of the volume mounted by itself, as kubelet mounts a subPath: what lies above its root is not the tenant's.
        var part = await volume.BindAsync("part");
        Directory.CreateDirectory($"{part}/deep/er");
        var climb = string.Concat(Enumerable.Repeat("../", 12));
        using var held = File.OpenHandle(other.Image);
        var swaps = new List<(string Path, string Link, Errno Refused)>
        {
            ($"{volume.MountPoint}/absolute", $"{other.MountPoint}/target", Errno.CrossDevice),
            ($"{volume.MountPoint}/relative", $"{climb}{other.MountPoint[1..]}/target", Errno.CrossDevice),
            ($"{volume.MountPoint}/over-a-link", "by-way-of", Errno.CrossDevice), // through a second link, which stays
            ($"{volume.MountPoint}/magic", $"/proc/self/root{other.MountPoint}/target", Errno.TooManyLinks),
            ($"{volume.MountPoint}/thread", $"/proc/thread-self/root{other.MountPoint}/target", Errno.TooManyLinks),
            ($"{volume.MountPoint}/descriptor", $"/proc/self/fd/{held.DangerousGetHandle().ToString(CultureInfo.InvariantCulture)}", Errno.TooManyLinks),
            ($"{part}/parent", "..", Errno.CrossDevice),
            ($"{part}/parents-child", $"deep/er/../../../../{other.MountPoint[(RealFilesystem.Root.Length + 1)..]}/target", Errno.CrossDevice),
            ($"{volume.MountPoint}/inside", "within", Errno.None), // a link that may be followed
            ($"{volume.MountPoint}/and-back", $"{volume.MountPoint}/within", Errno.None),
        };
        Directory.CreateDirectory($"{volume.MountPoint}/within/inner");
        File.CreateSymbolicLink($"{volume.MountPoint}/by-way-of", $"{other.MountPoint}/target");
        foreach (var (path, link, _) in swaps)
        {
            Directory.CreateDirectory($"{path}/inner");
            File.CreateSymbolicLink($"{path}-link", link);
        }
        Assert.Equal(Errno.None, MountTable.Read(kernel, out table));
        var folders = swaps.ConvertAll(s => (ulong[])[InodeOf(s.Path), InodeOf($"{s.Path}/inner")]);

        var outcomes = swaps.ConvertAll(s => new Outcomes(Path.GetFileName(s.Path)));
        var age = Stopwatch.StartNew();
        long swapped = 0;
        // Each by itself, so that it is swapped several times in one look-up; by renameat2(2), and by rename(2), which also leaves moments with nothing there.
        for (var i = 0; i < swaps.Count; i++)
        {
            foreach (var exchange in (bool[])[true, false])
            {
                using var swapper = new Swapper([(swaps[i].Path, $"{swaps[i].Path}-link")], exchange);
                for (var round = 0; round < Rounds / 2; round++) LookUp(round % 2 == 0 ? swaps[i].Path : $"{swaps[i].Path}/inner", folders[i], outcomes[i]);
                swapper.Dispose();
                swapped += swapper.Swaps;
            }
        }

        var all = string.Join('\n', outcomes);
        Assert.True(outcomes.TrueForAll(o => o.Escapes == 0), all);
        foreach (var (outcome, swap) in outcomes.Zip(swaps))
        {
            Assert.True(outcome.Folder > outcome.Attempts * LeastShare, all);
            Assert.True((swap.Refused == Errno.None ? outcome.Elsewhere : outcome.Of(swap.Refused)) > outcome.Attempts * LeastShare, all);
        }
        var attempts = outcomes.Sum(o => o.Attempts);
        Assert.True(attempts >= 100_000, all);
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"[figure] look-ups in a volume under {swapped:N0} renames: {attempts:N0}, {outcomes.Sum(o => o.Folder):N0} met the folder, {attempts - outcomes.Sum(o => o.Folder):N0} a link or nothing, 0 led out of the volume; {age.Elapsed.TotalSeconds:0.0} s"));
    }

    [Fact]
    public void No_plan_holds_another_filesystem_than_the_volume_that_was_named()
    {
        Directory.CreateDirectory($"{volume.MountPoint}/data/inner");
        File.CreateSymbolicLink($"{volume.MountPoint}/data-link", $"{other.MountPoint}/target");
        var (planned, refused) = (0, 0);
        using (new Swapper([($"{volume.MountPoint}/data", $"{volume.MountPoint}/data-link")], exchange: true))
        {
            for (var round = 0; round < Plans; round++)
            {
                var path = round % 2 == 0 ? "data" : "data/inner";
                var plan = FreezePlanner.Plan(kernel, new PlanOrder { Paths = [$"{volume.MountPoint}/{path}"] });
                foreach (var filesystem in plan.Filesystems)
                {
                    kernel.Close(filesystem.Folder);
                    Assert.Equal(meant, filesystem.Superblock);
                }
                if (plan.Refusal is null) planned++;
                else refused++;
                Assert.True(plan.Refusal?.Reason is null or FreezeReason.InvalidPath, plan.Refusal?.Message);
            }
        }
        Assert.InRange(planned, Plans * LeastShare, Plans);
        Assert.InRange(refused, Plans * LeastShare, Plans);
        Console.WriteLine($"[figure] plans over a folder that is swapped with a link: {planned:N0} hold the volume, {refused:N0} were refused, none holds another filesystem");
    }

    [Fact]
    public void Nothing_in_the_host_root_leads_out_of_it()
    {
        // The host's own links are followed by the kernel; with a host root made of a volume under attack none may leave it.
        var root = volume.MountPoint;
        Directory.CreateDirectory($"{root}{other.MountPoint}/target/inner"); // where the links lead inside
        var climb = string.Concat(Enumerable.Repeat("../", 12));
        var swaps = new (string Path, string Link)[]
        {
            ("/absolute", $"{other.MountPoint}/target"),
            ("/relative", $"{climb}{other.MountPoint[1..]}/target"),
        };
        foreach (var (path, link) in swaps)
        {
            Directory.CreateDirectory($"{root}{path}/inner");
            File.CreateSymbolicLink($"{root}{path}-link", link);
        }
        Assert.Equal(Errno.None, LinuxKernel.Open(root, out var inside));
        var folders = swaps.Select(s => (ulong[])[InodeOf($"{root}{s.Path}/inner")]).ToList();
        var outcomes = swaps.Select(s => new Outcomes(s.Path)).ToList();
        using (new Swapper([.. swaps.Select(s => ($"{root}{s.Path}", $"{root}{s.Path}-link"))], exchange: true))
        {
            for (var round = 0; round < 50_000; round++)
                for (var i = 0; i < swaps.Length; i++)
                {
                    var error = inside!.OpenPath($"{swaps[i].Path}/inner", out var descriptor);
                    Count(inside, error, descriptor, folders[i], outcomes[i]);
                }
        }
        inside!.Dispose();
        var all = string.Join('\n', outcomes);
        foreach (var outcome in outcomes)
        {
            Assert.True(outcome.Escapes == 0, all);
            Assert.True(Math.Min(outcome.Folder, outcome.Elsewhere) > outcome.Attempts * LeastShare, all);
        }
        Console.WriteLine($"[figure] look-ups in a host root under attack: {outcomes.Sum(o => o.Attempts):N0}, none led out of it; {string.Join("; ", outcomes)}");
    }

    private void LookUp(string path, ulong[] folder, Outcomes outcome)
    {
        var error = PathLookup.Open(kernel, table, path, out var descriptor, out _);
        Count(kernel, error, descriptor, folder, outcome);
    }

    private void Count(LinuxKernel on, Errno error, Descriptor descriptor, ulong[] folder, Outcomes outcome)
    {
        if (error != Errno.None)
        {
            outcome.Add(error);
            return;
        }
        Assert.Equal(Errno.None, on.Identify(descriptor, out var identity));
        on.Close(descriptor);
        if (identity.Device != meant) outcome.Escapes++;
        else if (folder.Contains(identity.Inode)) outcome.Folder++;
        else outcome.Elsewhere++;
    }

    private ulong InodeOf(string path)
    {
        Assert.Equal(Errno.None, kernel.OpenPath(path, out var descriptor));
        Assert.Equal(Errno.None, kernel.Identify(descriptor, out var identity));
        kernel.Close(descriptor);
        return identity.Inode;
    }
}
