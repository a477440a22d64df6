using System.Net;
using k8s.Exceptions;
using Quiesce.Cluster.Faults;
using Quiesce.Crds;
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

    [Theory]
    [InlineData("/no/such/plugin", "No such file or directory")]
    [InlineData("false", "what it printed is not an ExecCredential, if it printed anything")]
    [InlineData("echo", "what it printed is not an ExecCredential, if it printed anything")]
    public void A_credential_plugin_that_gives_none_is_named_with_its_user_and_what_helps(string command, string why)
    {
        var e = Assert.Throws<KubeConfigException>(() => Connect(WithPlugin(command, "[login, -v]")));
        Assert.Contains($"{_file} cannot be used: the credential plugin of user u gave no credential: ", e.Message, StringComparison.Ordinal);
        Assert.Contains(why, e.Message, StringComparison.Ordinal);
        Assert.EndsWith($"Run `{command} login -v` by hand to see why. It comes with acme-cli.", e.Message, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', e.Message);
    }

    [Theory]
    [InlineData("{}", "api version  does not match client.authentication.k8s.io/v1")]
    [InlineData("""{"apiVersion": "client.authentication.k8s.io/v1", "kind": "ExecCredential"}""", "what it printed is not an ExecCredential, if it printed anything")]
    [InlineData("""{"apiVersion": "client.authentication.k8s.io/v9", "kind": "ExecCredential", "status": {"token": "t"}}""", "api version client.authentication.k8s.io/v9 does not match client.authentication.k8s.io/v1")]
    [InlineData("""{"apiVersion": "client.authentication.k8s.io/v1", "kind": "ExecCredential", "status": {}}""", "missing token")]
    public void What_a_credential_plugin_prints_instead_of_a_credential_is_said(string printed, string why)
    {
        using var plugin = new Plugin($"echo '{printed}'; exit");
        var e = Assert.Throws<KubeConfigException>(() => Connect(WithPlugin("sh", $"[{plugin.Script}]")));
        Assert.Contains($"gave no credential: {why}", e.Message, StringComparison.Ordinal);
        Assert.DoesNotContain("xception", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_credential_that_names_no_end_is_used_until_the_server_does_not_take_it_any_more_and_then_another_is_asked_for()
    {
        await using var cluster = await TestCluster.StartAsync();
        var faults = cluster.Server.Faults;
        using var plugin = new Plugin("if test -s $0.gone; then token=second; else token=first; fi");
        using var connection = Connect(WithPlugin("sh", $"[{plugin.Script}]").Replace("http://127.0.0.1:1", cluster.Connection.Client.BaseUri.ToString(), StringComparison.Ordinal));
        var nodes = new ResourceClient<Node>(connection, Kinds.Nodes);
        for (var i = 0; i < 3; i++) Assert.Null(await nodes.GetAsync(null, "n", CancellationToken.None));
        // One when the kubeconfig is read, which the library keeps nothing of, and one for all requests.
        Assert.Equal(2, plugin.Runs);
        faults.Inject(new() { Token = "first" }, FaultEffect.Unauthorized, int.MaxValue);
        plugin.Then();
        var config = new ResourceClient<Lease>(connection, Kinds.Leases);
        await config.CreateAsync(new() { Metadata = new() { Name = "l", NamespaceProperty = InternalNames.DefaultNamespace }, Spec = new() { HolderIdentity = "me" } }, CancellationToken.None);
        Assert.Equal("me", (await config.GetAsync(InternalNames.DefaultNamespace, "l", CancellationToken.None))!.Spec.HolderIdentity);
        Assert.Equal(3, plugin.Runs);
        // And where the next one is not taken either, that is said, and not tried for ever.
        faults.Inject(new() { Token = "second" }, FaultEffect.Unauthorized, int.MaxValue);
        var e = await Assert.ThrowsAsync<KubernetesApiException>(() => nodes.GetAsync(null, "n", CancellationToken.None));
        Assert.Equal((HttpStatusCode.Unauthorized, 4), (e.Status, plugin.Runs));
    }

    [Fact]
    public async Task A_credential_plugin_that_fails_later_is_no_answer_and_is_asked_again()
    {
        using var plugin = new Plugin("if test -s $0.gone; then exit 1; fi");
        using var connection = Connect(WithPlugin("sh", $"[{plugin.Script}]"));
        plugin.Then();
        for (var asked = 1; asked <= 2; asked++)
        {
            var e = await Assert.ThrowsAsync<KubernetesApiException>(() => new ResourceClient<Node>(connection, Kinds.Nodes).GetAsync(null, "n", CancellationToken.None));
            Assert.True(e.IsTransient);
            Assert.Contains("the credential plugin of user u gave no credential: ", e.Message, StringComparison.Ordinal);
            Assert.Equal(1 + asked, plugin.Runs);
        }
    }

    [Fact]
    public async Task A_credential_plugin_that_hangs_holds_up_a_request_no_longer_than_an_answer_may_take()
    {
        using var plugin = new Plugin("if test -s $0.gone; then exec sleep 5; fi");
        await File.WriteAllTextAsync(_file, WithPlugin("sh", $"[{plugin.Script}]"));
        using var connection = KubernetesConnection.Create(_file, options: new() { RequestTimeout = TimeSpan.FromMilliseconds(300) });
        plugin.Then();
        for (var asked = 1; asked <= 2; asked++)
        {
            var e = await Assert.ThrowsAsync<KubernetesApiException>(() => new ResourceClient<Node>(connection, Kinds.Nodes).GetAsync(null, "n", CancellationToken.None)).WaitAsync(TimeSpan.FromSeconds(4));
            Assert.True(e.IsTransient);
            Assert.Contains("the credential plugin of user u gave no credential: it has not ended yet. ", e.Message, StringComparison.Ordinal);
            Assert.Equal(2, plugin.Runs);
        }
    }

    private static string WithPlugin(string command, string arguments) => $$$"""
        apiVersion: v1
        kind: Config
        current-context: one
        clusters: [{name: c, cluster: {server: "http://127.0.0.1:1"}}]
        contexts: [{name: one, context: {cluster: c, user: u}}]
        users:
        - name: u
          user:
            exec:
              apiVersion: client.authentication.k8s.io/v1
              command: {{{command}}}
              args: {{{arguments}}}
              interactiveMode: Never
              installHint: It comes with acme-cli.
        """;

    /// <summary>A script that prints a credential, and something else from a moment on.</summary>
    private sealed class Plugin : IDisposable
    {
        private readonly string _folder = Directory.CreateTempSubdirectory("quiesce-plugin-").FullName;

        internal Plugin(string first) => File.WriteAllText(
            Script, $$$"""
            echo >>$0.runs
            {{{first}}}
            echo '{"apiVersion": "client.authentication.k8s.io/v1", "kind": "ExecCredential", "status": {"token": "'${token-t}'"}}'
            """);

        internal string Script => Path.Combine(_folder, "plugin");

        internal int Runs => File.ReadAllLines($"{Script}.runs").Length;

        internal void Then() => File.WriteAllText($"{Script}.gone", "gone");

        public void Dispose() => Directory.Delete(_folder, recursive: true);
    }
}
