using Quiesce.Agent.Tests.Running;

namespace Quiesce.Agent.Tests;

/// <summary>What a person may type: everything else is exit status 2, a line that says what is wrong, and nothing done.</summary>
public sealed class UsageTests
{
    public static TheoryData<string, string> Wrong => new()
    {
        { "", "command" },
        { "frobnicate", "'frobnicate'" },
        { "freeze", "freeze: name at least one folder, or --all" },
        { "inspect", "inspect: name at least one folder, or --all" },
        { "thaw --json", "thaw: name at least one folder, or --all" },
        { "freeze /nowhere --for", "'--for'" },
        { "freeze --for 0 /nowhere", "--for: '0' is not a duration above zero and up to 1h" },
        { "freeze --for -5s /nowhere", "--for" },
        { "freeze --for soon /nowhere", "--for: 'soon' is not a duration" },
        { "freeze --for 61m /nowhere", "--for: '61m' is not a duration above zero and up to 1h; write 500ms, 30s, 5m or 1h" },
        { "freeze --for 1s --for 2s /nowhere", "'--for'" },
        { "freeze --freeze-timeout 6m /nowhere", "--freeze-timeout: '6m' is not a duration above zero and up to 5m" },
        { "freeze --unknown /nowhere", "there is no option --unknown" },
        { "thaw -x /nowhere", "there is no option -x" },
        { "freeze --host-root", "'--host-root'" },
        { "inspect --host-root /a/../b /nowhere", "--host-root: /a/../b: it contains '..'" },
        { "inspect --host-root /host nowhere", "nowhere: with --host-root paths are those of the host; give an absolute one" },
        { "inspect /a/../b", "/a/../b: it contains '..'" },
        { "inspect a/../b", "a/../b: it contains '..'" },
        { "inspect ''", "an empty path" },
    };

    [Theory]
    [MemberData(nameof(Wrong))]
    public async Task Bad_usage_is_exit_status_2_and_a_line_that_says_what_is_wrong(string arguments, string said)
    {
        Programs.RequireBuilt();
        var end = await AgentRun.ToEndAsync([.. arguments.Split(' ', StringSplitOptions.RemoveEmptyEntries).Select(a => a == "''" ? "" : a)]);
        Assert.True(end.Code == 2, end.All);
        Assert.Empty(end.Lines);
        Assert.Contains(said, end.Errors, StringComparison.Ordinal);
        Assert.All(end.Errors.TrimEnd().Split('\n'), line => Assert.Matches("^quiesce-agent: |^Run 'quiesce-agent --help'", line));
    }

    [Theory]
    [InlineData("--help", "freeze <PATH>")]
    [InlineData("freeze --help", "--for <DURATION>")]
    [InlineData("freeze --help", "[default: 30s]")]
    [InlineData("thaw --help", "whoever froze them")]
    [InlineData("inspect --help", "Freezes nothing")]
    [InlineData("--version", "0.")]
    public async Task Help_says_what_there_is(string arguments, string said)
    {
        Programs.RequireBuilt();
        var end = await AgentRun.ToEndAsync(arguments.Split(' '));
        Assert.True(end.Code == 0, end.All);
        Assert.Contains(said, end.Text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_path_that_begins_with_an_at_sign_is_a_path()
    {
        Programs.RequireBuilt();
        var end = await AgentRun.ToEndAsync("inspect", "@/etc/passwd");
        Assert.True(end.Code == 4, end.All);
        Assert.StartsWith("REFUSED  PathNotFound: /@/etc/passwd: does not exist", end.Lines[^1], StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_folder_that_is_gone_cannot_begin_a_relative_path()
    {
        Programs.RequireBuilt();
        var gone = Directory.CreateTempSubdirectory("quiesce-gone-").FullName;
        await using var run = AgentRun.StartInShell($"cd {gone} && rmdir {gone} && exec \"$@\"", "inspect", ".");
        var end = await run.EndAsync();
        Assert.True(end.Code == 2, end.All);
        Assert.Contains("the current folder does not exist any more; give an absolute path", end.Errors, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_relative_path_counts_from_the_current_folder()
    {
        Programs.RequireBuilt();
        var folder = Directory.CreateTempSubdirectory("quiesce-relative-").FullName;
        try
        {
            Directory.CreateDirectory($"{folder}/a");
            await using var run = AgentRun.StartInShell($"cd {folder}/a && exec \"$@\"", "inspect", "../missing", "./missing/too", "../..", ".");
            var end = await run.EndAsync();
            Assert.True(end.Code == 4, end.All);
            Assert.Contains($"{folder}/missing: does not exist", end.Text, StringComparison.Ordinal);
            Assert.Contains($"{folder}/a/missing/too: does not exist", end.Text, StringComparison.Ordinal);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }
}
