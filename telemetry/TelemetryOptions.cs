using System.Net;

namespace Quiesce.Telemetry;

/// <summary>What a program shows of itself, and where.</summary>
public sealed record TelemetryOptions
{
    /// <summary>The program, as <c>service.name</c>.</summary>
    public required string Service { get; init; }

    /// <summary>This process among others of the program, as <c>service.instance.id</c>.</summary>
    public required string Instance { get; init; }

    /// <summary>The node it serves, as <c>k8s.node.name</c>; null for none.</summary>
    public string? Node { get; init; }

    /// <summary>Names of its meters.</summary>
    public required IReadOnlyList<string> Meters { get; init; }

    /// <summary>Name of its activity source.</summary>
    public required string Source { get; init; }

    /// <summary>The port of <c>/metrics</c>, <c>/healthz</c> and <c>/readyz</c>; null for none, 0 for any free one.</summary>
    public int? Port { get; init; }

    /// <summary>The address it listens on.</summary>
    public IPAddress Address { get; init; } = IPAddress.Loopback;
}
