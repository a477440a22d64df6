namespace Quiesce.Cluster.OpenApi;

/// <summary>The two ways of saying the same.</summary>
/// <param name="ReferencePrefix">What a reference to a definition starts with.</param>
/// <param name="IsV2">Whether what only version 3 knows is to be left out.</param>
internal sealed record OpenApiDialect(string ReferencePrefix, bool IsV2)
{
    public static OpenApiDialect V2 { get; } = new("#/definitions/", true);

    public static OpenApiDialect V3 { get; } = new("#/components/schemas/", false);
}
