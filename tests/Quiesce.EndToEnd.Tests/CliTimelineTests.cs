using System.Xml.Linq;
using Quiesce.Crds;
using Quiesce.EndToEnd.Tests.Running;
using Quiesce.RealFilesystems;

namespace Quiesce.EndToEnd.Tests;

/// <summary><c>kubectl quiesce timeline</c>: a real window as a picture.</summary>
public sealed class CliTimelineTests(Installation installation)
{
    [Fact]
    public async Task A_window_is_drawn_with_every_stage_of_every_filesystem_while_it_is_open_and_after()
    {
        await installation.RequireAsync();
        await using var ext4 = await RealFilesystem.CreateAsync(FilesystemKind.Ext4);
        await using var xfs = await RealFilesystem.CreateAsync(FilesystemKind.Xfs);
        using var guard = Guard.Start(TimeSpan.FromSeconds(90), ext4.MountPoint, xfs.MountPoint);
        await using var first = await installation.NodeAsync();
        await using var second = await installation.NodeAsync();
        var request = await Request.OfAsync(installation, 30, Request.HostPath(first.Name, ext4.MountPoint), Request.HostPath(second.Name, xfs.MountPoint));
        await request.PhaseAsync(FreezePhase.Frozen);
        var (code, said) = await CliAsync(request, "timeline", request.Name);
        Assert.True(code == 0, said);
        foreach (var part in new[] { first.Name, second.Name, "opening", "held", "░", "▓", "█" }) Assert.Contains(part, said, StringComparison.Ordinal);
        Assert.DoesNotContain("closing", said, StringComparison.Ordinal);

        await request.ThawAsync();
        await request.EndsAsAsync(FreezePhase.Thawed, Reasons.ThawRequested);
        (code, said) = await CliAsync(request, "timeline", request.Name);
        Assert.True(code == 0, said);
        Assert.Contains("closing", said, StringComparison.Ordinal);
        Assert.Contains("▒", said, StringComparison.Ordinal);

        var file = installation.NewFile("timeline");
        (code, said) = await CliAsync(request, "timeline", request.Name, "--svg", file);
        Assert.True(code == 0, said);
        XNamespace svg = "http://www.w3.org/2000/svg";
        var picture = XDocument.Load(file);
        var texts = picture.Descendants(svg + "text").Select(t => t.Value).ToList();
        Assert.Contains(first.Name, texts);
        Assert.Contains(second.Name, texts);
        // A lane each, with four stages drawn in it: the freeze is somewhere, and its width is more than nothing.
        var lanes = picture.Descendants(svg + "g").ToList();
        Assert.Equal(2, lanes.Count);
        Assert.All(lanes, lane => Assert.Equal(4, lane.Elements(svg + "rect").Select(r => r.Attribute("fill")!.Value).Distinct().Count()));
        Assert.All(picture.Descendants(svg + "rect"), r => Assert.True((double)r.Attribute("width")! > 0));

        // Where nothing was frozen there is nothing to draw.
        var failed = await Request.OfAsync(installation, 30, Request.HostPath(first.Name, "/no/such/folder"));
        await failed.EndAsync();
        (code, said) = await CliAsync(failed, "timeline", failed.Name);
        Assert.True(code == 4, said);
        Assert.Contains("nothing to draw", said, StringComparison.Ordinal);
        await request.DeleteAsync();
    }

    private Task<(int Code, string Output)> CliAsync(Request request, params string[] arguments) =>
        Command.TryAsync("env", ["-u", "KUBECONFIG", Installation.CliProgram, .. arguments, "--kubeconfig", installation.Kubeconfig, "-n", request.Namespace]);
}
