using Quiesce.Crds;
using Quiesce.Operator.Nodes;

namespace Quiesce.Operator.Tests.Deciding;

/// <summary>Label selectors mean what they mean to the API server.</summary>
public sealed class SelectorTests
{
    private static readonly Dictionary<string, string> Labels = new() { ["pool"] = "db", ["zone"] = "a" };

    [Theory]
    [InlineData("pool", "In", "db,web", true)]
    [InlineData("pool", "In", "web", false)]
    [InlineData("none", "In", "db", false)]
    [InlineData("pool", "NotIn", "web", true)]
    [InlineData("pool", "NotIn", "db", false)]
    [InlineData("none", "NotIn", "db", true)]
    [InlineData("zone", "Exists", null, true)]
    [InlineData("none", "Exists", null, false)]
    [InlineData("zone", "DoesNotExist", null, false)]
    [InlineData("none", "DoesNotExist", null, true)]
    [InlineData("pool", "Like", "db", false)]
    public void An_expression_matches_as_in_kubernetes(string key, string op, string? values, bool matches)
    {
        var selector = new LabelSelector { MatchExpressions = [new() { Key = key, Operator = op, Values = values?.Split(',') }] };
        Assert.Equal(matches, Selector.Matches(selector, Labels));
    }

    [Fact]
    public void All_parts_must_hold()
    {
        var selector = new LabelSelector
        {
            MatchLabels = new Dictionary<string, string> { ["pool"] = "db" },
            MatchExpressions = [new() { Key = "zone", Operator = "In", Values = ["b"] }],
        };
        Assert.False(Selector.Matches(selector, Labels));
        Assert.True(Selector.Matches(selector with { MatchExpressions = null }, Labels));
    }

    [Fact]
    public void An_empty_selector_matches_everything() => Assert.True(Selector.Matches(new(), Labels));

    [Fact]
    public void A_selector_reads_as_kubectl_takes_it() => Assert.Equal(
        "pool=db,zone notin (a,b),!old,ready",
        Selector.Format(new()
        {
            MatchLabels = new Dictionary<string, string> { ["pool"] = "db" },
            MatchExpressions =
            [
                new() { Key = "zone", Operator = "NotIn", Values = ["a", "b"] },
                new() { Key = "old", Operator = "DoesNotExist" },
                new() { Key = "ready", Operator = "Exists" },
            ],
        }));
}
