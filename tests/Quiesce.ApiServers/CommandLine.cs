namespace Quiesce.ApiServers;

/// <summary>A program to run.</summary>
/// <param name="Name">Its log's name.</param>
/// <param name="Words">The path and the arguments.</param>
internal sealed record CommandLine(string Name, params IReadOnlyList<string> Words);
