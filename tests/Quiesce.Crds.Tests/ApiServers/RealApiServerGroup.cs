namespace Quiesce.Crds.Tests.ApiServers;

/// <summary>The tests that share the server.</summary>
[CollectionDefinition(Name)]
public sealed class RealApiServerGroup : ICollectionFixture<RealApiServer>
{
    public const string Name = "real API server";
}
