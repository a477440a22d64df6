namespace Quiesce.Agent.Serving;

/// <summary>
/// The plans that an agent of this boot has begun: an empty file each beside the journals, made before the holder starts and removed when the end is written.
/// Without it an agent that died between its first look at a plan and its first report would be followed by one that takes the plan for
/// untouched and freezes a second time. Any thread may call any member.
/// </summary>
internal sealed class BegunPlans
{
    private readonly string directory;
    private readonly string suffix;
    private readonly HashSet<string> begun;

    /// <param name="directory">The journals' folder, on a tmpfs: a reboot forgets it, and then the plan's age tells.</param>
    /// <param name="node">The node that is served: in a test several may be on one machine.</param>
    internal BegunPlans(string directory, string node)
    {
        this.directory = directory;
        suffix = $".{node}.begun";
        begun = [.. Directory.EnumerateFiles(directory, $"*{suffix}").Select(file => Path.GetFileName(file)[..^suffix.Length]).Where(uid => !uid.Contains('.', StringComparison.Ordinal))];
    }

    /// <summary>Whether this or an earlier instance has begun it, and its end is not written yet.</summary>
    internal bool WasBegun(string uid)
    {
        lock (begun) return begun.Contains(uid);
    }

    /// <summary>Notes that it is begun; says why that failed, or null.</summary>
    internal string? Begin(string uid)
    {
        try
        {
            using var file = new FileStream(PathOf(uid), FileMode.Create);
            lock (begun) begun.Add(uid);
            return null;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return $"that this plan is begun cannot be noted in {directory}: {e.Message}; nothing is frozen without it, make room there";
        }
    }

    /// <summary>Its end is written, or nobody waits for it any more.</summary>
    internal void End(string uid)
    {
        lock (begun) _ = begun.Remove(uid);
        try
        {
            File.Delete(PathOf(uid));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // An empty file of a tmpfs stays until the next start sweeps it.
        }
    }

    /// <summary>Forgets those whose plan does not exist any more.</summary>
    internal void Sweep(IReadOnlySet<string> living)
    {
        List<string> gone;
        lock (begun) gone = [.. begun.Where(uid => !living.Contains(uid))];
        foreach (var uid in gone) End(uid);
    }

    private string PathOf(string uid) => $"{directory}/{uid}{suffix}";
}
