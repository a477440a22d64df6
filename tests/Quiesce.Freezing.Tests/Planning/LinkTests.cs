using Quiesce.Freezing.Tests.Simulation;

namespace Quiesce.Freezing.Tests.Planning;

/// <summary>The host's own links are followed wherever they lead; those in a volume only as long as they stay in it.</summary>
public sealed class LinkTests
{
    private readonly Node node = new();
    private readonly SimulatedFilesystem data;

    public LinkTests()
    {
        data = node.Add("ext4", "8:17", "/dev/sdb1", "/srv/data");
        _ = data.Add("folder/inner");
        var other = node.Add("xfs", "8:18", "/dev/sdb2", "/srv/other");
        _ = other.Add("folder/inner");
        _ = other.Add("to-data", NodeKind.Link, "/srv/data/folder");
        _ = node.HostDisk.Add("srv/link", NodeKind.Link, "/srv/data");
        _ = node.HostDisk.Add("srv/chain", NodeKind.Link, "link/folder");
        _ = node.HostDisk.Add("srv/by-way", NodeKind.Link, "data/off");
        _ = data.Add("within", NodeKind.Link, "folder");
        _ = data.Add("absolute", NodeKind.Link, "/srv/data/folder");
        _ = data.Add("by-host", NodeKind.Link, "/srv/link/folder");
        _ = data.Add("by-other", NodeKind.Link, "../other/to-data");
        _ = data.Add("off", NodeKind.Link, "/srv/other/folder");
        _ = data.Add("off-relative", NodeKind.Link, "../other/folder");
        _ = data.Add("off-by-within", NodeKind.Link, "off");
        _ = data.Add("off-to-root", NodeKind.Link, "/");
        _ = data.Add("empty-name", NodeKind.Link, "");
        _ = node.HostDisk.Add("var/lib/kubelet/pods/1/volumes/cache/off", NodeKind.Link, "/srv/other");
        _ = node.HostDisk.Add("srv/pods", NodeKind.Link, "../var/lib/kubelet/pods");
        _ = node.HostDisk.Add("var/lib/kubelet/pods/1/volumes/cache/within", NodeKind.Link, ".");
    }

    [Theory]
    [InlineData("/srv/link")]
    [InlineData("/srv/link/folder/inner")]
    [InlineData("/srv/chain/inner")]
    [InlineData("/srv/data/within/inner")]
    [InlineData("/srv/data/within/")]
    [InlineData("/srv/data/absolute")]
    [InlineData("/srv/data/by-host/inner")]
    [InlineData("/srv/data/by-other/inner")]
    [InlineData("/srv/link/within")]
    public void A_link_of_the_host_and_one_that_stays_in_its_volume_are_followed(string path) =>
        Assert.Equal(data.Superblock, Assert.Single(node.Plan(path).Filesystems).Superblock);

    [Theory]
    [InlineData("/srv/data/off", "/srv/data/off")]
    [InlineData("/srv/data/off/inner", "/srv/data/off")]
    [InlineData("/srv/data/off-relative", "/srv/data/off-relative")]
    [InlineData("/srv/data/off-by-within/inner", "/srv/data/off-by-within")]
    [InlineData("/srv/data/off-to-root", "/srv/data/off-to-root")]
    [InlineData("/srv/link/off", "/srv/data/off")]
    [InlineData("/srv/by-way", "/srv/data/off")] // the host's own link leads into the volume, and a link there leads off
    [InlineData("/srv/other/to-data", "/srv/other/to-data")]
    [InlineData("/var/lib/kubelet/pods/1/volumes/cache/off", "/var/lib/kubelet/pods/1/volumes/cache/off")] // on the root's filesystem, and a pod's all the same
    [InlineData("/var//lib/kubelet/pods/1/volumes/cache/off", "/var//lib/kubelet/pods/1/volumes/cache/off")]
    [InlineData("/srv/pods/1/volumes/cache/off", "/srv/../var/lib/kubelet/pods/1/volumes/cache/off")] // through a link of the host's
    public void A_link_that_leads_off_its_volume_is_refused_by_name(string path, string link)
    {
        var refusal = node.Plan(path).Refusal;
        Assert.Equal(FreezeReason.InvalidPath, refusal?.Reason);
        Assert.StartsWith($"{path}: the link {link} lies on the ", refusal!.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("/srv/data/empty-name", FreezeReason.PathNotFound)]
    [InlineData("/var/lib/kubelet/pods/1/volumes/cache/within", FreezeReason.ProtectedFilesystem)]
    public void Whatever_else_is_wrong_is_told_as_without_links(string path, string reason) => Assert.Equal(reason, node.Plan(path).Refusal?.Reason);

    [Fact]
    public void A_folder_that_becomes_a_link_while_it_is_looked_up_is_seen()
    {
        // Each look-up finds the other: a link where there was a folder, and a folder where there was a link.
        var (folder, link) = (data.Add("swapped/inner").Parent!, data.Add("off"));
        node.Kernel.Before = call =>
        {
            if (call is not { Kind: CallKind.OpenPath, Path: { } path } || !path.StartsWith("/srv/data/swapped", StringComparison.Ordinal)) return;
            data.Root.Children["swapped"] = data.Root.Children["swapped"] == folder ? link : folder;
        };
        foreach (var path in (string[])["/srv/data/swapped", "/srv/data/swapped/inner"])
        {
            for (var i = 0; i < 2; i++)
            {
                var plan = node.Plan(path);
                Assert.All(plan.Filesystems, f => Assert.Equal(data.Superblock, f.Superblock));
                Assert.True(plan.Refusal?.Reason is null or FreezeReason.InvalidPath, plan.Refusal?.Message);
            }
        }
    }
}
