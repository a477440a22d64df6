using System.Globalization;
using Quiesce.Chaos.Tests.Observing;
using Quiesce.Chaos.Tests.Rounds;
using Quiesce.Chaos.Tests.Running;
using Quiesce.Chaos.Tests.Soak;
using Quiesce.RealFilesystems;

namespace Quiesce.Chaos.Tests;

/// <summary>The test program, which is the long runs and the standing writer as well.</summary>
internal static class Program
{
    private const string Usage = """
        usage: Quiesce.Chaos.Tests chaos ROUNDS [--seed SEED] [--lanes LANES]
               Quiesce.Chaos.Tests soak CYCLES
               Quiesce.Chaos.Tests [OPTIONS OF THE TEST RUNNER]
        """;

    private static async Task<int> Main(string[] args)
    {
        switch (args)
        {
            case ["writer", var memory, var file]:
                return WriterProgram.Run(memory, file);
            case ["chaos", var rounds, .. var options] when Read(rounds) is { } count && Options(options) is { } given:
                return await Told(() => ChaosAsync(count, given));
            case ["soak", var cycles] when Read(cycles) is { } count:
                return await Told(() => SoakAsync(count));
            case ["chaos" or "writer" or "soak", ..]:
                await Console.Error.WriteLineAsync(Usage);
                return 2;
            default:
                return args.Any(a => a is "-automated" or "@@")
                    ? await Xunit.Runner.InProc.SystemConsole.ConsoleRunner.Run(args)
                    : await Xunit.MicrosoftTestingPlatform.TestPlatformTestFramework.RunAsync(args, SelfRegisteredExtensions.AddSelfRegisteredExtensions);
        }
    }

    private static async Task<int> ChaosAsync(int rounds, Dictionary<string, int> options)
    {
        var seed = options.GetValueOrDefault("--seed", Environment.TickCount);
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"chaos: {rounds} rounds, seed {seed}"));
        await using var field = await Field.CreateAsync(options.GetValueOrDefault("--lanes", Math.Min(rounds, Field.DefaultLanes)));
        Console.WriteLine($"chaos: {field.Description}");
        var tally = await ChaosRun.RunAsync(field.Lanes, seed, rounds, Console.WriteLine);
        foreach (var line in tally.Lines()) Console.WriteLine(line);
        return tally.Failed == 0 ? 0 : 1;
    }

    private static async Task<int> SoakAsync(int cycles)
    {
        var result = await SoakRun.RunAsync(cycles, Console.WriteLine);
        Console.WriteLine($"soak: {result}");
        foreach (var growth in result.Growth) Console.WriteLine($"FAILED  {growth}");
        return result.Growth.Count == 0 ? 0 : 1;
    }

    // As the tests do: what is left behind fails the run, and so does a machine on which it cannot run.
    private static async Task<int> Told(Func<Task<int>> run)
    {
        if (Programs.Missing is { } missing)
        {
            await Console.Error.WriteLineAsync($"cannot run here: {missing}");
            return 1;
        }
        try
        {
            await using var leftovers = new Leftovers();
            return await run();
        }
        catch (Exception e) when (e is InvalidOperationException or TimeoutException or IOException)
        {
            await Console.Error.WriteLineAsync(e.ToString());
            return 1;
        }
    }

    private static int? Read(string number) => int.TryParse(number, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var read) ? read : null;

    private static Dictionary<string, int>? Options(string[] words)
    {
        var options = new Dictionary<string, int>();
        for (var i = 0; i < words.Length; i += 2)
        {
            if (words[i] is not ("--seed" or "--lanes") || i + 1 == words.Length || Read(words[i + 1]) is not { } value) return null;
            options[words[i]] = value;
        }
        return options;
    }
}
