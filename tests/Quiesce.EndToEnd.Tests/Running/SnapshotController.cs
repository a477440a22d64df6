using System.Text;
using System.Text.Json.Nodes;

namespace Quiesce.EndToEnd.Tests.Running;

/// <summary>Definitions of the snapshot kinds and of Velero's, and what their controllers do as far as it is seen from outside.</summary>
internal sealed class SnapshotController(Installation installation, string ns)
{
    internal const string Snapshots = "snapshot.storage.k8s.io/v1";
    internal const string Groups = "groupsnapshot.storage.k8s.io/v1beta2";
    internal const string Velero = "velero.io/v1";

    internal Task DefineAsync(string groupVersion, string kind, string plural)
    {
        var (group, version) = (groupVersion.Split('/')[0], groupVersion.Split('/')[1]);
        // The kinds of Kubernetes' own groups need an approval.
        return installation.Server.ApplyAsync($$"""
            apiVersion: apiextensions.k8s.io/v1
            kind: CustomResourceDefinition
            metadata:
              name: {{plural}}.{{group}}
              annotations: {api-approved.kubernetes.io: "https://github.com/kubernetes-csi/external-snapshotter/pull/814"}
            spec:
              group: {{group}}
              scope: Namespaced
              names: {plural: {{plural}}, singular: {{kind.ToLowerInvariant()}}, kind: {{kind}}, listKind: {{kind}}List }
              versions:
              - name: {{version}}
                served: true
                storage: true
                schema: {openAPIV3Schema: {type: object, x-kubernetes-preserve-unknown-fields: true} }
            """);
    }

    /// <summary>The objects of a kind once a program has made as many.</summary>
    internal Task<IReadOnlyList<JsonNode>> AppearAsync(ProgramRun maker, string groupVersion, string plural, int count, string? inNamespace = null) => Eventually.GetAsync<IReadOnlyList<JsonNode>>(
        async () => await ListAsync(groupVersion, plural, inNamespace) is var items && items.Count == count ? items : null, () => $"{count} {plural}; who was to make them said:\n{maker.Said}");

    internal async Task<IReadOnlyList<JsonNode>> ListAsync(string groupVersion, string plural, string? inNamespace = null)
    {
        using var answer = await installation.Server.Http.GetAsync(new Uri($"/apis/{groupVersion}/namespaces/{inNamespace ?? ns}/{plural}", UriKind.Relative));
        Assert.True(answer.IsSuccessStatusCode, await answer.Content.ReadAsStringAsync());
        return [.. JsonNode.Parse(await answer.Content.ReadAsStringAsync())!["items"]!.AsArray().Select(i => i!)];
    }

    internal async Task StatusAsync(string groupVersion, string plural, string name, JsonObject status, string? inNamespace = null)
    {
        using var patch = new StringContent(new JsonObject { ["status"] = status }.ToJsonString(), Encoding.UTF8, "application/merge-patch+json");
        using var answer = await installation.Server.Http.PatchAsync(new Uri($"/apis/{groupVersion}/namespaces/{inNamespace ?? ns}/{plural}/{name}", UriKind.Relative), patch);
        Assert.True(answer.IsSuccessStatusCode, await answer.Content.ReadAsStringAsync());
    }
}
