namespace Quiesce.RealFilesystems;

/// <summary>A loop device with one partition.</summary>
public sealed class PartitionedDisk : IAsyncDisposable
{
    private readonly string folder;
    private readonly string device;

    private PartitionedDisk(string folder, string device)
    {
        this.folder = folder;
        this.device = device;
    }

    /// <summary>The whole disk as <c>major:minor</c>.</summary>
    public string Whole => Number("");

    /// <summary>Its partition as <c>major:minor</c>.</summary>
    public string Partition => Number($"/{Path.GetFileName(device)}p1");

    /// <summary>Makes one.</summary>
    public static async Task<PartitionedDisk> CreateAsync()
    {
        var folder = RealFilesystem.NewFolder("disk");
        var image = $"{folder}/image";
        await using (var file = File.Create(image)) file.SetLength(8 << 20);
        var disk = new PartitionedDisk(folder, await Command.RunAsync("losetup", "--find", "--show", "--partscan", image).ConfigureAwait(false));
        try
        {
            // Told to the kernel, not written to a table: not every kernel reads tables.
            _ = await Command.RunAsync("addpart", disk.device, "1", "2048", "8192").ConfigureAwait(false);
            return disk;
        }
        catch
        {
            await disk.DisposeAsync().ConfigureAwait(false);
            throw;
        }
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        if (!Directory.Exists(folder)) return;
        _ = await Command.RunAsync("losetup", "--detach", device).ConfigureAwait(false);
        Directory.Delete(folder, recursive: true);
    }

    private string Number(string below) => File.ReadAllText($"/sys/block/{Path.GetFileName(device)}{below}/dev").Trim();
}
