using System.Globalization;
using CsCheck;
using Quiesce.Fuzzing;
using Quiesce.Operator.Hooks;

namespace Quiesce.Operator.Tests.Hooks;

/// <summary>A hook's timeout comes from pods' annotations, which anybody writes: what Go writes is read, and whatever else is there is none.</summary>
public sealed class GoDurationFuzzTests
{
    private static readonly string[] Units = ["h", "m", "s", "ms", "us", "\u00b5s", "ns"];

    private static readonly Gen<string> Written = Gen.OneOf(
        Gen.OneOf('0', '1', '9', '.', '-', '+', 'h', 'm', 's', 'u', '\u00b5', '\u03bc', 'n', ' ', '\n', '\u0663', '\ud800').Array[0, 20].Select(c => new string(c)),
        Gen.Select(Gen.Double[0, 1e10], Gen.OneOf(Units)).Select(t => t.Item1.ToString(CultureInfo.InvariantCulture) + t.Item2).Array[1, 12].Select(string.Concat),
        Gen.Int[1, 20_000].Select(n => string.Concat(Enumerable.Repeat("1s", n))),
        Gen.String[0, 60]);

    [Fact]
    public void What_Go_writes_is_read()
    {
        var read = 0L;
        Gen.Long[1, 86_400_000].Sample(milliseconds =>
        {
            Assert.Equal(TimeSpan.FromMilliseconds(milliseconds), GoDuration.Parse(AsGo(milliseconds)));
            _ = Interlocked.Increment(ref read);
        }, time: FuzzTime.Seconds, print: AsGo);
        Console.WriteLine($"[figure] durations as Go writes them: {read:N0} read");
    }

    [Fact]
    public void Whatever_is_written_is_above_zero_and_a_day_at_most_or_none()
    {
        var read = 0L;
        Written.Sample(text =>
        {
            CheckWritten(text);
            _ = Interlocked.Increment(ref read);
        }, time: FuzzTime.Seconds);
        Console.WriteLine($"[figure] durations written at random: {read:N0}");
    }

    [Theory]
    [InlineData(null)]
    [InlineData("")]
    [InlineData("1ns")] // less than a tick of .NET's clock
    [InlineData("0.4ns49ns")]
    [InlineData("0s1ns")]
    [InlineData("24h")]
    [InlineData("24h1ns")]
    [InlineData("999999999h")]
    [InlineData("1s\n")]
    [InlineData("-1s")]
    public void Kept_ones_are_above_zero_and_a_day_at_most_or_none(string? text) => CheckWritten(text);

    private static void CheckWritten(string? text)
    {
        if (GoDuration.Parse(text) is { } duration) Assert.InRange(duration, TimeSpan.FromTicks(1), TimeSpan.FromDays(1));
    }

    // time.Duration.String(): 1h2m3.004s, 1m0s, 1.5s, 30ms
    private static string AsGo(long milliseconds)
    {
        var (seconds, rest) = (milliseconds / 1000, milliseconds % 1000);
        if (seconds == 0) return string.Create(CultureInfo.InvariantCulture, $"{rest}ms");
        var hours = seconds >= 3600 ? string.Create(CultureInfo.InvariantCulture, $"{seconds / 3600}h") : "";
        var minutes = seconds >= 60 ? string.Create(CultureInfo.InvariantCulture, $"{seconds / 60 % 60}m") : "";
        return string.Create(CultureInfo.InvariantCulture, $"{hours}{minutes}{seconds % 60 + (rest / 1000m):0.###}s");
    }
}
