namespace Quiesce.Cli;

/// <summary>Ends the program with a message for its user and an exit code.</summary>
internal sealed class CliException(int exitCode, string message) : Exception(message)
{
    internal int ExitCode { get; } = exitCode;
}
