using System.Reflection;
using Quiesce.Crds;

namespace Quiesce.Freezing.Tests;

/// <summary>The freezing core knows nothing of Kubernetes, and yet what it says is what the API says.</summary>
public sealed class FreezeReasonTests
{
    [Fact]
    public void Every_reason_of_the_core_is_one_of_the_api() => Assert.All(Of(typeof(FreezeReason)), reason => Assert.Contains(reason, Of(typeof(Reasons))));

    private static (string Name, string Value)[] Of(Type type)
    {
        var constants = type.GetFields(BindingFlags.Public | BindingFlags.Static).Select(f => (f.Name, (string)f.GetRawConstantValue()!)).ToArray();
        Assert.NotEmpty(constants);
        return constants;
    }
}
