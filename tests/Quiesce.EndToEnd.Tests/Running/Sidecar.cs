using System.Text;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;

namespace Quiesce.EndToEnd.Tests.Running;

/// <summary>
/// A container of a pod, as far as a program in it can tell: a user of its own, a root that cannot be written to and holds the image's one program, the service account's token where kubelet
/// mounts it, and no way to any volume.
/// </summary>
internal sealed partial class Sidecar : IAsyncDisposable
{
    private const string User = "65532";

    // The program is static: it needs nothing else in its root. Where a shell is needed the root is this machine's, which cannot be written to either.
    private const string Script = """
        set -e
        root=$1 program=$2 files=$3
        mkdir -p "$root" /run/secrets
        mount -t tmpfs -o mode=755 tmpfs "$root"
        mkdir -p "$root/proc" "$root/dev" "$root/var/run/secrets/kubernetes.io/serviceaccount" "$root/usr/local/bin"
        cp "$program" "$root/kubectl-quiesce"; cp "$program" "$root/usr/local/bin/kubectl-quiesce"
        for file in "$files"/*; do cp "$file" "$root/var/run/secrets/kubernetes.io/serviceaccount/"; done
        chmod -R a+rX "$root/var"
        mount -t proc proc "$root/proc"; mount --bind /dev "$root/dev"
        mount --bind "$root/var/run/secrets" /run/secrets
        mount -o remount,ro,bind /
        mount -o remount,ro "$root"
        """;

    private readonly NodeSpace space;
    private readonly IReadOnlyList<string> environment;
    private readonly List<ProgramRun> programs = [];

    private Sidecar(NodeSpace space, IReadOnlyList<string> environment) => (this.space, this.environment) = (space, environment);

    /// <summary>Starts one.</summary>
    /// <param name="installation">Where its API server is.</param>
    /// <param name="ns">The pod's namespace.</param>
    /// <param name="account">The pod's service account, which exists.</param>
    internal static async Task<Sidecar> StartAsync(Installation installation, string ns, string account)
    {
        var server = installation.Server;
        var files = installation.NewFile("serviceaccount");
        Directory.CreateDirectory(files);
        await File.WriteAllTextAsync(Path.Combine(files, "namespace"), ns);
        await File.WriteAllTextAsync(Path.Combine(files, "token"), server.Authorizes ? await TokenAsync(installation, ns, account) : "anybody");
        List<string> environment = ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/"];
        if (CertificateAuthority().Match(server.Kubeconfig) is { Success: true } authority)
        {
            await File.WriteAllBytesAsync(Path.Combine(files, "ca.crt"), Convert.FromBase64String(authority.Groups[1].Value));
            environment.AddRange([$"KUBERNETES_SERVICE_HOST={new Uri(server.Url).Host}", $"KUBERNETES_SERVICE_PORT={new Uri(server.Url).Port}"]);
        }
        else
        {
            // The local cluster has no certificate, and a pod's way to its API server is always by TLS.
            await File.WriteAllTextAsync(Path.Combine(files, "kubeconfig"), server.Kubeconfig.Replace("namespace: default", $"namespace: {ns}", StringComparison.Ordinal));
            environment.Add("KUBECONFIG=/var/run/secrets/kubernetes.io/serviceaccount/kubeconfig");
        }

        var space = await NodeSpace.CreateAsync([]);
        await RealFilesystems.Command.RunAsync(space.Enter[0], [.. space.Enter.Skip(1), "sh", "-c", Script, "sh", "/run/container", Installation.CliProgram, files]);
        return new(space, environment);
    }

    /// <summary>Executes a command in it.</summary>
    internal ProgramRun Start(IReadOnlyList<string> command)
    {
        var program = new ProgramRun(new ProgramStart { Wrapper = space.Enter }, ["env", "-i", .. environment, .. Root(command)]);
        programs.Add(program);
        return program;
    }

    /// <summary>Executes a command in it and waits for its end.</summary>
    internal async Task<(int Code, string Said)> ExecAsync(IReadOnlyList<string> command)
    {
        var program = Start(command);
        await Eventually.TrueAsync(() => program.HasExited, $"the end of {string.Join(' ', command)}", TimeSpan.FromSeconds(100));
        return (await program.EndAsync(), program.Said);
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var program in programs) await program.DisposeAsync();
        await space.DisposeAsync();
    }

    // The image of the plugin has no shell: what begins with one runs in an image that has.
    private static IEnumerable<string> Root(IReadOnlyList<string> command) => command[0] == "/kubectl-quiesce"
        ? ["chroot", $"--userspec={User}:{User}", "--groups=", "/run/container", .. command]
        : ["setpriv", $"--reuid={User}", $"--regid={User}", "--clear-groups", "--no-new-privs", "env", "PATH=/run/container/usr/local/bin:/usr/bin:/bin", .. command];

    private static async Task<string> TokenAsync(Installation installation, string ns, string account)
    {
        using var request = new StringContent("""{"apiVersion":"authentication.k8s.io/v1","kind":"TokenRequest","spec":{}}""", Encoding.UTF8, "application/json");
        using var answer = await installation.Server.Http.PostAsync(new Uri($"/api/v1/namespaces/{ns}/serviceaccounts/{account}/token", UriKind.Relative), request);
        Assert.True(answer.IsSuccessStatusCode, await answer.Content.ReadAsStringAsync());
        return (string)JsonNode.Parse(await answer.Content.ReadAsStringAsync())!["status"]!["token"]!;
    }

    [GeneratedRegex(@"certificate-authority-data:\s*([A-Za-z0-9+/=]+)")]
    private static partial Regex CertificateAuthority();
}
