using System.Net;
using System.Text.Json.Nodes;
using Quiesce.Crds.Tests.ApiServers;
using Quiesce.Crds.Tests.Manifests;

namespace Quiesce.Crds.Tests.Rules;

/// <summary>The real API server refuses what it must, and says why.</summary>
[Collection(RealApiServerGroup.Name)]
public sealed class RefusalTests(RealApiServer api)
{
    public static TheoryData<string> Creations => [.. Refusals.All.Where(r => r.Patch is null).Select(r => r.What)];

    public static TheoryData<string> Updates => [.. Refusals.All.Where(r => r.Patch is not null).Select(r => r.What)];

    [RealApiServerTheory, MemberData(nameof(Creations))]
    public async Task Refused_at_creation(string what)
    {
        var refusal = Refusals.All.Single(r => r.What == what);
        Refused(refusal, await api.CreateAsync(refusal.Kind, refusal.SpecJson, dryRun: true));
    }

    [RealApiServerTheory, MemberData(nameof(Updates))]
    public async Task Refused_as_an_update(string what)
    {
        var refusal = Refusals.All.Single(r => r.What == what);
        var created = RealApiServer.Accepted(await api.CreateAsync(refusal.Kind, refusal.SpecJson, dryRun: false));
        if (refusal.Phase is { } phase) RealApiServer.Accepted(await api.PatchAsync(created, Yaml.Object($"{{status: {{phase: {phase}}}}}"), "/status"));
        Refused(refusal, await api.PatchAsync(created, Yaml.Object(refusal.Patch!)));
    }

    private static void Refused(Refusal refusal, RealApiServer.Answer answer)
    {
        var causes = answer.Body["details"]?["causes"] as JsonArray ?? [];
        Assert.True(answer.Status == HttpStatusCode.UnprocessableEntity, $"{refusal.What}: {answer.Status}: {answer.Body.ToJsonString()}");
        Assert.True(
            causes.Any(c => (string?)c!["field"] == refusal.Field && ((string?)c["message"])!.Contains(refusal.Sentence, StringComparison.Ordinal)),
            $"{refusal.What}: expected '{refusal.Sentence}' on {refusal.Field}, answered {causes.ToJsonString()}");
    }
}
