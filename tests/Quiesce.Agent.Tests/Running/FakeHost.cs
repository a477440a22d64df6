using Quiesce.Freezing.Journals;
using Quiesce.RealFilesystems;

namespace Quiesce.Agent.Tests.Running;

/// <summary>
/// A host root that holds this run's filesystems, a tmpfs on <c>/run</c> and nothing else: <c>--all</c> is nobody else's filesystems, and its journals
/// are seen by no other agent of this machine.
/// </summary>
internal sealed class FakeHost : IAsyncDisposable
{
    private readonly ExtraMount run;

    private FakeHost(ExtraMount run) => this.run = run;

    /// <summary>What <c>--host-root</c> is given.</summary>
    internal static string Root => RealFilesystem.Root;

    internal string JournalFolder => $"{run.MountPoint}/quiesce";

    internal IReadOnlyList<string> JournalFiles => JournalDirectory.List(JournalFolder);

    internal static async Task<FakeHost> CreateAsync(string options = "size=1m,mode=755") => new(await ExtraMount.TmpfsAsync("run", options));

    /// <summary>A path of this machine as one of the fake host.</summary>
    internal static string HostPath(string path) => path[Root.Length..];

    public ValueTask DisposeAsync() => run.DisposeAsync();
}
