namespace Quiesce.Cluster.Tests;

/// <summary>What a program left behind.</summary>
internal sealed record CommandResult(int ExitCode, string Output, string Error);
