using System.Text.Json;
using Quiesce.Crds.Client;

namespace Quiesce.Operator.Tests.Client;

/// <summary>Which pods may write to their volumes.</summary>
public sealed class PodTests
{
    private static readonly ContainerStatus Runs = new() { State = new() { Running = default(JsonElement) } };
    private static readonly ContainerStatus Waits = new() { State = new() { Waiting = default(JsonElement) } };
    private static readonly ContainerStatus Ended = new() { State = new() { Terminated = default(JsonElement) } };

    private static bool Uses(string phase, ContainerStatus[]? containers, ContainerStatus[]? init = null, string? node = "a") =>
        new Pod { Spec = new() { NodeName = node }, Status = new() { Phase = phase, ContainerStatuses = containers, InitContainerStatuses = init } }.UsesItsVolumes();

    [Fact]
    public void One_of_which_a_container_runs_or_ran_whatever_the_others_wait_for()
    {
        Assert.True(Uses("Running", null));
        Assert.True(Uses("Unknown", null));
        // A sidecar whose image cannot be had keeps the pod Pending while its database runs.
        Assert.True(Uses("Pending", [Runs, Waits]));
        Assert.True(Uses("Pending", [Ended, Waits]));
        Assert.True(Uses("Pending", [Waits], [Runs]));
        Assert.True(Uses("Pending", [Waits], [Ended]));
        Assert.False(Uses("Pending", [Waits, Waits], [Waits]));
        Assert.False(Uses("Pending", null));
        Assert.False(Uses("Succeeded", [Ended]));
        Assert.False(Uses("Failed", [Ended]));
        Assert.False(Uses("Running", [Runs], node: null));
    }
}
