using System.Text.Json.Nodes;
using Quiesce.Crds.Tests.Manifests;

namespace Quiesce.Crds.Tests.Drift;

/// <summary>The C# types and the manifests say the same, and the comparison notices when they do not.</summary>
public sealed class SchemaDriftTests
{
    public static TheoryData<string> Kinds => [.. CrdManifest.All.Select(m => m.Type.Kind)];

    [Theory, MemberData(nameof(Kinds))]
    public void Manifest_and_type_agree(string kind) => Assert.Empty(SchemaDrift.Differences(CrdManifest.Of(kind)));

    [Fact]
    public void Every_manifest_has_its_type()
    {
        var files = typeof(FreezeRequest).Assembly.GetManifestResourceNames().Where(n => n.StartsWith("manifests/", StringComparison.Ordinal));
        Assert.Equal(CrdManifest.All.Select(m => $"manifests/{m.Type.Group}_{m.Type.Plural}.yaml").Order(), files.Order());
    }

    [Theory]
    [InlineData("spec.dryRun", "FreezeRequest.spec.dryRun is in FreezeRequestSpec but not in the manifest")]
    [InlineData("spec.targets.hostPath.nodeSelector.matchLabels", "matchLabels is in LabelSelector but not in the manifest")]
    [InlineData("status.nodes.filesystems.device", "device is in FilesystemStatus but not in the manifest")]
    [InlineData("status", "FreezeRequest.status is in FreezeRequest but not in the manifest")]
    public void A_property_missing_from_the_manifest_is_noticed(string path, string difference)
    {
        var altered = CrdManifest.Of("FreezeRequest").Altered(m => ((JsonObject)m.Property(path).Parent!).Remove(path.Split('.')[^1]));
        Assert.Contains(SchemaDrift.Differences(altered), d => d.Contains(difference, StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("spec.targets.hostPath", "hostPath.extra is in the manifest but not in HostPathTarget")]
    [InlineData("status.conditions", "conditions[].extra is in the manifest but not in Condition")]
    public void A_property_missing_from_the_type_is_noticed(string path, string difference)
    {
        var altered = CrdManifest.Of("FreezeRequest").Altered(m =>
        {
            var parent = m.Property(path);
            parent = parent["items"] as JsonObject ?? parent;
            parent["properties"]!["extra"] = new JsonObject { ["type"] = "boolean", ["description"] = "One too many." };
        });
        Assert.Contains(SchemaDrift.Differences(altered), d => d.Contains(difference, StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("spec.deadlineSeconds", "default", "21", "has the default 20 in C# but 21 in the manifest")]
    [InlineData("spec.deadlineSeconds", "default", null, "has the default 20 in C# but none in the manifest")]
    [InlineData("spec.desiredState", "default", "\"Thawed\"", "has the default \"Frozen\" in C#")]
    [InlineData("spec.dryRun", "default", null, "has the default false in C# but none in the manifest")]
    [InlineData("spec.ttlSecondsAfterFinished", "default", "60", "has the default none in C# but 60 in the manifest")]
    [InlineData("status.nodeCount", "default", "0", "has the default none in C# but 0 in the manifest")]
    [InlineData("spec.deadlineSeconds", "type", "\"string\"", "is string in the manifest, expected integer")]
    [InlineData("spec.deadlineSeconds", "format", "\"int64\"", "has the format int64 in the manifest, expected int32")]
    [InlineData("status.frozenAt", "format", null, "expected date-time")]
    [InlineData("status.nodes", "type", "\"object\"", "is object in the manifest, expected array")]
    [InlineData("spec.desiredState", "enum", "[\"Frozen\"]", "may be Thawed in C# but not in the manifest")]
    [InlineData("spec.desiredState", "enum", "[\"Frozen\",\"Thawed\",\"Gone\"]", "may be Gone in the manifest but not in C#")]
    [InlineData("status.nodes.filesystems.state", "enum", null, "may be Stuck in C# but not in the manifest")]
    [InlineData("status.conditions.status", "enum", "[\"True\",\"False\"]", "may be Unknown in C# but not in the manifest")]
    [InlineData("status.reason", "enum", "[\"AllFrozen\"]", "may be AllFrozen in the manifest but not in C#")]
    [InlineData("spec.targets.hostPath", "required", "[]", "path is required in C# but not in the manifest")]
    [InlineData("spec.targets.hostPath", "required", "[\"path\",\"nodeName\"]", "nodeName is required in the manifest but may be null in C#")]
    [InlineData("spec.targets.hostPath", "required", "[\"path\",\"mount\"]", "mount is required by the manifest, which has no such property")]
    [InlineData("spec.targets.hostPath.path", "description", null, "path has no description")]
    [InlineData("status", "description", "\" \"", "status has no description")]
    [InlineData("spec.targets.hostPath.path", "maxLength", null, "path has no maxLength")]
    [InlineData("status.frozenAt", "maxLength", null, "frozenAt has no maxLength")]
    [InlineData("status.conditions", "maxItems", null, "conditions has no maxItems")]
    [InlineData("status.conditions", "x-kubernetes-list-type", null, "conditions has no x-kubernetes-list-type")]
    [InlineData("spec.targets.hostPath.nodeSelector.matchLabels", "maxProperties", null, "matchLabels has no maxProperties")]
    [InlineData("status.nodeCount", "minimum", null, "nodeCount has no minimum")]
    [InlineData("spec", "x-kubernetes-preserve-unknown-fields", "true", "has x-kubernetes-preserve-unknown-fields, which")]
    public void A_changed_keyword_is_noticed(string path, string keyword, string? json, string difference)
    {
        var altered = CrdManifest.Of("FreezeRequest").Altered(m =>
        {
            if (json is null) Assert.True(m.Property(path).Remove(keyword));
            else m.Property(path)[keyword] = JsonNode.Parse(json);
        });
        Assert.Contains(SchemaDrift.Differences(altered), d => d.Contains(difference, StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("plural", "freezes")]
    [InlineData("kind", "Freeze")]
    public void A_changed_name_is_noticed(string name, string value)
    {
        var altered = CrdManifest.Of("FreezeRequest").Altered(m => m.Crd["spec"]!["names"]![name] = value);
        Assert.Contains(SchemaDrift.Differences(altered), d => d.Contains($"spec.names.{name} is {value}", StringComparison.Ordinal));
    }

    [Fact]
    public void A_missing_status_subresource_is_noticed()
    {
        var altered = CrdManifest.Of("NodeFreeze").Altered(m => m.Version.Remove("subresources"));
        Assert.Contains(SchemaDrift.Differences(altered), d => d.Contains("status subresource says otherwise", StringComparison.Ordinal));
    }

    [Fact]
    public void A_status_subresource_without_a_status_is_noticed()
    {
        var altered = CrdManifest.Of("FreezeWindow").Altered(m => m.Version["subresources"] = new JsonObject { ["status"] = new JsonObject() });
        Assert.Contains(SchemaDrift.Differences(altered), d => d.Contains("status subresource says otherwise", StringComparison.Ordinal));
    }

    [Fact]
    public void A_wrong_scope_is_noticed()
    {
        var altered = CrdManifest.Of("ThawRequest").Altered(m => m.Crd["spec"]!["scope"] = "Namespaced");
        Assert.Contains(SchemaDrift.Differences(altered), d => d.Contains("spec.scope is Namespaced, expected Cluster", StringComparison.Ordinal));
    }
}
