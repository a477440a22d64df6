using Quiesce.Cluster;

namespace Quiesce.ApiServers;

/// <summary>The local cluster, in this process.</summary>
internal sealed class LocalApiServer : ApiServerUnderTest
{
    private readonly LocalCluster _cluster;

    private LocalApiServer(LocalCluster cluster) => _cluster = cluster;

    public override string Name => "local cluster";

    public override string Url => _cluster.Url;

    public override string Kubeconfig => _cluster.Kubeconfig;

    public override bool EvaluatesCel => false;

    public override bool RunsControllers => true;

    public override bool Authorizes => false;

    public override LocalCluster Local => _cluster;

    public static async Task<LocalApiServer> StartAsync(LocalClusterOptions options) => new(await LocalCluster.StartAsync(options).ConfigureAwait(false));

    protected override HttpClient CreateHttpClient() => new() { BaseAddress = new Uri(Url) };

    protected override async Task StopAsync() => await _cluster.DisposeAsync().ConfigureAwait(false);
}
