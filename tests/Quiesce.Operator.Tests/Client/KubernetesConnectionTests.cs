using k8s.Exceptions;
using Quiesce.Crds.Client;

namespace Quiesce.Operator.Tests.Client;

/// <summary>Finding the cluster.</summary>
public sealed class KubernetesConnectionTests : IDisposable
{
    private const string Good = """
        apiVersion: v1
        kind: Config
        current-context: one
        clusters: [{name: c, cluster: {server: "http://127.0.0.1:1"}}]
        users: [{name: u, user: {token: t}}]
        contexts:
        - {name: one, context: {cluster: c, user: u, namespace: here}}
        - {name: two, context: {cluster: c, user: u}}
        """;

    private readonly string _file = Path.GetTempFileName();

    public void Dispose() => File.Delete(_file);

    private KubernetesConnection Connect(string kubeconfig, string? context = null)
    {
        File.WriteAllText(_file, kubeconfig);
        return KubernetesConnection.Create(_file, context);
    }

    [Fact]
    public void A_kubeconfig_and_its_current_context_are_used_and_named()
    {
        using var connection = Connect(Good);
        Assert.Equal(("http://127.0.0.1:1/", "here", $"{_file}, context one"), (connection.Client.BaseUri.ToString(), connection.Namespace, connection.Source));
    }

    [Fact]
    public void Another_context_can_be_asked_for()
    {
        using var connection = Connect(Good, "two");
        Assert.Null(connection.Namespace);
        Assert.Contains("two", connection.Source, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("current-context: [", null)]
    [InlineData("apiVersion: v1\nkind: Config\n", null)]
    [InlineData(Good, "three")]
    public void What_is_wrong_with_a_kubeconfig_is_said_with_its_name(string kubeconfig, string? context)
    {
        var e = Assert.Throws<KubeConfigException>(() => Connect(kubeconfig, context));
        Assert.Contains(_file, e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_kubeconfig_that_is_missing_is_named() =>
        Assert.Contains("/no/such/file", Assert.Throws<KubeConfigException>(() => KubernetesConnection.Create("/no/such/file")).Message, StringComparison.Ordinal);

    [Fact]
    public async Task A_server_that_is_not_there_is_named()
    {
        using var connection = Connect(Good);
        var e = await Assert.ThrowsAsync<KubernetesApiException>(() => new ResourceClient<Node>(connection, Kinds.Nodes).GetAsync(null, "n", CancellationToken.None));
        Assert.Contains("127.0.0.1:1", e.Message, StringComparison.Ordinal);
        Assert.Equal("Unreachable", e.Reason);
    }
}
