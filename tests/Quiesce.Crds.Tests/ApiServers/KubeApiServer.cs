using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Quiesce.Crds.Tests.ApiServers;

/// <summary>A kube-apiserver with its etcd, on loopback, from the folder that <c>KUBEBUILDER_ASSETS</c> names.</summary>
public sealed class KubeApiServer : IAsyncDisposable
{
    public const string Missing = "KUBEBUILDER_ASSETS is not set: it names the folder with kube-apiserver and etcd that this test needs";

    private readonly DirectoryInfo folder = Directory.CreateTempSubdirectory("quiesce-apiserver-");
    private readonly List<Process> processes = [];
    private readonly Queue<string> lastLines = [];

    private KubeApiServer()
    {
    }

    public static bool IsAvailable => Assets is not null;

    public HttpClient Http { get; private set; } = null!;

    private static string? Assets => Environment.GetEnvironmentVariable("KUBEBUILDER_ASSETS") is { Length: > 0 } path ? path : null;

    public static async Task<KubeApiServer> StartAsync(CancellationToken cancellation)
    {
        var server = new KubeApiServer();
        try
        {
            await server.StartProcessesAsync(cancellation);
            return server;
        }
        catch
        {
            await server.DisposeAsync();
            throw;
        }
    }

    /// <summary>Runs kubectl, from beside the server if it is there, as an administrator. Throws with what it printed when it fails.</summary>
    public async Task<string> KubectlAsync(params string[] arguments)
    {
        var own = Path.Combine(Assets!, "kubectl");
        var start = new ProcessStartInfo(File.Exists(own) ? own : "kubectl", arguments) { RedirectStandardOutput = true, RedirectStandardError = true };
        start.Environment["KUBECONFIG"] = Path.Combine(folder.FullName, "kubeconfig");
        start.Environment["HOME"] = folder.FullName;
        using var kubectl = Process.Start(start)!;
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(30));
        var (output, errors) = (kubectl.StandardOutput.ReadToEndAsync(limit.Token), kubectl.StandardError.ReadToEndAsync(limit.Token));
        await kubectl.WaitForExitAsync(limit.Token);
        Assert.True(kubectl.ExitCode == 0, $"kubectl {string.Join(' ', arguments)}: {await errors}{await output}");
        return await output;
    }

    public async ValueTask DisposeAsync()
    {
        Http?.Dispose();
        foreach (var process in processes)
        {
            process.Kill();
            await process.WaitForExitAsync();
            process.Dispose();
        }

        folder.Delete(recursive: true);
    }

    private async Task StartProcessesAsync(CancellationToken cancellation)
    {
        var authority = WriteCertificates();
        var (etcd, peer, port) = (FreePort(), FreePort(), FreePort());
        Start(
            "etcd", "--data-dir", At("etcd"), "--unsafe-no-fsync",
            "--listen-client-urls", $"http://127.0.0.1:{etcd}", "--advertise-client-urls", $"http://127.0.0.1:{etcd}",
            "--listen-peer-urls", $"http://127.0.0.1:{peer}", "--initial-advertise-peer-urls", $"http://127.0.0.1:{peer}",
            "--initial-cluster", $"default=http://127.0.0.1:{peer}");
        Start(
            "kube-apiserver", $"--etcd-servers=http://127.0.0.1:{etcd}", "--bind-address=127.0.0.1", "--advertise-address=127.0.0.1",
            $"--secure-port={port}", $"--cert-dir={folder.FullName}", $"--tls-cert-file={At("server.crt")}",
            $"--tls-private-key-file={At("server.key")}", $"--client-ca-file={At("ca.crt")}", "--authorization-mode=RBAC",
            "--service-cluster-ip-range=10.0.0.0/24", "--endpoint-reconciler-type=none",
            "--service-account-issuer=https://kubernetes.default.svc", $"--service-account-signing-key-file={At("accounts.key")}",
            $"--service-account-key-file={At("accounts.key")}", "--disable-admission-plugins=ServiceAccount");
        File.WriteAllText(At("kubeconfig"), $$$"""
            apiVersion: v1
            kind: Config
            current-context: test
            contexts: [{name: test, context: {cluster: test, user: admin}}]
            clusters: [{name: test, cluster: {server: "https://127.0.0.1:{{{port}}}", certificate-authority: {{{At("ca.crt")}}} }}]
            users: [{name: admin, user: {client-certificate: {{{At("admin.crt")}}}, client-key: {{{At("admin.key")}}} }}]
            """);

        var admin = X509Certificate2.CreateFromPemFile(At("admin.crt"), At("admin.key"));
        Http = new HttpClient(new SocketsHttpHandler
        {
            SslOptions = new()
            {
                ClientCertificates = [admin],
                CertificateChainPolicy = new() { TrustMode = X509ChainTrustMode.CustomRootTrust, CustomTrustStore = { authority }, RevocationMode = X509RevocationMode.NoCheck },
            },
        })
        { BaseAddress = new Uri($"https://127.0.0.1:{port}/"), Timeout = TimeSpan.FromSeconds(30) };
        await UntilReadyAsync(cancellation);
    }

    private async Task UntilReadyAsync(CancellationToken cancellation)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        limit.CancelAfter(TimeSpan.FromSeconds(60));
        using var tick = new PeriodicTimer(TimeSpan.FromMilliseconds(100));
        try
        {
            do
            {
                if (processes.Find(p => p.HasExited) is { } dead) throw new InvalidOperationException($"{dead.StartInfo.FileName} ended by itself");
                try
                {
                    using var answer = await Http.GetAsync(new Uri("readyz", UriKind.Relative), limit.Token);
                    if (answer.IsSuccessStatusCode) return;
                }
                catch (HttpRequestException)
                {
                    // Not listening yet.
                }
            }
            while (await tick.WaitForNextTickAsync(limit.Token));
        }
        catch (Exception error) when (error is InvalidOperationException or OperationCanceledException)
        {
            lock (lastLines) throw new InvalidOperationException($"kube-apiserver is not ready; its last lines:\n{string.Join('\n', lastLines)}", error);
        }
    }

    private void Start(string program, params string[] arguments)
    {
        var process = new Process
        {
            StartInfo = new(Path.Combine(Assets!, program), arguments) { RedirectStandardOutput = true, RedirectStandardError = true, WorkingDirectory = folder.FullName },
        };
        process.OutputDataReceived += Keep;
        process.ErrorDataReceived += Keep;
        process.Start();
        processes.Add(process);
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();

        void Keep(object sender, DataReceivedEventArgs line)
        {
            lock (lastLines)
            {
                if (line.Data is not null) lastLines.Enqueue(line.Data);
                if (lastLines.Count > 20) lastLines.Dequeue();
            }
        }
    }

    private X509Certificate2 WriteCertificates()
    {
        using var authorityKey = RSA.Create(2048);
        var request = Request("CN=quiesce-test-ca", authorityKey);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, false, 0, true));
        var now = TimeProvider.System.GetUtcNow();
        var authority = request.CreateSelfSigned(now.AddHours(-1), now.AddDays(1));
        File.WriteAllText(At("ca.crt"), authority.ExportCertificatePem());
        Issue("server", "CN=kube-apiserver", "1.3.6.1.5.5.7.3.1");
        Issue("admin", "O=system:masters,CN=admin", "1.3.6.1.5.5.7.3.2");
        using var accounts = RSA.Create(2048);
        File.WriteAllText(At("accounts.key"), accounts.ExportRSAPrivateKeyPem());
        return X509CertificateLoader.LoadCertificate(authority.RawData);

        void Issue(string file, string subject, string usage)
        {
            using var key = RSA.Create(2048);
            var request = Request(subject, key);
            request.CertificateExtensions.Add(new X509EnhancedKeyUsageExtension([new Oid(usage)], false));
            var names = new SubjectAlternativeNameBuilder();
            names.AddIpAddress(IPAddress.Loopback);
            request.CertificateExtensions.Add(names.Build());
            using var certificate = request.Create(authority, now.AddHours(-1), now.AddHours(12), RandomNumberGenerator.GetBytes(8));
            File.WriteAllText(At(file + ".crt"), certificate.ExportCertificatePem());
            File.WriteAllText(At(file + ".key"), key.ExportPkcs8PrivateKeyPem());
        }

        static CertificateRequest Request(string subject, RSA key) => new(subject, key, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1);
    }

    private string At(string file) => Path.Combine(folder.FullName, file);

    private static int FreePort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }
}
