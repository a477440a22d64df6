using System.Globalization;
using System.Security.Cryptography;

namespace Quiesce.ApiServers;

/// <summary>The programs of a real control plane, the files they want, and their command lines.</summary>
internal sealed class KubeApiServerFiles
{
    private readonly string _apiServer;
    private readonly string _etcd;
    private readonly ServerCertificate _certificate;
    private readonly string _token;

    private readonly string _etcdFolder;

    private KubeApiServerFiles(string assets, string folder, string? etcdFolder, ServerCertificate certificate, string token)
    {
        _apiServer = Require(assets, "kube-apiserver");
        _etcd = Require(assets, "etcd");
        var controllerManager = Path.Combine(assets, "kube-controller-manager");
        ControllerManager = File.Exists(controllerManager) ? controllerManager : null;
        Folder = folder;
        // A folder of its own below the given one: etcd does not take one with a lost+found in it.
        _etcdFolder = Path.Combine(etcdFolder ?? folder, "etcd");
        _certificate = certificate;
        _token = token;
    }

    /// <summary>Where everything lies; goes with the processes.</summary>
    public string Folder { get; }

    /// <summary>Null where the assets have none: envtest's usually do not.</summary>
    public string? ControllerManager { get; }

    /// <exception cref="FileNotFoundException">The folder does not hold the programs.</exception>
    public static KubeApiServerFiles Create(string assets, string? etcdFolder, ServerCertificate certificate, string token)
    {
        var files = new KubeApiServerFiles(assets, Directory.CreateTempSubdirectory("quiesce-apiserver-").FullName, etcdFolder, certificate, token);
        using var accounts = RSA.Create(2048);
        files.Write("server.crt", certificate.CertificatePem);
        files.Write("server.key", certificate.KeyPem);
        files.Write("accounts.key", accounts.ExportRSAPrivateKeyPem());
        files.Write("tokens.csv", $"{token},quiesce-tests,quiesce-tests,\"system:masters\"\n");
        return files;
    }

    /// <summary>A kubeconfig that trusts only this server's certificate and may do everything.</summary>
    public string Kubeconfig(string url) => $"""
        apiVersion: v1
        kind: Config
        clusters:
        - name: quiesce-tests
          cluster:
            server: {url}
            certificate-authority-data: {Convert.ToBase64String(System.Text.Encoding.ASCII.GetBytes(_certificate.CertificatePem))}
        users:
        - name: quiesce-tests
          user:
            token: {_token}
        contexts:
        - name: quiesce-tests
          context:
            cluster: quiesce-tests
            user: quiesce-tests
            namespace: default
        current-context: quiesce-tests

        """;

    /// <param name="ports">For etcd's clients, etcd's peers, the API server, the controller manager.</param>
    public IReadOnlyList<CommandLine> CommandLines(IReadOnlyList<int> ports)
    {
        string Local(int port) => string.Create(CultureInfo.InvariantCulture, $"http://127.0.0.1:{port}");
        List<CommandLine> lines =
        [
            new("etcd", _etcd,
                "--name=default", $"--data-dir={_etcdFolder}", "--unsafe-no-fsync",
                $"--listen-client-urls={Local(ports[0])}", $"--advertise-client-urls={Local(ports[0])}",
                $"--listen-peer-urls={Local(ports[1])}", $"--initial-advertise-peer-urls={Local(ports[1])}", $"--initial-cluster=default={Local(ports[1])}"),
            new("kube-apiserver", _apiServer,
                $"--etcd-servers={Local(ports[0])}", "--bind-address=127.0.0.1", "--advertise-address=127.0.0.1", $"--secure-port={ports[2]}",
                $"--cert-dir={At("certs")}", $"--tls-cert-file={At("server.crt")}", $"--tls-private-key-file={At("server.key")}",
                $"--token-auth-file={At("tokens.csv")}", "--authorization-mode=RBAC", "--allow-privileged=true",
                "--service-cluster-ip-range=10.0.0.0/24", "--endpoint-reconciler-type=none",
                "--service-account-issuer=https://kubernetes.default.svc", $"--service-account-signing-key-file={At("accounts.key")}", $"--service-account-key-file={At("accounts.key")}",
                // Nobody makes the service accounts that pods would be refused for.
                "--disable-admission-plugins=ServiceAccount"),
        ];
        if (ControllerManager is not null)
        {
            Write("controllers.kubeconfig", Kubeconfig($"https://127.0.0.1:{ports[2]}"));
            lines.Add(new("kube-controller-manager", ControllerManager,
                $"--kubeconfig={At("controllers.kubeconfig")}", "--bind-address=127.0.0.1", $"--secure-port={ports[3]}", $"--cert-dir={At("controllers")}",
                "--leader-elect=false", "--authentication-skip-lookup=true", "--controllers=garbage-collector-controller,namespace-controller"));
        }

        return lines;
    }

    private static string Require(string assets, string program)
    {
        var path = Path.Combine(assets, program);
        return File.Exists(path) ? path : throw new FileNotFoundException($"{ApiServerUnderTest.AssetsVariable}={assets} holds no {program}", path);
    }

    private string At(string name) => Path.Combine(Folder, name);

    private void Write(string name, string content) => File.WriteAllText(At(name), content);
}
