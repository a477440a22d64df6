using Quiesce.Chaos.Tests.Running;

namespace Quiesce.Chaos.Tests.Soak;

/// <summary>
/// While it lives the kernel's grace periods are short, and with them freezes: a soak is for many of them. The machine's own setting comes back, also when this process
/// is killed: a shell waits for the end of its input and puts it back.
/// </summary>
internal sealed class ExpeditedRcu : IAsyncDisposable
{
    private const string Setting = "/sys/kernel/rcu_expedited";

    private readonly ProgramRun? restorer;

    internal ExpeditedRcu()
    {
        try
        {
            var before = File.ReadAllText(Setting).Trim();
            restorer = new ProgramRun(["setsid"], "sh", "-c", "trap '' INT TERM HUP; cat; echo \"$1\" >\"$2\"", "restorer", before, Setting);
            File.WriteAllText(Setting, "1");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // Not to be had here: it takes longer.
        }
    }

    public async ValueTask DisposeAsync()
    {
        if (restorer is null) return;
        restorer.EndInput();
        _ = await restorer.ExitAsync(Eventually.Bound);
        await restorer.DisposeAsync();
    }
}
