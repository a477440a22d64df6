using System.Runtime.CompilerServices;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using k8s.Models;

namespace Quiesce.Crds.Client;

/// <summary>JSON that passes over <c>metadata.managedFields</c>, instead of making objects of them to throw away.</summary>
internal static class WithoutManagedFields
{
    private static readonly ConditionalWeakTable<JsonSerializerOptions, JsonSerializerOptions> s_known = [];

    /// <summary>The same, without them.</summary>
    internal static JsonTypeInfo<T> Of<T>(JsonTypeInfo<T> json) => (JsonTypeInfo<T>)s_known.GetValue(json.Options, Of).GetTypeInfo(typeof(T));

    private static JsonSerializerOptions Of(JsonSerializerOptions options) => new(options) { TypeInfoResolver = options.TypeInfoResolver!.WithAddedModifier(LeaveOut) };

    private static void LeaveOut(JsonTypeInfo type)
    {
        if (type.Type != typeof(V1ObjectMeta)) return;
        foreach (var property in type.Properties.Where(p => p.Name == "managedFields").ToList()) type.Properties.Remove(property);
    }
}
