using System.Runtime.CompilerServices;

namespace Quiesce.Crds.Tests.ApiServers;

/// <summary>A test that needs the real kube-apiserver and is skipped without it.</summary>
public sealed class RealApiServerFactAttribute : FactAttribute
{
    public RealApiServerFactAttribute([CallerFilePath] string? file = null, [CallerLineNumber] int line = -1)
        : base(file, line) =>
        (Skip, SkipType, SkipUnless) = (KubeApiServer.Missing, typeof(KubeApiServer), nameof(KubeApiServer.IsAvailable));
}
