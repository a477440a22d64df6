using System.Diagnostics;
using System.Globalization;

namespace Quiesce.RealFilesystems;

/// <summary>A cgroup of its own in every hierarchy of this machine, as a container has; what is started in it can be killed or paused as a whole.</summary>
public sealed class ContainerCgroup : IAsyncDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(10);
    private static int made;

    private readonly IReadOnlyList<string> folders;

    private ContainerCgroup(IReadOnlyList<string> folders) => this.folders = folders;

    /// <summary>A shell script that enters it and becomes the program.</summary>
    public string EnterAnd(string becoming = "exec \"$@\"") => $"{string.Join('\n', folders.Select(f => $"echo $$ >{f}/cgroup.procs || exit 99"))}\n{becoming}";

    /// <summary>Why there is none on this machine that could be killed or paused, or null.</summary>
    public static string? Missing { get; } =
        Hierarchies().Count == 0 ? "no cgroup hierarchy is mounted and writable here" : null;

    /// <summary>Skips the test where cgroups cannot be made; fails it where nothing may be skipped.</summary>
    public static void Require()
    {
        if (Missing is null) return;
        if (Environment.GetEnvironmentVariable(RealKernel.RequireVariable) == "1") Assert.Fail(Missing);
        Assert.Skip(Missing);
    }

    /// <summary>Makes one.</summary>
    public static ContainerCgroup Create()
    {
        var name = string.Create(CultureInfo.InvariantCulture, $"quiesce-test-{Environment.ProcessId}-{Interlocked.Increment(ref made)}");
        var folders = new List<string>();
        foreach (var (mount, _) in Hierarchies())
        {
            var folder = $"{mount}/{name}";
            Directory.CreateDirectory(folder);
            // Of a version 1 cpuset nothing can be in a group that has no processor and no memory.
            foreach (var file in (string[])["cpuset.cpus", "cpuset.mems"])
                if (File.Exists($"{mount}/{file}") && File.Exists($"{folder}/{file}")) Write($"{folder}/{file}", File.ReadAllText($"{mount}/{file}").Trim());
            folders.Add(folder);
        }
        return new ContainerCgroup(folders);
    }

    /// <summary>Kills all that is in it at once, as a runtime does: <c>cgroup.kill</c>.</summary>
    public void Kill() => Write($"{Unified()}/cgroup.kill", "1");

    /// <summary>Pauses all that is in it, and waits until it is.</summary>
    public async Task PauseAsync()
    {
        BeginPause();
        await WaitAsync(() => Freezer() is { } f ? Read($"{f}/freezer.state") == "FROZEN" : Read($"{Unified()}/cgroup.events").Contains("frozen 1", StringComparison.Ordinal), "the container is paused").ConfigureAwait(false);
    }

    /// <summary>Pauses all that is in it, in a moment.</summary>
    public void BeginPause()
    {
        if (Freezer() is { } old) Write($"{old}/freezer.state", "FROZEN");
        else Write($"{Unified()}/cgroup.freeze", "1");
    }

    /// <summary>Lets it go on.</summary>
    public void Resume()
    {
        if (Freezer() is { } old) Write($"{old}/freezer.state", "THAWED");
        else Write($"{Unified()}/cgroup.freeze", "0");
    }

    /// <summary>The cgroups that somebody made in it.</summary>
    public IReadOnlyList<string> Inner => [.. folders.SelectMany(f => Directory.EnumerateDirectories(f))];

    /// <summary>The processes that are in it, in any hierarchy.</summary>
    public IReadOnlySet<int> Processes() => folders
        .SelectMany(f => Read($"{f}/cgroup.procs").Split('\n', StringSplitOptions.RemoveEmptyEntries))
        .Select(id => int.Parse(id, CultureInfo.InvariantCulture)).ToHashSet();

    /// <summary>Takes it away; fails when something is still in it.</summary>
    public async ValueTask DisposeAsync()
    {
        await WaitAsync(() => Processes().Count == 0, "the container is empty").ConfigureAwait(false);
        foreach (var folder in folders) Directory.Delete(folder);
    }

    private static async Task WaitAsync(Func<bool> condition, string what)
    {
        var age = Stopwatch.StartNew();
        while (!condition())
        {
            if (age.Elapsed > Patience) throw new InvalidOperationException($"not within {Patience}: {what}");
            await Task.Delay(5).ConfigureAwait(false);
        }
    }

    private static List<(string Mount, bool IsUnified)> Hierarchies() =>
        [.. File.ReadLines("/proc/self/mountinfo").Select(line => line.Split(' '))
            .Where(f => f[3] == "/" && (f.Contains("cgroup") || f.Contains("cgroup2")) && f[4].StartsWith("/sys/fs/cgroup", StringComparison.Ordinal))
            .Select(f => (f[4], f.Contains("cgroup2"))).Distinct()];

    private string Unified() => folders.Single(f => File.Exists($"{f}/cgroup.kill"));

    private string? Freezer() => folders.FirstOrDefault(f => File.Exists($"{f}/freezer.state"));

    private static string Read(string file) => File.ReadAllText(file).Trim();

    private static void Write(string file, string text) => File.WriteAllText(file, text);
}
