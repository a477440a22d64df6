using Quiesce.Freezing.Reports;
using Quiesce.Freezing.Windows;

namespace Quiesce.Agent.Commands;

/// <summary>What the program's exit status says; documented in <c>docs/agent.md</c>.</summary>
internal static class ExitCode
{
    /// <summary>The window held and was ended by the caller; or the command did what it was asked for.</summary>
    internal const int Success = 0;

    /// <summary>Bad usage.</summary>
    internal const int Usage = 2;

    /// <summary>Ended by the deadline.</summary>
    internal const int Expired = 3;

    /// <summary>Could not freeze; everything was rolled back. Of <c>thaw</c> and <c>inspect</c>: not everything could be done.</summary>
    internal const int Failed = 4;

    /// <summary>The window was broken by someone else.</summary>
    internal const int Broken = 5;

    internal static int Of(WindowReport report) => report.Phase switch
    {
        WindowPhase.Thawed => Success,
        WindowPhase.Expired => Expired,
        WindowPhase.Broken => Broken,
        _ => Failed,
    };
}
