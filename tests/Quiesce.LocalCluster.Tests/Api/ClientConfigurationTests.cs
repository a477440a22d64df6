using k8s;
using k8s.Models;

namespace Quiesce.Cluster.Tests.Api;

/// <summary>The client library that Quiesce uses gets along with the server and its configuration.</summary>
public sealed class ClientConfigurationTests(SharedServer shared) : ApiTests(shared)
{
    [Fact]
    public async Task The_Kubernetes_client_reads_writes_and_is_refused()
    {
        using var client = new Kubernetes(Server.ClientConfiguration());

        var created = await client.CoreV1.CreateNamespacedConfigMapAsync(
            new V1ConfigMap { Metadata = new V1ObjectMeta { Name = "one" }, Data = new Dictionary<string, string> { ["a"] = "b" } }, Namespace, cancellationToken: Cancel);
        var patched = await client.CoreV1.PatchNamespacedConfigMapAsync(new V1Patch("""{"data": {"c": "d"}}""", V1Patch.PatchType.MergePatch), "one", Namespace, cancellationToken: Cancel);
        var list = await client.CoreV1.ListNamespacedConfigMapAsync(Namespace, cancellationToken: Cancel);
        var refused = await Assert.ThrowsAsync<k8s.Autorest.HttpOperationException>(() => client.CoreV1.ReadNamespacedConfigMapAsync("none", Namespace, cancellationToken: Cancel));
        var lease = await client.CoordinationV1.CreateNamespacedLeaseAsync(
            new V1Lease { Metadata = new V1ObjectMeta { Name = "leader" }, Spec = new V1LeaseSpec { HolderIdentity = "me", AcquireTime = new DateTime(2026, 1, 1, 0, 0, 0, DateTimeKind.Utc).AddTicks(1_234_560) } }, Namespace, cancellationToken: Cancel);

        Assert.Equal("b", created.Data["a"]);
        Assert.Equal("d", patched.Data["c"]);
        Assert.Contains(list.Items, m => m.Metadata.Name == "one");
        Assert.Equal(System.Net.HttpStatusCode.NotFound, refused.Response.StatusCode);
        Assert.Equal("me", lease.Spec.HolderIdentity);
    }
}
