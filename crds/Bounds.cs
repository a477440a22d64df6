namespace Quiesce.Crds;

/// <summary>The bounds the manifests set. The API server refuses a write beyond one of them, so whoever reports cuts to them first.</summary>
/// <remarks>Without bounds on every list and string it refuses the manifests themselves, for the estimated cost of their rules.</remarks>
public static class Bounds
{
    /// <summary>Targets of one FreezeRequest.</summary>
    public const int Targets = 64;

    /// <summary>Paths of one NodeFreeze or ThawRequest.</summary>
    public const int Paths = 64;

    /// <summary>Characters of a path that is asked for.</summary>
    public const int PathLength = 1024;

    /// <summary>Characters of a path, or of a mount's source, that is reported: the kernel's <c>PATH_MAX</c>.</summary>
    public const int ReportedPathLength = 4096;

    /// <summary>The longest <c>freezeTimeoutSeconds</c> and <c>timeoutSeconds</c>.</summary>
    public const int TimeoutCeilingSeconds = 300;

    /// <summary>Nodes listed in the status of a FreezeRequest.</summary>
    public const int Nodes = 100;

    /// <summary>Filesystems listed for one node.</summary>
    public const int Filesystems = 64;

    /// <summary>Hooks listed in the status of a FreezeRequest, each in one pod: what one request may run, because what is not listed could be forgotten.</summary>
    public const int Hooks = 200;

    /// <summary>Characters of a hook's output in status.</summary>
    public const int HookOutputLength = 1024;

    /// <summary>Conditions of one request.</summary>
    public const int Conditions = 16;

    /// <summary>Characters of any <c>message</c>, as in <c>metav1.Condition</c>.</summary>
    public const int MessageLength = 32768;

    /// <summary>A message, cut where it is longer than that: the API server would refuse all of a report for it.</summary>
    public static string? Message(string? text) => text is { Length: > MessageLength } ? text[..MessageLength] : text;
}
