using System.Reflection;
using System.Text.RegularExpressions;

namespace Quiesce.Crds.Tests;

/// <summary>A reason is one word, the same in code, in status and in the page that explains it.</summary>
public sealed partial class ReasonsTests
{
    private static readonly Dictionary<string, string> Constants = typeof(Reasons)
        .GetFields(BindingFlags.Public | BindingFlags.Static)
        .ToDictionary(f => f.Name, f => (string)f.GetRawConstantValue()!);

    private static readonly IReadOnlyList<Match> Rows = [.. Row().Matches(Page()).Cast<Match>()];

    [Fact]
    public void Every_constant_is_its_own_name()
    {
        Assert.NotEmpty(Constants);
        Assert.All(Constants, c => Assert.Equal(c.Key, c.Value));
    }

    [Fact]
    public void Every_reason_is_one_that_a_condition_may_carry() =>
        Assert.All(Constants.Values, r => Assert.Matches("^[A-Z][A-Za-z]{0,62}$", r));

    [Fact]
    public void Every_reason_is_explained_once_and_no_other_is() =>
        Assert.Equal(Constants.Values.Order(), Rows.Select(r => r.Groups["reason"].Value).Order());

    [Fact]
    public void Every_explanation_says_what_it_means_and_what_to_do() =>
        Assert.All(Rows, r =>
        {
            Assert.EndsWith(".", r.Groups["meaning"].Value.Trim());
            Assert.EndsWith(".", r.Groups["next"].Value.Trim());
        });

    private static string Page()
    {
        using var reader = new StreamReader(typeof(ReasonsTests).Assembly.GetManifestResourceStream("reasons.md")!);
        return reader.ReadToEnd();
    }

    [GeneratedRegex(@"^\| `(?<reason>[^`]+)` \|(?<meaning>[^|]+)\|(?<next>[^|]+)\|$", RegexOptions.Multiline)]
    private static partial Regex Row();
}
