using System.CommandLine;
using Quiesce.Agent.Commands;
using Quiesce.Agent.Output;

namespace Quiesce.Agent;

/// <summary><c>quiesce-agent</c>: serves a node, or freezes and thaws by hand.</summary>
internal static class Program
{
    // What the core relies on is there from here on; older kernels would fail in the middle.
    private static readonly Version Floor = new(5, 14);

    private static int Main(string[] arguments)
    {
        StandardDescriptors.Ensure();
        LeftBehind.Begin(arguments);
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
            Complain([.. parsed.Errors.Select(e => e.Message), "run 'quiesce-agent --help' for the commands and their options"]);
            return ExitCode.Usage;
        }
        var kernel = Environment.OSVersion.Version;
        if (kernel < Floor)
        {
            Complain([$"this kernel is Linux {kernel.ToString(2)}; freezing safely needs {Floor.ToString(2)} or newer"]);
            return ExitCode.Failed;
        }
        // The commands take the signals themselves: a thaw is not to be cut short by a timeout of the command line's.
        var status = parsed.Invoke(new InvocationConfiguration { ProcessTerminationTimeout = null });
        output.Drain(TimeSpan.FromSeconds(1));
        return status;
    }

    private static void Complain(IReadOnlyList<string> lines)
    {
        var errors = new NonBlockingWriter(2);
        foreach (var line in lines) errors.WriteLine($"quiesce-agent: {line}");
        errors.Drain(TimeSpan.FromSeconds(1));
    }
}
