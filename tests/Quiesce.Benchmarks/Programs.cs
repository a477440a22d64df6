namespace Quiesce.Benchmarks;

/// <summary>The published native programs, from the folder in <c>QUIESCE_BIN</c>.</summary>
internal static class Programs
{
    internal static string Folder { get; } = Environment.GetEnvironmentVariable("QUIESCE_BIN") is { Length: > 0 } given ? given : throw new InvalidOperationException("QUIESCE_BIN names no folder: start the benchmarks with ./bench.sh");

    internal static string Agent { get; } = Path.Combine(Folder, "quiesce-agent");

    internal static string Holder { get; } = Path.Combine(Folder, "quiesce-holder");

    internal static string Operator { get; } = Path.Combine(Folder, "quiesce-operator");
}
