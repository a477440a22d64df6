using System.Text;
using System.Text.Json.Nodes;
using Quiesce.ApiServers;
using Quiesce.Crds;
using Quiesce.EndToEnd.Tests.Running;
using Quiesce.RealFilesystems;

namespace Quiesce.EndToEnd.Tests;

/// <summary>A backup that was taken in an open window is a loaded freeze. Restored, it freezes nothing: in the same cluster or in another one, whether the tool that restores says so or not.</summary>
public sealed class BackupRestoreTests(Installation installation)
{
    private static readonly string[] Plurals = ["freezewindows", "freezerequests", "nodefreezes"];

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_namespace_that_was_backed_up_in_its_window_is_restored_where_it_was_and_nothing_freezes(bool labelled)
    {
        await installation.RequireAsync();
        await using var ext4 = await RealFilesystem.CreateAsync(FilesystemKind.Ext4);
        using var guard = ext4.Guard(TimeSpan.FromSeconds(120));
        await using var writer = await StandingWriter.StartAsync(ext4);
        await using var node = await installation.NodeAsync();
        var request = await Request.OfAsync(installation, 60, Request.HostPath(node.Name, ext4.MountPoint));
        await request.PhaseAsync(FreezePhase.Frozen);
        await writer.StandsStillAsync();
        var backup = await BackUpAsync(request, labelled);
        await request.GoesAwayAsync();
        await writer.GoesOnAsync(TimeSpan.FromSeconds(5));

        await RestoreAsync(installation, backup);
        await NothingFreezesAsync(installation, request, writer);
        Assert.Single(writer.Stalls);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_namespace_that_was_backed_up_in_its_window_is_restored_in_another_cluster_and_nothing_freezes(bool labelled)
    {
        await installation.RequireAsync();
        await using var ext4 = await RealFilesystem.CreateAsync(FilesystemKind.Ext4);
        using var guard = ext4.Guard(TimeSpan.FromSeconds(150));
        var node = await installation.NodeAsync();
        var request = await Request.OfAsync(installation, 60, Request.HostPath(node.Name, ext4.MountPoint));
        await request.PhaseAsync(FreezePhase.Frozen);
        var backup = await BackUpAsync(request, labelled);
        await request.GoesAwayAsync();
        await node.DisposeAsync();

        await using var writer = await StandingWriter.StartAsync(ext4);
        await using var other = new Installation(new ApiServerOptions());
        await other.InitializeAsync();
        await other.RequireAsync();
        await using var otherNode = await other.NodeAsync();
        await other.Server.ApplyAsync($"{{apiVersion: v1, kind: Namespace, metadata: {{name: {request.Namespace}}}}}");
        // As if the node had the same name.
        await RestoreAsync(other, [.. backup.Select(o => JsonNode.Parse(o.ToJsonString().Replace($"\"{node.Name}\"", $"\"{otherNode.Name}\"", StringComparison.Ordinal))!)]);
        await NothingFreezesAsync(other, request, writer);
        await writer.NeverFrozenAsync();
    }

    /// <summary>Everything of a request as a tool writes it down: not what the server makes, and with what says where it came from.</summary>
    /// <param name="request">Its window is open.</param>
    /// <param name="labelled">As Velero does, and without the label by which Velero leaves it out; or as a tool that knows no labels.</param>
    private async Task<IReadOnlyList<JsonNode>> BackUpAsync(Request request, bool labelled)
    {
        List<JsonNode> objects = [];
        foreach (var plural in Plurals)
        {
            var ns = plural == "freezerequests" ? request.Namespace : InternalNames.DefaultNamespace;
            var list = JsonNode.Parse(await installation.Server.Http.GetStringAsync(new Uri($"/apis/{QuiesceApi.Group}/{QuiesceApi.Version}/namespaces/{ns}/{plural}", UriKind.Relative)))!;
            var mine = Assert.Single(list["items"]!.AsArray(), o => (string?)o!["metadata"]!["uid"] == request.Uid || (string?)o["spec"]!["request"]?["uid"] == request.Uid)!.DeepClone().AsObject();
            mine.Remove("status");
            var metadata = mine["metadata"]!.AsObject();
            foreach (var made in new[] { "uid", "resourceVersion", "generation", "creationTimestamp", "managedFields" }) metadata.Remove(made);
            var labels = metadata["labels"]!.AsObject();
            // Velero itself would not have taken it: here it has.
            Assert.True(labels.Remove(QuiesceApi.ExcludeFromBackupLabel));
            if (labelled) (labels["velero.io/backup-name"], labels[QuiesceApi.RestoreNameLabel]) = ("nightly", "nightly-restored");
            objects.Add(mine);
        }

        Assert.Contains(QuiesceApi.Finalizer, objects[1]["metadata"]!["finalizers"]!.ToJsonString(), StringComparison.Ordinal);
        return objects;
    }

    private static async Task RestoreAsync(Installation into, IReadOnlyList<JsonNode> objects)
    {
        foreach (var (o, plural) in objects.Zip(Plurals))
        {
            using var body = new StringContent(o.ToJsonString(), Encoding.UTF8, "application/json");
            using var answer = await into.Server.Http.PostAsync(new Uri($"/apis/{QuiesceApi.Group}/{QuiesceApi.Version}/namespaces/{o["metadata"]!["namespace"]}/{plural}", UriKind.Relative), body);
            Assert.True(answer.IsSuccessStatusCode, await answer.Content.ReadAsStringAsync());
        }
    }

    /// <summary>The request says what became of it, the rest is swept, and meanwhile the writer writes.</summary>
    private static async Task NothingFreezesAsync(Installation cluster, Request request, StandingWriter writer)
    {
        var restored = await Eventually.GetAsync(
            async () => await cluster.FreezeRequests.GetAsync(request.Namespace, request.Name, CancellationToken.None) is { Status.Phase: >= FreezePhase.Thawed } ended ? ended : null, () => $"an end of {request.Name}");
        Assert.Equal((FreezePhase.Failed, Reasons.Restored), (restored.Status!.Phase, restored.Status.Reason));
        Assert.Contains("Delete it; create a new request to freeze.", restored.Status.Message, StringComparison.Ordinal);
        await Eventually.GetAsync(
            async () =>
            {
                var label = $"{QuiesceApi.RequestUidLabel}={request.Uid}";
                Assert.False(writer.StandsStill, "frozen by a restore");
                return (await cluster.FreezeWindows.ListAsync(InternalNames.DefaultNamespace, label)).Items.Count + (await cluster.NodeFreezes.ListAsync(InternalNames.DefaultNamespace, label)).Items.Count == 0 ? "swept" : null;
            },
            () => "what was restored with it is swept");
        await cluster.FreezeRequests.DeleteAsync(request.Namespace, request.Name, cancellationToken: CancellationToken.None);
        await Eventually.GetAsync(async () => await cluster.FreezeRequests.GetAsync(request.Namespace, request.Name, CancellationToken.None) is null ? "gone" : null, () => "it can be deleted");
    }
}
