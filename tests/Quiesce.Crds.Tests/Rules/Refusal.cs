using System.Text.Json.Nodes;
using Quiesce.Crds.Tests.Manifests;

namespace Quiesce.Crds.Tests.Rules;

/// <summary>A write the API server must refuse, with a sentence about a field.</summary>
/// <param name="What">What is wrong, for the test's name.</param>
/// <param name="Kind">The kind written.</param>
/// <param name="Spec">The spec it is created with, in YAML.</param>
/// <param name="Patch">A merge patch of the object that was created, in YAML; null when the creation itself is refused.</param>
/// <param name="Field">The field the sentence is about.</param>
/// <param name="Sentence">A part of the sentence.</param>
/// <param name="Phase">The <c>status.phase</c> it has when it is patched.</param>
internal sealed record Refusal(string What, string Kind, string Spec, string? Patch, string Field, string Sentence, string? Phase = null)
{
    public JsonObject SpecJson => Yaml.Object(Spec);
}
