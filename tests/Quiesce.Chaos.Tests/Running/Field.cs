using System.Globalization;

namespace Quiesce.Chaos.Tests.Running;

/// <summary>The lanes of a run.</summary>
internal sealed class Field : IAsyncDisposable
{
    /// <summary>Each is idle most of the time, waiting for a deadline; these keep two processors busy.</summary>
    internal const int DefaultLanes = 4;

    private readonly List<Lane> lanes = [];

    internal IReadOnlyList<Lane> Lanes => lanes;

    internal string Description =>
        string.Create(CultureInfo.InvariantCulture, $"{lanes.Count} lanes, each {lanes[0].Server.Name}, an operator, {Lane.NodeCount} agents, ext4, XFS and btrfs");

    internal static async Task<Field> CreateAsync(int lanes)
    {
        var field = new Field();
        try
        {
            for (var i = 0; i < lanes; i++) field.lanes.Add(await Lane.CreateAsync(i));
            return field;
        }
        catch
        {
            await field.DisposeAsync();
            throw;
        }
    }

    public async ValueTask DisposeAsync()
    {
        // A node's mount namespace has the filesystems of earlier lanes too, and keeps them busy: the nodes go first.
        foreach (var lane in lanes) await lane.EndNodesAsync();
        foreach (var lane in lanes) await lane.DisposeAsync();
    }
}
