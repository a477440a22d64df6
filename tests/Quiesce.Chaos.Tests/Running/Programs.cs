using Quiesce.RealFilesystems;

namespace Quiesce.Chaos.Tests.Running;

/// <summary>The programs under test, and this one.</summary>
internal static class Programs
{
    private const string BinVariable = "QUIESCE_BIN";

    private static readonly string Bin = Environment.GetEnvironmentVariable(BinVariable) is { Length: > 0 } given ? given : DefaultBin();

    internal static string Agent => Path.Combine(Bin, "quiesce-agent");

    internal static string Holder => Path.Combine(Bin, "quiesce-holder");

    internal static string Operator => Path.Combine(Bin, "quiesce-operator");

    /// <summary>This program, which is the standing writer too.</summary>
    internal static string Self { get; } = Path.Combine(AppContext.BaseDirectory, typeof(Programs).Assembly.GetName().Name!);

    /// <summary>Why the suites cannot run here, or null.</summary>
    internal static string? Missing =>
        RealKernel.Missing ?? ((string[])[Agent, Holder, Operator]).Where(p => !File.Exists(p)).Select(p => $"{p} does not exist: build it with eng/publish.sh, or name its folder in {BinVariable}").FirstOrDefault();

    /// <summary>At the start of each test: skips it, or fails it (see <see cref="RealKernel"/>), without real filesystems, and fails it without the programs.</summary>
    internal static void Require()
    {
        RealKernel.Require();
        if (Missing is { } missing) Assert.Fail(missing);
    }

    private static string DefaultBin()
    {
        for (var place = new DirectoryInfo(AppContext.BaseDirectory); place is not null; place = place.Parent)
            if (File.Exists(Path.Combine(place.FullName, "Quiesce.sln"))) return Path.Combine(place.FullName, "artifacts", "bin");
        return AppContext.BaseDirectory;
    }
}
