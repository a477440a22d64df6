using System.Text.Json.Nodes;
using Quiesce.Crds;

namespace Quiesce.Operator.Freezing;

/// <summary>The next write, other than of the request's status.</summary>
internal abstract record FreezeAction
{
    private FreezeAction()
    {
    }

    /// <summary>Put finalizer and backup label on the request, in one write.</summary>
    public sealed record Claim : FreezeAction;

    /// <summary>Write the decision's status at once, and send the commands of these hooks once it is written.</summary>
    /// <param name="Starts">As they stand in that status.</param>
    public sealed record RunHooks(IReadOnlyList<HookStatus> Starts) : FreezeAction;

    /// <summary>Call off the commands of hooks that are under way.</summary>
    public sealed record CancelHooks : FreezeAction;

    /// <summary>Create the window.</summary>
    /// <param name="Window">As it is to be, but for the names of its NodeFreezes.</param>
    /// <param name="Nodes">The nodes that will have one.</param>
    public sealed record CreateWindow(FreezeWindow Window, IReadOnlyList<string> Nodes) : FreezeAction;

    /// <summary>Create these NodeFreezes, in parallel.</summary>
    public sealed record CreateNodeFreezes(IReadOnlyList<NodeFreeze> NodeFreezes) : FreezeAction;

    /// <summary>Write a command into the window: freeze, or confirm. Void if the window has changed.</summary>
    /// <param name="Patch">A merge patch.</param>
    public sealed record Command(JsonObject Patch) : FreezeAction;

    /// <summary>Raise the deadline of the window. Void if the window has changed; if it is refused, the window goes on.</summary>
    /// <param name="Patch">A merge patch.</param>
    public sealed record Raise(JsonObject Patch) : FreezeAction;

    /// <summary>Write the thaw command into the window. Void if the window has changed, and decided anew; if it is refused for good, delete the window, which means thaw too.</summary>
    /// <param name="Patch">A merge patch.</param>
    public sealed record Thaw(JsonObject Patch) : FreezeAction;

    /// <summary>Take the finalizer off the request.</summary>
    public sealed record ReleaseRequest : FreezeAction;

    /// <summary>Delete the request's internal objects, NodeFreezes first.</summary>
    public sealed record DeleteInternals : FreezeAction;

    /// <summary>Delete the request: its time to live is over.</summary>
    public sealed record DeleteRequest : FreezeAction;
}
