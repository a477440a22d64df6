using System.Collections.Concurrent;
using Spectre.Console;

namespace Quiesce.Cli.Output;

/// <summary>Standard error, where everything goes that is for a person: standard output belongs to what was asked for, and to the command of <c>run</c>.</summary>
/// <remarks>Whoever says something may be about to thaw: a terminal that was closed, a full disk and a pipe that nobody reads cost it no more than a moment, and never an exception.</remarks>
internal static class Terminal
{
    /// <summary>How long a line is waited for, so that what is said and what others print after it come in that order.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromMilliseconds(250);

    /// <summary>How long the end of the program waits for the last lines.</summary>
    private static readonly TimeSpan LongestEnd = TimeSpan.FromSeconds(2);

    private static readonly BlockingCollection<(string Line, ManualResetEventSlim Written)> Lines = [];

    private static readonly Thread Writer = Start();

    private static volatile bool _isStuck;

    /// <summary>Somebody looks at it, and can be shown something that changes.</summary>
    internal static bool IsLive => !Console.IsErrorRedirected && Drawing.Profile.Capabilities is { Ansi: true, Interactive: true };

    /// <summary>For what is drawn there.</summary>
    internal static IAnsiConsole Drawing { get; } = AnsiConsole.Create(new() { Out = new AnsiConsoleOutput(Console.Error) });

    internal static void Say(string line)
    {
        var written = new ManualResetEventSlim();
        try
        {
            Lines.Add((line, written));
        }
        catch (InvalidOperationException)
        {
            return; // the program is over
        }

        if (!_isStuck) _isStuck = !written.Wait(Patience);
    }

    internal static void Complain(string message) => Say($"kubectl-quiesce: {message}");

    /// <summary>At the end of the program: what was said last is the verdict.</summary>
    internal static void Finish()
    {
        Lines.CompleteAdding();
        Writer.Join(LongestEnd);
    }

    private static Thread Start()
    {
        var writer = new Thread(Write) { IsBackground = true, Name = "terminal" };
        writer.Start();
        return writer;
    }

    private static void Write()
    {
        foreach (var (line, written) in Lines.GetConsumingEnumerable())
        {
            try
            {
                Console.Error.WriteLine(line);
            }
#pragma warning disable CA1031 // Of a thread of its own nothing may escape, and the runtime has an exception of its own for every error of a write.
            catch (Exception)
#pragma warning restore CA1031
            {
                // Nobody is there to hear it.
            }

            written.Set();
            if (Lines.Count == 0) _isStuck = false;
        }
    }
}
