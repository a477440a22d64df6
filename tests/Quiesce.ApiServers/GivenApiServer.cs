using System.Net;
using System.Net.Security;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using System.Text.Json.Nodes;
using k8s;
using k8s.Authentication;

namespace Quiesce.ApiServers;

/// <summary>A cluster that somebody else runs and gave a kubeconfig for. It is used and left running; what tests make in it they remove.</summary>
internal sealed class GivenApiServer : ApiServerUnderTest
{
    private readonly KubernetesClientConfiguration _configuration;
    private bool _isLocalCluster;
    private bool _hasControllerManager;
    private string _version = "";

    private GivenApiServer(string kubeconfig)
    {
        Kubeconfig = File.ReadAllText(kubeconfig);
        _configuration = ClientConfiguration();
    }

    public override string Name => $"{Url} ({_version})";

    public override string Url => _configuration.Host.TrimEnd('/');

    public override string Kubeconfig { get; }

    public override bool EvaluatesCel => !_isLocalCluster;

    public override bool RunsControllers => _isLocalCluster || _hasControllerManager;

    public override bool Authorizes => !_isLocalCluster;

    /// <param name="kubeconfig">A file that stands alone: certificates and tokens are in it, not beside it.</param>
    /// <param name="cancellationToken">Gives up.</param>
    public static async Task<GivenApiServer> ConnectAsync(string kubeconfig, CancellationToken cancellationToken)
    {
        var server = new GivenApiServer(kubeconfig);
        var version = await server.Http.GetStringAsync("/version", cancellationToken).ConfigureAwait(false);
        server._version = JsonNode.Parse(version)!["gitVersion"]!.GetValue<string>();
        server._isLocalCluster = server._version.Contains("quiesce-local-cluster", StringComparison.Ordinal);
        // Only kube-controller-manager makes service accounts by itself.
        using var account = await server.Http.GetAsync("/api/v1/namespaces/default/serviceaccounts/default", cancellationToken).ConfigureAwait(false);
        server._hasControllerManager = account.StatusCode == HttpStatusCode.OK;
        return server;
    }

    protected override HttpClient CreateHttpClient()
    {
        var tls = new SslClientAuthenticationOptions();
        if (_configuration.SslCaCerts is { Count: > 0 } authorities)
        {
            tls.CertificateChainPolicy = new X509ChainPolicy { TrustMode = X509ChainTrustMode.CustomRootTrust, RevocationMode = X509RevocationMode.NoCheck };
            tls.CertificateChainPolicy.CustomTrustStore.AddRange(authorities);
        }

        if (_configuration is { ClientCertificateData: { Length: > 0 } certificate, ClientCertificateKeyData: { Length: > 0 } key })
            tls.ClientCertificates = [X509Certificate2.CreateFromPem(Pem(certificate), Pem(key))];
        var transport = new SocketsHttpHandler { SslOptions = tls };
        using var client = new Kubernetes(_configuration);
        return new HttpClient(new CredentialsHandler(client.Credentials, transport)) { BaseAddress = new Uri(Url) };
    }

    protected override Task StopAsync() => Task.CompletedTask;

    private static string Pem(string base64) => Encoding.ASCII.GetString(Convert.FromBase64String(base64));

    /// <summary>Puts in what the kubeconfig's user authenticates with, where that is not a certificate.</summary>
    private sealed class CredentialsHandler(ServiceClientCredentials? credentials, HttpMessageHandler transport) : DelegatingHandler(transport)
    {
        protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
        {
            if (credentials is not null)
                await credentials.ProcessHttpRequestAsync(request, cancellationToken).ConfigureAwait(false);
            return await base.SendAsync(request, cancellationToken).ConfigureAwait(false);
        }
    }
}
