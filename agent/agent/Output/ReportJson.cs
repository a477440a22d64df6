using System.Text.Json;
using System.Text.Json.Serialization;
using Quiesce.Freezing.Reports;

namespace Quiesce.Agent.Output;

/// <summary>A report as one line of JSON, for scripts.</summary>
internal sealed record JsonReport
{
    /// <summary>The command's phase in the window's words: Frozen, Thawed, Expired, Broken, Failed; Inspected for <c>inspect</c>.</summary>
    public required string Phase { get; init; }

    /// <summary>Why, or null.</summary>
    public string? Reason { get; init; }

    /// <summary>The sentence, or null.</summary>
    public string? Message { get; init; }

    /// <summary>The verdict; null while there is none.</summary>
    public bool? WindowIntact { get; init; }

    /// <summary>Filesystems frozen by us.</summary>
    public int FrozenFilesystems { get; init; }

    /// <summary>Filesystems thawed.</summary>
    public int ThawedFilesystems { get; init; }

    /// <summary>Every filesystem.</summary>
    public required IReadOnlyList<JsonFilesystem> Filesystems { get; init; }

    internal static string Line(WindowReport report, string? phase = null) => JsonSerializer.Serialize(
        new JsonReport
        {
            Phase = phase ?? report.Phase.ToString(),
            Reason = report.Reason,
            Message = report.Message,
            WindowIntact = phase is null ? report.Intact : null,
            FrozenFilesystems = report.FrozenFilesystems,
            ThawedFilesystems = report.ThawedFilesystems,
            Filesystems = [.. report.Filesystems.Select(f => new JsonFilesystem
            {
                Path = f.Path,
                State = f.State.ToString(),
                Reason = f.Reason,
                Message = f.Message,
                Type = f.Type,
                Source = f.Source,
                Device = f.Device,
                FlushMilliseconds = Milliseconds(f.FlushNanoseconds),
                FreezeMilliseconds = Milliseconds(f.FreezeNanoseconds),
                HeldMilliseconds = Milliseconds(f.HeldNanoseconds),
                ThawMilliseconds = Milliseconds(f.ThawNanoseconds),
            })],
        },
        ReportJson.Default.JsonReport);

    /// <summary>Nanoseconds as milliseconds with three decimals.</summary>
    internal static double? Milliseconds(long? nanoseconds) => nanoseconds is { } ns ? Math.Round(ns / 1e6, 3) : null;
}

/// <summary>One filesystem in <see cref="JsonReport"/>; the members are those of the API's <c>FilesystemStatus</c>.</summary>
internal sealed record JsonFilesystem
{
    public required string Path { get; init; }

    public required string State { get; init; }

    public string? Reason { get; init; }

    public string? Message { get; init; }

    public string? Type { get; init; }

    public string? Source { get; init; }

    public string? Device { get; init; }

    public double? FlushMilliseconds { get; init; }

    public double? FreezeMilliseconds { get; init; }

    public double? HeldMilliseconds { get; init; }

    public double? ThawMilliseconds { get; init; }
}

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(JsonReport))]
internal sealed partial class ReportJson : JsonSerializerContext;
