namespace Quiesce.EndToEnd.Tests.Running;

/// <summary>
/// A wall clock for one process (and its children) that a test can step, by Debian's libfaketime. The monotonic clocks and CLOCK_BOOTTIME are left alone, as they are
/// where an administrator or a time server steps the machine's.
/// </summary>
internal sealed class WallClock : IDisposable
{
    private readonly string file = Path.GetTempFileName();

    internal WallClock()
    {
        // Not by a search through everything, which follows links in circles where the library is missing.
        var library = Directory.EnumerateDirectories("/usr/lib").Select(folder => $"{folder}/faketime/libfaketimeMT.so.1").FirstOrDefault(File.Exists);
        if (library is null) Assert.Fail("libfaketime is missing: install Debian's package faketime, as test.sh does");
        Environment = new Dictionary<string, string>
        {
            ["LD_PRELOAD"] = library,
            ["FAKETIME_TIMESTAMP_FILE"] = file,
            ["FAKETIME_NO_CACHE"] = "1", // else a step is seen after ten seconds
            ["FAKETIME_DONT_FAKE_MONOTONIC"] = "1",
            ["FAKETIME_DONT_RESET"] = "1",
        };
        Set(TimeSpan.Zero);
    }

    /// <summary>The environment of a process that goes by it.</summary>
    internal IReadOnlyDictionary<string, string> Environment { get; }

    /// <summary>Sets it so far from the machine's.</summary>
    internal void Set(TimeSpan difference) => File.WriteAllText(file, FormattableString.Invariant($"{(difference < TimeSpan.Zero ? "" : "+")}{(long)difference.TotalSeconds}\n"));

    public void Dispose() => File.Delete(file);
}
