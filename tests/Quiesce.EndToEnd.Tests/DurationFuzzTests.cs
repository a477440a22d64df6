using System.Globalization;
using CsCheck;
using Quiesce.Cli.Commands;
using Quiesce.Fuzzing;

namespace Quiesce.EndToEnd.Tests;

/// <summary>Durations as people type them to the plugin: what is shown can be typed, and nothing that can be typed is zero, less or too long.</summary>
public sealed class DurationFuzzTests
{
    private static readonly Gen<string> Typed = Gen.OneOf(
        Gen.OneOf('0', '1', '9', '.', '-', '+', 'e', 'm', 's', 'h', ' ', ',', '\u0663', '\u00b5', '\0', '\ud800').Array[0, 12].Select(c => new string(c)),
        Gen.String[0, 40],
        Gen.Select(Gen.Double, Gen.OneOf("ms", "s", "m", "h", "", "d")).Select(t => t.Item1.ToString(CultureInfo.InvariantCulture) + t.Item2),
        Gen.Int[1, 400].Select(n => new string('0', n) + "1s"));

    [Fact]
    public void What_is_shown_can_be_typed() =>
        Gen.Long[1, 10_000_000].Select(tenths => TimeSpan.FromMilliseconds(100 * tenths)).Sample(
            span => Assert.Equal(span, DurationOption.Parse(DurationOption.Format(span))), time: FuzzTime.Seconds);

    [Fact]
    public void Whatever_is_typed_is_a_duration_above_zero_or_none() => Typed.Sample(CheckTyped, time: FuzzTime.Seconds);

    [Fact]
    public void The_longest_one_can_be_typed() => Assert.Equal(TimeSpan.FromSeconds(1_000_000), DurationOption.Parse(DurationOption.Format(TimeSpan.FromSeconds(1_000_000))));

    [Theory]
    [InlineData("")]
    [InlineData(".s")]
    [InlineData("0.00001ms")] // less than a tick of .NET's clock
    [InlineData("0.00000001")]
    [InlineData("1.2.3s")]
    [InlineData("277.7777777777777h")]
    public void Kept_ones_are_above_zero_or_none(string text) => CheckTyped(text);

    private static void CheckTyped(string text)
    {
        if (DurationOption.Parse(text) is { } duration) Assert.InRange(duration, TimeSpan.FromTicks(1), TimeSpan.FromSeconds(1_000_000));
    }
}
