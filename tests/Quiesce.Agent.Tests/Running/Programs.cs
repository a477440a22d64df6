using System.Globalization;
using Quiesce.RealFilesystems;
using Tmds.Linux;

namespace Quiesce.Agent.Tests.Running;

/// <summary>
/// The published native programs under test, copied to a folder of this run: what still runs from there at the end, or left a journal, is this
/// run's own.
/// </summary>
public sealed class Programs : IDisposable
{
    private const string BinVariable = "QUIESCE_BIN";

    private static readonly string Folder =
        Path.Combine(Path.GetTempPath(), string.Create(CultureInfo.InvariantCulture, $"quiesce-agent-tests-{Environment.ProcessId}"));

    private static readonly string? Fault = Copy();

    /// <summary>Where a failing program could leave a journal: on this machine, and on a <see cref="FakeHost"/>.</summary>
    internal static IReadOnlyList<string> JournalFolders { get; } = ["/run/quiesce", "/dev/shm/quiesce", $"{FakeHost.Root}/run/quiesce"];

    internal static string Agent => Path.Combine(Folder, "quiesce-agent");

    internal static string Holder => Path.Combine(Folder, "quiesce-holder");

    /// <summary>At the start of each test: fails it without the programs, skips it (or fails it, see <see cref="RealKernel"/>) without real filesystems.</summary>
    internal static void Require()
    {
        RealKernel.Require();
        RequireBuilt();
    }

    /// <summary>At the start of a test that freezes nothing: fails it without the programs.</summary>
    internal static void RequireBuilt()
    {
        if (Fault is not null) Assert.Fail(Fault);
    }

    /// <summary>Fails, or skips where nothing says that it must not, without a program of the system that only some tests need.</summary>
    internal static void RequireTool(string program, string package)
    {
        var folders = (Environment.GetEnvironmentVariable("PATH") ?? "").Split(':').Concat(["/usr/sbin", "/sbin"]);
        if (folders.Any(f => File.Exists($"{f}/{program}"))) return;
        if (Environment.GetEnvironmentVariable(RealKernel.RequireVariable) == "1")
            Assert.Fail($"{RealKernel.RequireVariable}=1, but {program} is missing (Debian package {package})");
        Assert.Skip($"{program} is missing (Debian package {package})");
    }

    /// <summary>A second installation in a folder of its own, to be damaged by a test.</summary>
    internal static string CopyTo(string name)
    {
        var folder = Path.Combine(Folder, name);
        Directory.CreateDirectory(folder);
        foreach (var program in (string[])[Agent, Holder]) File.Copy(program, Path.Combine(folder, Path.GetFileName(program)), overwrite: true);
        return folder;
    }

    /// <summary>Looks whether a process or a journal was left behind.</summary>
    /// <exception cref="InvalidOperationException">One was.</exception>
    public void Dispose()
    {
        var faults = new List<string>();
        foreach (var (id, program) in ProcessTable.RunningFrom(Folder))
        {
            faults.Add($"process {id} ({program}) was left");
            _ = LibC.kill(id, LibC.SIGKILL);
        }
        faults.AddRange(Journals.Unlocked(JournalFolders).Select(j => $"journal {j} is left"));
        Directory.Delete(Folder, recursive: true);
        if (faults.Count > 0) throw new InvalidOperationException(string.Join("; ", faults));
    }

    private static unsafe string? Copy()
    {
        Directory.CreateDirectory(Folder);
        fixed (byte* p = System.Text.Encoding.UTF8.GetBytes(Folder + '\0'))
            _ = LibC.chmod(p, 0x1ED); // 0755: one test runs the agent as nobody
        var source = Environment.GetEnvironmentVariable(BinVariable) is { Length: > 0 } given ? given : DefaultFolder();
        foreach (var program in (string[])[Agent, Holder])
        {
            var from = Path.Combine(source, Path.GetFileName(program));
            if (!File.Exists(from)) return $"{from} does not exist: build the programs with eng/publish.sh, or name their folder in {BinVariable}";
            File.Copy(from, program, overwrite: true);
        }
        return null;
    }

    private static string DefaultFolder()
    {
        for (var folder = new DirectoryInfo(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
            if (File.Exists(Path.Combine(folder.FullName, "Quiesce.sln"))) return Path.Combine(folder.FullName, "artifacts", "bin");
        return Path.Combine(AppContext.BaseDirectory, "artifacts", "bin");
    }
}
