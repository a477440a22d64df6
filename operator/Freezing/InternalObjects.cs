using System.Text.Json;
using System.Text.Json.Nodes;
using k8s.Models;
using Quiesce.Crds;
using Quiesce.Operator.Nodes;

namespace Quiesce.Operator.Freezing;

/// <summary>Builds the internal objects of a request, and the commands written into its window.</summary>
internal static class InternalObjects
{
    /// <summary>The longest message kept in an annotation, in characters.</summary>
    private const int MostMessage = 2048;

    /// <summary>The window. With one node it is the freeze command at once: there is no barrier to wait at. With very many it calls them, if it can.</summary>
    public static FreezeWindow Window(FreezeState state, NodeTargets nodes)
    {
        var window = OneByOne(state, nodes);
        if (!MayCall(state, nodes)) return window;
        var plans = CalledPlans.Write(nodes.Names.Select(name => NodeFreeze(state, nodes, name, NodeFreezeMode.Hold).Spec));
        if (plans is null) return window;
        window.Metadata.Name = InternalNames.CalledWindow;
        window.Metadata.Annotations[QuiesceApi.PlansAnnotation] = plans;
        return window;
    }

    /// <summary>The window calls its nodes: their agents make their NodeFreezes themselves.</summary>
    public static bool IsCalled(FreezeWindow window) => window.Metadata.Name == InternalNames.CalledWindow;

    /// <summary>It calls them, and does not yet command to freeze: before that all have answered.</summary>
    public static bool IsCalling(FreezeWindow? window) => window is { Spec.DesiredState: WindowState.Prepared } && IsCalled(window);

    /// <summary>The same window without the call.</summary>
    public static FreezeWindow Uncalled(FreezeWindow window)
    {
        window.Metadata.Name = InternalNames.Window(window.Spec.Request.Uid);
        window.Metadata.Annotations.Remove(QuiesceApi.PlansAnnotation);
        return window;
    }

    /// <remarks>
    /// What claims and pods are resolved to may be more than a window holds, and is compared once more before the plans are written. And where a request that begins anew has not much time
    /// left, there is none to wait for answers.
    /// </remarks>
    private static bool MayCall(FreezeState state, NodeTargets nodes) =>
        state.CallIsFree && state.Now < (state.Since ?? state.Now) + (TimeSpan.FromSeconds(state.Request.Spec.FreezeTimeoutSeconds) / 4) && state.Limits.CallFromNodes is > 1 and var from && nodes.Names.Count >= from && nodes.Digest is null && nodes.Names.All(state.Cluster.HearCalls.Contains);

    private static FreezeWindow OneByOne(FreezeState state, NodeTargets nodes)
    {
        var single = nodes.Names.Count == 1;
        var annotations = new Dictionary<string, string>
        {
            [WindowRecord.NodesAnnotation] = nodes.Write(),
            [WindowRecord.StartedAtAnnotation] = WindowRecord.Format(state.Since ?? state.Now),
        };
        if (nodes.Digest is { } digest) annotations[WindowRecord.WorkloadsAnnotation] = digest;
        if (single) annotations[WindowRecord.CommandedAtAnnotation] = WindowRecord.Format(state.Now);
        if (state.TraceParent is { } trace) annotations[QuiesceApi.TraceParentAnnotation] = trace;
        return new()
        {
            Metadata = Metadata(state, InternalNames.Window(state.Uid), annotations),
            Spec = new()
            {
                Request = Reference(state.Request.Metadata),
                DesiredState = single ? WindowState.Frozen : WindowState.Prepared,
                DeadlineSeconds = state.Request.Spec.DeadlineSeconds,
                Confirmed = single,
                Nodes = nodes.Names.Count,
            },
        };
    }

    /// <summary>The plan for one node, without a name: that is the one its window has for it, or a free one, when it is created.</summary>
    public static NodeFreeze NodeFreeze(FreezeState state, NodeTargets nodes, string node, NodeFreezeMode mode)
    {
        var spec = state.Request.Spec;
        var annotations = new Dictionary<string, string>();
        if (mode == NodeFreezeMode.Hold && state.Window is { } window)
        {
            annotations[QuiesceApi.WindowUidAnnotation] = window.Metadata.Uid;
            // Its agent may have begun on the call, and goes on with this plan then.
            if (IsCalled(window)) annotations[QuiesceApi.PlanIdAnnotation] = InternalNames.PlanId(window.Metadata.Uid, node);
            if (window.Spec.DesiredState == WindowState.Prepared) annotations[QuiesceApi.WindowAnnotation] = AsItIs(window);
        }

        if (state.TraceParent is { } trace) annotations[QuiesceApi.TraceParentAnnotation] = trace;
        return new()
        {
            Metadata = Metadata(state, null, annotations.Count > 0 ? annotations : null),
            Spec = new()
            {
                NodeName = node,
                Request = Reference(state.Request.Metadata),
                Mode = mode,
                Window = mode == NodeFreezeMode.Hold ? state.Window?.Metadata.Name ?? InternalNames.Window(state.Uid) : null,
                Paths = nodes.PathsOn(spec, node),
                Volumes = nodes.VolumesOn(node),
                AllFilesystems = nodes.AllFilesystemsOf(spec, node),
                UnsupportedFilesystems = spec.UnsupportedFilesystems,
                FreezeTimeoutSeconds = spec.FreezeTimeoutSeconds,
            },
        };
    }

    private static string AsItIs(FreezeWindow window)
    {
        var meta = window.Metadata;
        var bare = new FreezeWindow { Metadata = new() { Name = meta.Name, NamespaceProperty = meta.NamespaceProperty, Uid = meta.Uid, ResourceVersion = meta.ResourceVersion }, Spec = window.Spec };
        return JsonSerializer.Serialize(bare, CrdsJson.Default.FreezeWindow);
    }

    /// <summary>The freeze command for several nodes.</summary>
    public static FreezeAction Freeze(DateTimeOffset now) => new FreezeAction.Command(
        Patch(new() { ["desiredState"] = nameof(WindowState.Frozen) }, (WindowRecord.CommandedAtAnnotation, WindowRecord.Format(now))));

    /// <summary>Tells every node that all are frozen.</summary>
    public static FreezeAction Confirm(DateTimeOffset now) => new FreezeAction.Command(
        Patch(new() { ["confirmed"] = true }, (WindowRecord.FrozenAtAnnotation, WindowRecord.Format(now))));

    /// <summary>Raises the deadline.</summary>
    public static FreezeAction Raise(int deadlineSeconds) => new FreezeAction.Raise(Patch(new() { ["deadlineSeconds"] = deadlineSeconds }));

    /// <summary>The thaw command, with the reason in the same write.</summary>
    public static JsonObject ThawPatch(WindowEnd end) => Patch(
        new() { ["desiredState"] = nameof(WindowState.Thawed) },
        (WindowRecord.EndReasonAnnotation, end.Reason),
        (WindowRecord.EndMessageAnnotation, end.Message.Length > MostMessage ? end.Message[..MostMessage] : end.Message),
        (WindowRecord.EndAtAnnotation, WindowRecord.Format(end.At)));

    /// <summary>Names a request in its internal objects.</summary>
    public static RequestReference Reference(V1ObjectMeta request) =>
        new() { Namespace = request.NamespaceProperty ?? "", Name = request.Name, Uid = request.Uid };

    private static V1ObjectMeta Metadata(FreezeState state, string? name, Dictionary<string, string>? annotations = null) => new()
    {
        Name = name,
        NamespaceProperty = state.Namespace,
        Labels = Labels(state.Uid),
        Annotations = annotations,
    };

    /// <summary>The labels of an internal object.</summary>
    public static Dictionary<string, string> Labels(string uid) => new()
    {
        [QuiesceApi.RequestUidLabel] = uid,
        [QuiesceApi.ExcludeFromBackupLabel] = "true",
    };

    private static JsonObject Patch(JsonObject spec, params (string Name, string Value)[] annotations)
    {
        var patch = new JsonObject { ["spec"] = spec };
        if (annotations.Length == 0) return patch;
        var values = new JsonObject();
        foreach (var (name, value) in annotations) values[name] = value;
        patch["metadata"] = new JsonObject { ["annotations"] = values };
        return patch;
    }
}
