namespace Quiesce.EndToEnd.Tests.Running;

/// <summary>How a program of ours is started, where that matters to a test.</summary>
internal sealed record ProgramStart
{
    /// <summary>The kubeconfig it is given; null for the installation's own, which leads straight to the API server.</summary>
    internal string? Kubeconfig { get; init; }

    /// <summary>Further arguments.</summary>
    internal IReadOnlyList<string> Arguments { get; init; } = [];

    /// <summary>Commands that end in executing the program, such as those that enter a mount namespace.</summary>
    internal IReadOnlyList<string> Wrapper { get; init; } = [];

    /// <summary>Variables of its environment, beside those of the test host.</summary>
    internal IReadOnlyDictionary<string, string> Environment { get; init; } = new Dictionary<string, string>();

    /// <summary>Where its output goes, as a shell writes it (<c>&gt;&amp;- 2&gt;&amp;-</c>); null to keep it for the failure's message.</summary>
    internal string? Redirection { get; init; }
}
