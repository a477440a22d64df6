using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Quiesce.Crds.Tests.Manifests;

namespace Quiesce.Crds.Tests.Rules;

/// <summary>No rule is trusted that was not seen to refuse something.</summary>
public sealed partial class RuleCoverageTests
{
    [Fact]
    public void Every_rule_of_every_manifest_has_a_write_that_it_refuses()
    {
        var untested = CrdManifest.All.SelectMany(Rules).Where(rule => !Refusals.All.Any(r =>
            r.Kind == rule.Kind && Index().Replace(r.Field, "[]") == rule.Field && rule.Message.Contains(r.Sentence, StringComparison.Ordinal)));
        Assert.Empty(untested);
    }

    private static IEnumerable<(string Kind, string Field, string Message)> Rules(CrdManifest manifest) =>
        from schema in manifest.Schemas()
        from rule in schema.Schema["x-kubernetes-validations"] as JsonArray ?? []
        let field = schema.Path[manifest.Type.Kind.Length..] + (string?)rule["fieldPath"]
        select (manifest.Type.Kind, field.TrimStart('.'), (string)rule["message"]!);

    [GeneratedRegex(@"\[\d+\]")]
    private static partial Regex Index();
}
