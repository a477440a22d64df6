using System.Diagnostics;

namespace Quiesce.Operator.Tests.Hosting;

/// <summary>The operator's program as a process of its own, with an output of the test's choice.</summary>
internal sealed class OperatorProcess : IAsyncDisposable
{
    private readonly Process _process;
    private readonly string _folder;

    private OperatorProcess(Process process, string folder) => (_process, _folder) = (process, folder);

    public bool HasExited => _process.HasExited;

    /// <param name="cluster">Its API server.</param>
    /// <param name="redirection">As the shell takes it, such as <c>&gt;/dev/full</c>.</param>
    /// <param name="arguments">What else it is told.</param>
    public static OperatorProcess Start(TestCluster cluster, string redirection, params string[] arguments)
    {
        var folder = Directory.CreateTempSubdirectory("quiesce-operator-").FullName;
        cluster.WriteKubeconfig($"{folder}/kubeconfig");
        var program = Path.Combine(AppContext.BaseDirectory, "quiesce-operator");
        // setpriv: should the test host die, the program is asked to stop.
        var start = new ProcessStartInfo("setpriv", ["--pdeathsig", "TERM", "sh", "-c", $"exec \"$0\" --verbose --kubeconfig \"$@\" {redirection}", program, $"{folder}/kubeconfig", .. arguments])
        {
            WorkingDirectory = "/",
        };
        return new(Process.Start(start)!, folder);
    }

    /// <summary>Asks it to end, as a kubelet does.</summary>
    /// <returns>Its exit status.</returns>
    public async Task<int> StopAsync()
    {
        using (var kill = Process.Start("kill", ["-TERM", $"{_process.Id}"])) await kill.WaitForExitAsync().Soon();
        await _process.WaitForExitAsync().Soon();
        return _process.ExitCode;
    }

    public async ValueTask DisposeAsync()
    {
        if (!_process.HasExited)
        {
            _process.Kill();
            await _process.WaitForExitAsync().Soon();
        }

        _process.Dispose();
        Directory.Delete(_folder, recursive: true);
    }
}
