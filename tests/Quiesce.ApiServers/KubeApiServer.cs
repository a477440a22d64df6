using System.Net.Http.Headers;
using System.Net.Security;
using System.Security.Cryptography;

namespace Quiesce.ApiServers;

/// <summary>A real kube-apiserver with its etcd, and with kube-controller-manager where the folder holds one, on loopback ports and a temporary folder.</summary>
internal sealed class KubeApiServer : ApiServerUnderTest
{
    private const int Attempts = 3;

    private readonly ProcessGroup _processes;
    private readonly ServerCertificate _certificate;
    private readonly string _token;

    private KubeApiServer(KubeApiServerFiles files, ProcessGroup processes, ServerCertificate certificate, string token, int port)
    {
        _processes = processes;
        _certificate = certificate;
        _token = token;
        Url = $"https://127.0.0.1:{port}";
        Kubeconfig = files.Kubeconfig(Url);
        RunsControllers = files.ControllerManager is not null;
    }

    public override string Name => $"kube-apiserver {Version}";

    public override string Url { get; }

    public override string Kubeconfig { get; }

    public override bool EvaluatesCel => true;

    public override bool RunsControllers { get; }

    public override bool Authorizes => true;

    private string Version { get; set; } = "";

    /// <param name="assets">The folder with the programs.</param>
    /// <param name="etcdFolder">Where etcd keeps its data; null for a folder that goes with the server.</param>
    /// <param name="cancellationToken">Gives up.</param>
    public static async Task<KubeApiServer> StartAsync(string assets, string? etcdFolder, CancellationToken cancellationToken)
    {
        for (var attempt = 1; ; attempt++)
        {
            try
            {
                return await StartOnceAsync(assets, etcdFolder, cancellationToken).ConfigureAwait(false);
            }
            catch (InvalidOperationException) when (attempt < Attempts)
            {
                // A port that was free a moment ago may have been taken since.
            }
        }
    }

    protected override HttpClient CreateHttpClient()
    {
        var handler = new SocketsHttpHandler
        {
            SslOptions = new SslClientAuthenticationOptions { CertificateChainPolicy = _certificate.TrustOnlyThis() },
        };
        var http = new HttpClient(handler) { BaseAddress = new Uri(Url) };
        http.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", _token);
        return http;
    }

    protected override Task StopAsync() => _processes.StopAsync();

    private static async Task<KubeApiServer> StartOnceAsync(string assets, string? etcdFolder, CancellationToken cancellationToken)
    {
        var certificate = ServerCertificate.Create();
        var token = Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(16));
        var files = KubeApiServerFiles.Create(assets, etcdFolder, certificate, token);
        var ports = FreePorts.Take(4);
        var processes = ProcessGroup.Start(files.Folder, files.CommandLines(ports));
        var server = new KubeApiServer(files, processes, certificate, token, ports[2]);
        try
        {
            await server.WaitUntilReadyAsync(cancellationToken).ConfigureAwait(false);
            return server;
        }
        catch
        {
            await server.DisposeAsync().ConfigureAwait(false);
            throw;
        }
    }

    private async Task WaitUntilReadyAsync(CancellationToken cancellationToken)
    {
        using var deadline = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        deadline.CancelAfter(TimeSpan.FromSeconds(60));
        while (!await IsReadyAsync(deadline.Token).ConfigureAwait(false))
        {
            if (deadline.IsCancellationRequested || _processes.HasExited)
                throw new InvalidOperationException($"kube-apiserver did not become ready.\n{_processes.LogTails()}");
            await Task.Delay(TimeSpan.FromMilliseconds(100), CancellationToken.None).ConfigureAwait(false);
        }

        using var version = await Http.GetAsync("/version", cancellationToken).ConfigureAwait(false);
        Version = System.Text.Json.Nodes.JsonNode.Parse(await version.Content.ReadAsByteArrayAsync(cancellationToken).ConfigureAwait(false))!["gitVersion"]!.GetValue<string>();
    }

    private async Task<bool> IsReadyAsync(CancellationToken cancellationToken)
    {
        try
        {
            // The default namespace is made by the server itself a moment after it is ready.
            foreach (var path in new[] { "/readyz", "/api/v1/namespaces/default" })
            {
                using var answer = await Http.GetAsync(path, cancellationToken).ConfigureAwait(false);
                if (!answer.IsSuccessStatusCode)
                    return false;
            }

            return true;
        }
        catch (Exception e) when (e is HttpRequestException or OperationCanceledException)
        {
            return false;
        }
    }
}
