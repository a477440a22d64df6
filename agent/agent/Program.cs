using System.CommandLine;
using Quiesce.Agent.Commands;
using Quiesce.Agent.Output;

namespace Quiesce.Agent;

/// <summary><c>quiesce-agent</c>: serves a node, or freezes and thaws by hand.</summary>
internal static class Program
{
    private static int Main(string[] arguments)
    {
        StandardDescriptors.Ensure();
        var output = new NonBlockingWriter(1);
        var root = new RootCommand("Holds filesystems still for a consistent backup or snapshot, all of them or none, and always thaws them.")
        {
            RunCommand.Create(output),
            FreezeCommand.Create(output),
            ThawCommand.Create(output),
            InspectCommand.Create(output),
        };
        // No response files: a folder's name may begin with @.
        var parsed = root.Parse(arguments, new ParserConfiguration { ResponseFileTokenReplacer = null });
        if (parsed.Errors.Count > 0)
        {
            var errors = new NonBlockingWriter(2);
            foreach (var error in parsed.Errors) errors.WriteLine($"quiesce-agent: {error.Message}");
            errors.WriteLine("Run 'quiesce-agent --help' for the commands and their options.");
            errors.Drain(TimeSpan.FromSeconds(1));
            return ExitCode.Usage;
        }
        // The commands take the signals themselves: a thaw is not to be cut short by a timeout of the command line's.
        var status = parsed.Invoke(new InvocationConfiguration { ProcessTerminationTimeout = null });
        output.Drain(TimeSpan.FromSeconds(1));
        return status;
    }
}
