using Quiesce.ApiServers;

namespace Quiesce.EndToEnd.Tests.Running;

/// <summary>Tests that do something to the operator or to what all tests share, each with an installation of its own: the others go on beside them.</summary>
public abstract class OwnInstallation(SpareInstallations spares) : IAsyncLifetime
{
    private bool isSpoiled;

    /// <summary>The test's own; it may leave the operator as it likes, the next one finds an ordinary one.</summary>
    internal Installation Installation { get; private set; } = null!;

    /// <inheritdoc/>
    public async ValueTask InitializeAsync()
    {
        Assert.SkipWhen(
            Environment.GetEnvironmentVariable(ApiServerUnderTest.KubeconfigVariable) is { Length: > 0 } && Environment.GetEnvironmentVariable(ApiServerUnderTest.AssetsVariable) is null or "",
            $"{ApiServerUnderTest.KubeconfigVariable} names one cluster, in which other tests need the operator that this one would replace");
        Installation = await spares.TakeAsync(TestContext.Current.CancellationToken);
    }

    /// <summary>Gives the installation back; what a test has changed of it is in order again by then, unless the test failed.</summary>
    public virtual async ValueTask DisposeAsync()
    {
        if (Installation is not null) await spares.GiveBackAsync(Installation, isSpoiled || TestContext.Current.TestState?.Result == TestResult.Failed);
        GC.SuppressFinalize(this);
    }

    /// <summary>Nobody else is to get it.</summary>
    protected void Spoil() => isSpoiled = true;
}
