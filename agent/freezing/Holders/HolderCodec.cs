using System.Text;
using Quiesce.Freezing.Kernel;
using Quiesce.Freezing.Planning;
using Quiesce.Freezing.Reports;
using Quiesce.Freezing.Windows;

namespace Quiesce.Freezing.Holders;

/// <summary>
/// The messages between agent and holder as bytes. Both ends are of one build; the version only tells a mismatched installation apart.
/// Plain writing and reading in order, because a serializer would double the memory a holder locks.
/// </summary>
public static class HolderCodec
{
    /// <summary>Longest message in bytes; the channel's buffers hold it.</summary>
    public const int MaximumMessage = 256 * 1024;

    private const byte Version = 5;
    private const int MaximumItems = 4096;

    // How long texts and paths may be: the first pair with which a report fits into a message.
    private static readonly (int Text, int Path)[] Limits = [(2048, 2048), (512, 1024), (64, 1024), (64, 256), (32, 32)];

    /// <summary>Encodes an order.</summary>
    public static byte[] Encode(HolderOrder order) => Write(w =>
    {
        w.Write((byte)order.Task);
        w.Write(order.WindowId);
        w.Write(order.AgentProcess);
        w.Write(order.Plan.HostRoot);
        List(w, order.Plan.Paths);
        w.Write(order.Plan.Volumes.Count);
        foreach (var volume in order.Plan.Volumes)
        {
            w.Write(volume.Name);
            w.Write(volume.Root);
            w.Write(volume.Folder);
            List(w, volume.Mounts);
            List(w, volume.FolderMounts);
            w.Write(volume.Source);
            w.Write(volume.MayBeShared);
        }

        w.Write(order.Plan.AllFilesystems);
        w.Write(order.Plan.FailUnsupported);
        List(w, order.Plan.ProtectedPaths);
        List(w, order.Plan.AllowedPaths);
        w.Write(order.AllowUnprotected);
        w.Write((byte)order.ExpediteRcu);
        w.Write(order.Rests.Count);
        foreach (var rest in order.Rests)
        {
            w.Write(rest.Superblock.Major);
            w.Write(rest.Superblock.Minor);
            w.Write(rest.Until);
        }

        w.Write(order.Options.Deadline);
        w.Write(order.Options.FreezeTimeout);
        w.Write(order.Options.FreezeAtOnce);
        w.Write(order.Options.RequireConfirmation);
        w.Write(order.Options.FailUnsupported);
        List(w, order.Journals);
    });

    /// <summary>Decodes an order.</summary>
    /// <exception cref="InvalidDataException">It is not one.</exception>
    public static HolderOrder DecodeOrder(ReadOnlySpan<byte> message) => Read(message, r => new HolderOrder
    {
        Task = Enum<HolderTask>(r.ReadByte(), (byte)HolderTask.Check),
        WindowId = r.ReadString(),
        AgentProcess = r.ReadInt32(),
        Plan = new PlanOrder
        {
            HostRoot = r.ReadString(),
            Paths = List(r),
            Volumes = [.. Enumerable.Range(0, Count(r)).Select(_ => new VolumeTarget
            {
                Name = r.ReadString(),
                Root = r.ReadString(),
                Folder = r.ReadString(),
                Mounts = List(r),
                FolderMounts = List(r),
                Source = r.ReadString(),
                MayBeShared = r.ReadBoolean(),
            })],
            AllFilesystems = r.ReadBoolean(),
            FailUnsupported = r.ReadBoolean(),
            ProtectedPaths = List(r),
            AllowedPaths = List(r),
        },
        AllowUnprotected = r.ReadBoolean(),
        ExpediteRcu = Enum<ExpediteRcu>(r.ReadByte(), (byte)ExpediteRcu.Never),
        Rests = [.. Enumerable.Range(0, Count(r)).Select(_ => new Rest(new(r.ReadUInt32(), r.ReadUInt32()), r.ReadInt64()))],
        Options = new WindowOptions
        {
            Deadline = r.ReadInt64(),
            FreezeTimeout = r.ReadInt64(),
            FreezeAtOnce = r.ReadBoolean(),
            RequireConfirmation = r.ReadBoolean(),
            FailUnsupported = r.ReadBoolean(),
        },
        Journals = List(r),
    });

    /// <summary>Encodes a command.</summary>
    public static byte[] Encode(HolderCommand command) => Write(w =>
    {
        w.Write((byte)command.Kind);
        w.Write(command.Nanoseconds);
    });

    /// <summary>Decodes a command.</summary>
    /// <exception cref="InvalidDataException">It is not one.</exception>
    public static HolderCommand DecodeCommand(ReadOnlySpan<byte> message) => Read(message, r =>
        new HolderCommand(Enum<HolderCommandKind>(r.ReadByte(), (byte)HolderCommandKind.ThawedByRequest), r.ReadInt64()));

    /// <summary>Encodes a report; texts are cut at 2,048 characters, and shorter where it would not fit into a message: one that does not fit is never heard of.</summary>
    public static byte[] Encode(WindowReport report)
    {
        byte[] message = [];
        foreach (var (text, path) in Limits)
        {
            message = Encode(report, text, path);
            if (message.Length <= MaximumMessage) break;
        }
        return message;
    }

    private static byte[] Encode(WindowReport report, int most, int mostOfPath) => Write(w =>
    {
        w.Write(report.WindowId);
        w.Write((byte)report.Phase);
        Text(w, report.Reason, Limits[0].Text);
        Text(w, report.Message, Limits[0].Text);
        w.Write(report.Deadline);
        Number(w, report.DeadlineAt);
        Number(w, report.FrozenAt);
        Number(w, report.ReleasedAt);
        w.Write((sbyte)(report.HolderProtected switch { null => -1, false => 0, true => 1 }));
        Text(w, report.HolderProtectionMessage, Limits[0].Text);
        w.Write(report.FrozenFilesystems);
        w.Write(report.ThawedFilesystems);
        w.Write(report.Filesystems.Count);
        foreach (var f in report.Filesystems)
        {
            Text(w, f.Path, mostOfPath);
            w.Write((byte)f.State);
            Text(w, f.Reason, Limits[0].Text);
            Text(w, f.Message, most);
            Text(w, f.Type, most);
            Text(w, f.Source, most);
            Text(w, f.Device, most);
            Number(w, f.FlushNanoseconds);
            Number(w, f.FlushedAt);
            Number(w, f.FreezeNanoseconds);
            Number(w, f.FrozenAt);
            Number(w, f.HeldNanoseconds);
            Number(w, f.ThawNanoseconds);
            Number(w, f.ReleasedAt);
        }
    });

    /// <summary>Decodes a report.</summary>
    /// <exception cref="InvalidDataException">It is not one.</exception>
    public static WindowReport DecodeReport(ReadOnlySpan<byte> message) => Read(message, r => new WindowReport
    {
        WindowId = r.ReadString(),
        Phase = Enum<WindowPhase>(r.ReadByte(), (byte)WindowPhase.Failed),
        Reason = Text(r),
        Message = Text(r),
        Deadline = r.ReadInt64(),
        DeadlineAt = Number(r),
        FrozenAt = Number(r),
        ReleasedAt = Number(r),
        HolderProtected = r.ReadSByte() switch { 0 => false, 1 => true, _ => null },
        HolderProtectionMessage = Text(r),
        FrozenFilesystems = r.ReadInt32(),
        ThawedFilesystems = r.ReadInt32(),
        Filesystems = [.. Enumerable.Range(0, Count(r)).Select(_ => new FilesystemReport
        {
            Path = Text(r) ?? "",
            State = Enum<FilesystemState>(r.ReadByte(), (byte)FilesystemState.Stuck),
            Reason = Text(r),
            Message = Text(r),
            Type = Text(r),
            Source = Text(r),
            Device = Text(r),
            FlushNanoseconds = Number(r),
            FlushedAt = Number(r),
            FreezeNanoseconds = Number(r),
            FrozenAt = Number(r),
            HeldNanoseconds = Number(r),
            ThawNanoseconds = Number(r),
            ReleasedAt = Number(r),
        })],
    });

    private static byte[] Write(Action<BinaryWriter> content)
    {
        using var stream = new MemoryStream();
        using var writer = new BinaryWriter(stream, Encoding.UTF8);
        writer.Write(Version);
        content(writer);
        writer.Flush();
        return stream.ToArray();
    }

    private static T Read<T>(ReadOnlySpan<byte> message, Func<BinaryReader, T> content)
    {
        using var reader = new BinaryReader(new MemoryStream(message.ToArray()), Encoding.UTF8);
        try
        {
            if (reader.ReadByte() != Version)
                throw new InvalidDataException("the agent and its holder are of different versions; install both from one release");
            var value = content(reader);
            return reader.BaseStream.Position == reader.BaseStream.Length ? value : throw new InvalidDataException("a message with a rest");
        }
        catch (Exception e) when (e is FormatException or ArgumentException or IOException)
        {
            throw new InvalidDataException("a message that ends early or is garbled", e);
        }
    }

    private static T Enum<T>(byte value, byte last)
        where T : struct, Enum =>
        value <= last ? System.Runtime.CompilerServices.Unsafe.BitCast<int, T>(value) : throw new InvalidDataException($"{typeof(T).Name} {value}");

    private static void List(BinaryWriter w, IReadOnlyList<string> items)
    {
        w.Write(items.Count);
        foreach (var item in items) w.Write(item);
    }

    private static List<string> List(BinaryReader r) => [.. Enumerable.Range(0, Count(r)).Select(_ => r.ReadString())];

    private static int Count(BinaryReader r)
    {
        var count = r.ReadInt32();
        return count is >= 0 and <= MaximumItems ? count : throw new InvalidDataException($"a list of {count}");
    }

    private static void Text(BinaryWriter w, string? text, int most)
    {
        w.Write(text is not null);
        if (text is not null) w.Write(text.Length <= most ? text : text[..most]);
    }

    private static string? Text(BinaryReader r) => r.ReadBoolean() ? r.ReadString() : null;

    private static void Number(BinaryWriter w, long? number)
    {
        w.Write(number is not null);
        w.Write(number ?? 0);
    }

    private static long? Number(BinaryReader r)
    {
        var there = r.ReadBoolean();
        var number = r.ReadInt64();
        return there ? number : null;
    }
}
