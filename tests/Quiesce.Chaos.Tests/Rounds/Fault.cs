using System.Globalization;

namespace Quiesce.Chaos.Tests.Rounds;

/// <summary>One thing that goes wrong.</summary>
/// <param name="Kind">What.</param>
/// <param name="At">When, after the request was made.</param>
/// <param name="Target">Of which target's node and filesystem: an index into <see cref="RoundPlan.Targets"/>.</param>
/// <param name="For">How long until it is made good again (continued, started anew, passed on); null for the end of the round. Of a delay, also how much.</param>
internal sealed record Fault(FaultKind Kind, TimeSpan At, int Target, TimeSpan? For)
{
    public override string ToString() => string.Create(
        CultureInfo.InvariantCulture,
        $"{Kind} of target {Target} at {At.TotalSeconds:0.000} s {(For is { } length ? $"for {length.TotalSeconds:0.000} s" : "to the end")}");
}
