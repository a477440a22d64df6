using Quiesce.ApiServers;
using Quiesce.EndToEnd.Tests.Running;
using Quiesce.RealFilesystems;

namespace Quiesce.EndToEnd.Tests;

/// <summary>The rules of the chart, each tried as the identity it is about.</summary>
public sealed class ChartTests(Installation installation)
{
    [Fact]
    public async Task Every_rule_refuses_what_it_forbids_and_none_refuses_an_end()
    {
        await installation.RequireAsync();
        Assert.SkipWhen(installation.Server.SupportsFaults, "rights and admission policies are enforced by a kube-apiserver alone");
        // One of its own: it installs the chart, policies for everybody included.
        await using var server = await ApiServerUnderTest.StartAsync(new ApiServerOptions { InstallCrds = false });
        var kubeconfig = installation.NewFile("kubeconfig");
        server.WriteKubeconfig(kubeconfig);
        var (code, said) = await Command.TryAsync(TimeSpan.FromMinutes(5), "env", Path.Combine(Repository(), "charts/quiesce/tests/rules.sh"), kubeconfig);
        Assert.True(code == 0, string.Join('\n', said.Split('\n').Where(line => !line.StartsWith("ok ", StringComparison.Ordinal))));
        TestContext.Current.TestOutputHelper?.WriteLine($"[figure] rules of the chart: {said.TrimEnd().Split('\n')[^1]}");
    }

    [Theory]
    [InlineData("operator.podDisruptionBudget.maxUnavailable", "0", "minimum: got 0, want 1")]
    [InlineData("operator.podDisruptionBudget.maxUnavailable", "0%", "'0%' does not match")]
    [InlineData("operator.podDisruptionBudget.maxUnavailable", "1", null)]
    [InlineData("operator.podDisruptionBudget.maxUnavailable", "10%", null)]
    [InlineData("agent.updateStrategy.rollingUpdate.maxUnavailable", "0", "minimum: got 0, want 1")]
    [InlineData("agent.updateStrategy.rollingUpdate.maxUnavailable", "100%", null)]
    public async Task Values_that_would_hold_up_drains_or_updates_for_ever_are_refused(string value, string number, string? refusal)
    {
        var paths = (Environment.GetEnvironmentVariable("PATH") ?? "").Split(':');
        Assert.SkipUnless(paths.Any(path => File.Exists(Path.Combine(path, "helm"))), "there is no helm");
        var (code, said) = await Command.TryAsync(TimeSpan.FromMinutes(1), "helm", "template", "quiesce", Path.Combine(Repository(), "charts/quiesce"), "--set", $"{value}={number}");
        if (refusal is null) Assert.True(code == 0, said);
        else Assert.Contains(refusal, said, StringComparison.Ordinal);
        Assert.Equal(refusal is null, code == 0);
    }

    private static string Repository()
    {
        var folder = AppContext.BaseDirectory;
        while (!File.Exists(Path.Combine(folder, "Quiesce.sln"))) folder = Path.GetDirectoryName(folder) ?? throw new InvalidOperationException("no Quiesce.sln above the tests");
        return folder;
    }
}
