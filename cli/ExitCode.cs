using Quiesce.Crds;

namespace Quiesce.Cli;

/// <summary>What the program's exit status says; documented in <c>docs/cli.md</c>. The verdicts have the numbers they have in <c>quiesce-agent</c>.</summary>
internal static class ExitCode
{
    /// <summary>The window held and was ended by its user; or the command did what it was asked for.</summary>
    internal const int Success = 0;

    /// <summary>An error that is none of the others.</summary>
    internal const int Error = 1;

    /// <summary>Bad usage, or no cluster to talk to.</summary>
    internal const int Usage = 2;

    /// <summary>The deadline ended the window.</summary>
    internal const int Expired = 3;

    /// <summary>Nothing is frozen: the request failed.</summary>
    internal const int Failed = 4;

    /// <summary>The window opened and did not hold, or not for as long as the command of <c>run</c> went on.</summary>
    internal const int Broken = 5;

    /// <summary>The API server refused: not permitted.</summary>
    internal const int Forbidden = 6;

    /// <summary>The API server does not answer.</summary>
    internal const int Unreachable = 7;

    /// <summary>The verdict of a request that has ended.</summary>
    internal static int Of(FreezeRequestStatus status) => status.Phase switch
    {
        FreezePhase.Thawed => Success,
        FreezePhase.Expired => Expired,
        FreezePhase.Broken => Broken,
        // It was open, and then a node was lost.
        _ when status.FrozenAt is not null => Broken,
        _ => Failed,
    };
}
