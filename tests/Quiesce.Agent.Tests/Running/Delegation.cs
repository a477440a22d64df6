using Quiesce.RealFilesystems;

namespace Quiesce.Agent.Tests.Running;

/// <summary>The mount option <c>nsdelegate</c> of cgroup version 2, as systemd sets it: set while this lives, and then as it was.</summary>
internal sealed class Delegation : IAsyncDisposable
{
    private static readonly string? Mount =
        File.ReadLines("/proc/self/mountinfo").Select(line => line.Split(' ')).FirstOrDefault(f => f[3] == "/" && f.Contains("cgroup2"))?[4];

    private readonly bool was;

    private Delegation(bool was) => this.was = was;

    internal static async Task<Delegation> SetAsync()
    {
        Assert.SkipWhen(Mount is null, "no cgroup version 2 is mounted here");
        var was = IsSet();
        if (!was) _ = await Command.RunAsync("mount", "-o", "remount,nsdelegate", Mount!);
        Assert.True(IsSet());
        return new Delegation(was);
    }

    // Not by mount(8): it gives the options that are set along with any it is asked for.
    public unsafe ValueTask DisposeAsync()
    {
        const int MS_REMOUNT = 32;
        if (was) return ValueTask.CompletedTask;
        fixed (byte* none = "none\0"u8)
        fixed (byte* target = System.Text.Encoding.UTF8.GetBytes(Mount! + '\0'))
        fixed (byte* type = "cgroup2\0"u8)
            Assert.Equal(0, Tmds.Linux.LibC.mount(none, target, type, MS_REMOUNT, null));
        Assert.False(IsSet());
        return ValueTask.CompletedTask;
    }

    private static bool IsSet() => File.ReadLines("/proc/self/mountinfo").Select(line => line.Split(' ')).Any(f => f[4] == Mount && f[^1].Split(',').Contains("nsdelegate"));
}
