using k8s.Models;

namespace Quiesce.Crds;

/// <summary>Internal: the command for one request, one object for any number of nodes; written by the operator alone.</summary>
/// <remarks>
/// Lives in the operator's namespace under the name <see cref="InternalNames.Window"/>, or <see cref="InternalNames.CalledWindow"/> where it calls its nodes. It is created before the first
/// NodeFreeze of its request. An agent that finds it missing from a completed list, or deleted, thaws. Every command (freeze,
/// confirm, raise, thaw) is one write.
/// </remarks>
[KubernetesEntity(Group = QuiesceApi.Group, ApiVersion = QuiesceApi.Version, Kind = "FreezeWindow", PluralName = "freezewindows")]
public sealed record FreezeWindow : IQuiesceResource, ISpec<FreezeWindowSpec>
{
    /// <inheritdoc/>
    public static ResourceType Type { get; } = new(QuiesceApi.Group, QuiesceApi.Version, "FreezeWindow", "freezewindows", Namespaced: true);

    /// <inheritdoc/>
    public string ApiVersion { get; set; } = Type.ApiVersion;

    /// <inheritdoc/>
    public string Kind { get; set; } = Type.Kind;

    /// <inheritdoc/>
    public V1ObjectMeta Metadata { get; set; } = new();

    /// <summary>The command.</summary>
    public FreezeWindowSpec Spec { get; set; } = new() { Request = new() { Name = "", Namespace = "", Uid = "" } };
}

/// <summary>The command. <see cref="DesiredState"/> never steps back, <see cref="Confirmed"/> never becomes false again,
/// <see cref="DeadlineSeconds"/> never falls; the rest is immutable.</summary>
public sealed record FreezeWindowSpec
{
    /// <summary>The request this window belongs to.</summary>
    public required RequestReference Request { get; init; }

    /// <summary>What agents are to do.</summary>
    public WindowState DesiredState { get; init; }

    /// <summary>Longest hold in seconds, counted by each agent from the moment its freeze begins.</summary>
    public int DeadlineSeconds { get; init; }

    /// <summary>
    /// Every node is known to be frozen. With several nodes an agent thaws itself (<c>NotConfirmed</c>) when this does not
    /// follow within <c>freezeTimeoutSeconds</c> of its own freeze. With one node the window is created with it set.
    /// </summary>
    public bool Confirmed { get; init; }

    /// <summary>How many nodes follow it; 1 where it is not given. By it they reckon how long they keep an answer back, <see cref="AnswerPause"/>.</summary>
    public int Nodes { get; set; } = 1;
}

/// <summary>What agents are to do; it only moves forward.</summary>
public enum WindowState
{
    /// <summary>Open, verify, flush; freeze nothing.</summary>
    Prepared,

    /// <summary>Freeze and hold.</summary>
    Frozen,

    /// <summary>Release.</summary>
    Thawed,
}

/// <summary>Names one FreezeRequest or ThawRequest.</summary>
public sealed record RequestReference
{
    /// <summary>The request's namespace; empty for a ThawRequest.</summary>
    public required string Namespace { get; init; }

    /// <summary>The request's name.</summary>
    public required string Name { get; init; }

    /// <summary>The request's UID.</summary>
    public required string Uid { get; init; }
}
