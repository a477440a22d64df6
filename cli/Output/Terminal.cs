using Spectre.Console;

namespace Quiesce.Cli.Output;

/// <summary>Standard error, where everything goes that is for a person: standard output belongs to what was asked for, and to the command of <c>run</c>.</summary>
internal static class Terminal
{
    /// <summary>Somebody looks at it, and can be shown something that changes.</summary>
    internal static bool IsLive => !Console.IsErrorRedirected && Drawing.Profile.Capabilities is { Ansi: true, Interactive: true };

    /// <summary>For what is drawn there.</summary>
    internal static IAnsiConsole Drawing { get; } = AnsiConsole.Create(new() { Out = new AnsiConsoleOutput(Console.Error) });

    internal static void Say(string line) => Console.Error.WriteLine(line);

    internal static void Complain(string message) => Console.Error.WriteLine($"kubectl-quiesce: {message}");
}
