using System.CommandLine;

namespace Quiesce.Cli.Commands;

/// <summary>What shells complete: kubectl asks a program <c>kubectl_complete-quiesce</c> on the PATH, in every shell that it completes for itself.</summary>
internal static class CompletionCommand
{
    /// <summary>How that program asks this one.</summary>
    internal const string Question = "__complete";

    // The words of kubectl's own completion protocol.
    private const int Default = 0;
    private const int NoFiles = 4;

    internal static Command Create()
    {
        var command = new Command("completion", "Print the program by which kubectl completes 'kubectl quiesce': save it on the PATH as kubectl_complete-quiesce, and make it executable.");
        command.SetAction(_ =>
        {
            Console.Out.Write($"""
                #!/bin/sh
                # On the PATH as kubectl_complete-quiesce, this lets kubectl complete 'kubectl quiesce'.
                exec kubectl-quiesce {Question} "$@"

                """);
            return ExitCode.Success;
        });
        return command;
    }

    /// <summary>Answers for a command line whose last word is not complete: a line for each possibility, then how to go on.</summary>
    internal static int Answer(RootCommand root, string[] words)
    {
        var files = words.SkipLast(1).Contains("--") || (words.Length > 1 && words[^2] is "--svg" or "--kubeconfig");
        if (!words.SkipLast(1).Contains("--"))
        {
            var word = words.Length > 0 ? words[^1] : "";
            // As text, in which an empty word at the end is one that is yet to be written, also behind an option.
            // The library takes a new option behind one that can be repeated for another value of that: then the command alone tells what there is.
            var asked = word.StartsWith('-') ? [words[0], word] : words;
            var line = string.Join(' ', asked.Select(w => w.Any(char.IsWhiteSpace) ? $"\"{w}\"" : w));
            foreach (var item in root.Parse(line).GetCompletions(line.Length).Where(c => c.Label.StartsWith(word, StringComparison.Ordinal) && !c.Label.StartsWith('/') && !(c.Label.Length == 2 && c.Label[0] == '-')))
                Console.Out.WriteLine(item.Detail is { Length: > 0 } detail ? $"{item.Label}\t{detail.Split('\n')[0]}" : item.Label);
        }

        Console.Out.WriteLine($":{(files ? Default : NoFiles)}");
        return ExitCode.Success;
    }
}
