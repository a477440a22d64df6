using System.Runtime.CompilerServices;

namespace Quiesce.Crds.Tests.ApiServers;

/// <summary>A theory that needs the real kube-apiserver and is skipped without it.</summary>
public sealed class RealApiServerTheoryAttribute : TheoryAttribute
{
    public RealApiServerTheoryAttribute([CallerFilePath] string? file = null, [CallerLineNumber] int line = -1)
        : base(file, line) =>
        (Skip, SkipType, SkipUnless) = (KubeApiServer.Missing, typeof(KubeApiServer), nameof(KubeApiServer.IsAvailable));
}
