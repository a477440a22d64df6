using System.Globalization;
using CsCheck;
using Quiesce.Agent.Commands;
using Quiesce.Fuzzing;

namespace Quiesce.Agent.Tests;

/// <summary>Durations as people type them: what is shown can be typed, and nothing that can be typed is zero, less or too long.</summary>
public sealed class DurationFuzzTests
{
    private static readonly Gen<string> Typed = Gen.OneOf(
        Gen.OneOf('0', '1', '9', '.', '-', '+', 'e', 'm', 's', 'h', ' ', ',', '\u0663', '\u00b5', '\0', '\ud800').Array[0, 12].Select(c => new string(c)),
        Gen.String[0, 40],
        Gen.Select(Gen.Double, Gen.OneOf("ms", "s", "m", "h", "", "d")).Select(t => t.Item1.ToString(CultureInfo.InvariantCulture) + t.Item2),
        Gen.Int[1, 400].Select(n => new string('0', n) + "1s"));

    [Fact]
    public void What_is_shown_can_be_typed()
    {
        var shown = 0L;
        Gen.Long[1, 1_000_000_000 - 1].Select(ms => TimeSpan.FromTicks(ms * TimeSpan.TicksPerMillisecond)).Sample(span =>
        {
            Assert.True(Duration.TryParse(new Duration(span).ToString(), out var read), new Duration(span).ToString());
            Assert.Equal(span, read.Span);
            _ = Interlocked.Increment(ref shown);
        }, time: FuzzTime.Seconds);
        Console.WriteLine($"[figure] durations shown and read back: {shown:N0}");
    }

    [Fact]
    public void Whatever_is_typed_is_a_duration_above_zero_or_none()
    {
        var typed = 0L;
        Typed.Sample(text =>
        {
            CheckTyped(text);
            _ = Interlocked.Increment(ref typed);
        }, time: FuzzTime.Seconds);
        Console.WriteLine($"[figure] durations typed at random: {typed:N0}");
    }

    [Theory]
    [InlineData("")]
    [InlineData(".")]
    [InlineData(".s")]
    [InlineData("0.00001ms")]
    [InlineData("0.00000001")]
    [InlineData("1.2.3s")]
    [InlineData("1e3s")]
    [InlineData("999999.9999999999999s")]
    [InlineData("277.7777777777777h")]
    public void Kept_ones_are_above_zero_or_none(string text) => CheckTyped(text);

    private static void CheckTyped(string text)
    {
        if (!Duration.TryParse(text, out var duration)) return;
        Assert.InRange(duration.Span, TimeSpan.FromTicks(1), TimeSpan.FromSeconds(1_000_000));
        Assert.Equal(duration.Span.Ticks * 100, duration.Nanoseconds);
    }
}
