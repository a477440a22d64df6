using System.CommandLine;
using Quiesce.Freezing.Kernel;

namespace Quiesce.Agent.Commands;

/// <summary>Options that several commands have.</summary>
internal static class CommonOptions
{
    internal static readonly Option<string> HostRoot = new("--host-root")
    {
        Description = "Where this process sees the host's root; paths given and shown are the host's.",
        HelpName = "FOLDER",
        DefaultValueFactory = _ => "/",
    };

    internal static readonly Option<string[]> AllowProtected = new("--allow-protected")
    {
        Description = "A folder whose filesystem may be frozen though it is protected; can be repeated. An administrator's decision: the node may stand still.",
        HelpName = "FOLDER",
        AllowMultipleArgumentsPerToken = false,
    };

    internal static readonly Option<bool> AllowUnprotectedHolder = new("--allow-unprotected-holder")
    {
        Description = "Freeze although the process that holds the filesystems cannot leave this container's cgroups and PID namespace: whatever kills the container then leaves them frozen until an agent starts again.",
    };

    internal static readonly Option<ExpediteRcu> ExpediteRcu = new("--expedite-rcu")
    {
        Description = "Whether the kernel's grace periods are expedited while a freeze is under way, which makes it some ten times as short: auto, always or never. 'auto' does it unless the machine has real-time, isolated or nohz_full processors, which it would disturb, or rcu_normal is set.",
        HelpName = "auto|always|never",
        DefaultValueFactory = _ => Freezing.Kernel.ExpediteRcu.Auto,
        CustomParser = result =>
        {
            var text = result.Tokens.Count == 1 ? result.Tokens[0].Value : "";
            ExpediteRcu? named = text switch
            {
                "auto" => Freezing.Kernel.ExpediteRcu.Auto,
                "always" => Freezing.Kernel.ExpediteRcu.Always,
                "never" => Freezing.Kernel.ExpediteRcu.Never,
                _ => null,
            };
            if (named is null) result.AddError($"--expedite-rcu: '{text}' is not auto, always or never");
            return named ?? default;
        },
    };

    internal static readonly Option<bool> Json = new("--json") { Description = "One JSON object a line instead of text." };

    internal static Option<Duration> Duration(string name, string description, Duration value, Duration maximum) => new(name)
    {
        Description = $"{description}, {maximum} at most.",
        HelpName = "DURATION",
        DefaultValueFactory = _ => value,
        CustomParser = result =>
        {
            var text = result.Tokens.Count == 1 ? result.Tokens[0].Value : "";
            if (Commands.Duration.TryParse(text, out var duration) && duration.Span <= maximum.Span) return duration;
            result.AddError($"{name}: '{text}' is not a duration above zero and up to {maximum}; write 500ms, 30s, 5m or 1h");
            return value;
        },
    };
}
