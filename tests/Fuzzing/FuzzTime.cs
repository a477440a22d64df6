using System.Globalization;

namespace Quiesce.Fuzzing;

/// <summary>How long a fuzz test looks for trouble. Each prints the seed of what it finds; with that in <c>CsCheck_Seed</c> it begins there.</summary>
internal static class FuzzTime
{
    /// <summary>Seconds for each test: short by default, longer by <c>QUIESCE_FUZZ_SECONDS</c>.</summary>
    internal static int Seconds { get; } =
        int.TryParse(Environment.GetEnvironmentVariable("QUIESCE_FUZZ_SECONDS"), NumberStyles.None, CultureInfo.InvariantCulture, out var seconds) && seconds > 0 ? seconds : 2;
}
