using Quiesce.ApiServers;

namespace Quiesce.Cluster.Tests.Parts;

/// <summary>The processes of a real API server, with stand-ins.</summary>
public sealed class ProcessGroupTests
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Stopping_kills_every_program_and_removes_the_folder()
    {
        var folder = Directory.CreateTempSubdirectory("quiesce-group-").FullName;
        var group = ProcessGroup.Start(folder, [new CommandLine("one", "sleep", "1000"), new CommandLine("two", "sh", "-c", "trap '' TERM; echo it\\'s 'here'; exec sleep 1000")]);
        var pids = await PidsAsync(folder);
        await EventuallyAsync(() => group.LogTails().Contains("it's here", StringComparison.Ordinal));

        Assert.False(group.HasExited);
        await group.StopAsync();

        Assert.All(pids, pid => Assert.False(Directory.Exists($"/proc/{pid}")));
        Assert.False(Directory.Exists(folder));
    }

    [Fact]
    public async Task A_program_that_ends_by_itself_is_noticed()
    {
        var folder = Directory.CreateTempSubdirectory("quiesce-group-").FullName;
        var group = ProcessGroup.Start(folder, [new CommandLine("one", "sleep", "1000"), new CommandLine("two", "false")]);

        await EventuallyAsync(() => group.HasExited);

        await group.StopAsync();
    }

    private static async Task<string[]> PidsAsync(string folder)
    {
        var file = Path.Combine(folder, "pids");
        await EventuallyAsync(() => File.Exists(file) && File.ReadAllText(file).EndsWith('\n'));
        return (await File.ReadAllTextAsync(file, Cancel)).Split([' ', '\n'], StringSplitOptions.RemoveEmptyEntries);
    }

    private static async Task EventuallyAsync(Func<bool> isSo)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(Cancel);
        limit.CancelAfter(TimeSpan.FromSeconds(30));
        while (!isSo())
            await Task.Delay(10, limit.Token);
    }
}
