using Quiesce.Crds;
using Quiesce.Crds.Client;
using Quiesce.Operator.Nodes;

namespace Quiesce.Operator.Hooks;

/// <summary>Which hooks a request has to run in which pods.</summary>
internal static class HookPlan
{
    /// <summary>Whether a request has hooks at all.</summary>
    public static bool HasHooks(FreezeRequestSpec spec) => spec.Hooks is { } hooks && (hooks.PreFreeze.Count > 0 || hooks.PostThaw.Count > 0 || hooks.Velero);

    /// <summary>Plans the hooks of a request.</summary>
    /// <param name="spec">The request's wish.</param>
    /// <param name="ns">The request's namespace.</param>
    /// <param name="workloads">The pods of the namespace.</param>
    /// <param name="affected">The pods whose volumes are frozen.</param>
    /// <returns>The hooks in the order they run; or why not.</returns>
    public static (IReadOnlyList<HookStatus> Hooks, Refusal? Refusal) Of(FreezeRequestSpec spec, string ns, Workloads workloads, IReadOnlyCollection<Pod> affected)
    {
        if (spec.Hooks is not { } hooks || !HasHooks(spec)) return ([], null);
        if (hooks.Velero && !Workloads.AreNamedBy(spec))
            return ([], new(Reasons.InvalidHook, "spec.hooks.velero takes the hooks of the pods whose volumes are frozen, and no target is a claim or a pod selector."));
        var plan = new List<HookStatus>();
        foreach (var stage in new[] { HookStage.PreFreeze, HookStage.PostThaw })
        {
            var all = stage == HookStage.PreFreeze ? hooks.PreFreeze : hooks.PostThaw;
            for (var i = 0; i < all.Count; i++)
            {
                var (name, hook) = (HookCommand.NameOf(stage, i), all[i]);
                var pods = workloads.Matching(hook.PodSelector).Where(IsRunning).ToArray();
                if (pods.Length == 0 && hook.OnError == HookErrorMode.Fail)
                {
                    return ([], new(
                        Reasons.InvalidHook,
                        $"spec.hooks.{name}: no running pod in namespace {ns} has the labels {Selector.Format(hook.PodSelector)}: compare with `kubectl get pods -n {ns} --show-labels`."));
                }

                foreach (var pod in pods)
                {
                    var planned = New(stage, name, pod, HookCommand.Of(hook, pod));
                    if (!HookCommand.HasContainer(pod, planned.Container!))
                        return ([], new(Reasons.InvalidHook, $"spec.hooks.{name}: pod {ns}/{pod.Metadata.Name} has no container {planned.Container}: compare with its spec.containers."));
                    plan.Add(planned);
                }
            }

            if (!hooks.Velero) continue;
            foreach (var pod in affected.Where(IsRunning).OrderBy(pod => pod.Metadata.Name, StringComparer.Ordinal))
            {
                if (HookCommand.OfAnnotations(stage, pod) is not { } command) continue;
                if (!HookCommand.HasContainer(pod, command.Container))
                    return ([], new(Reasons.InvalidHook, $"spec.hooks.velero: pod {ns}/{pod.Metadata.Name} has no container {Shortened(command.Container)}, which its annotation names."));
                plan.Add(New(stage, HookCommand.OfVelero, pod, command));
            }
        }

        return plan.Count <= Bounds.Hooks ? (plan, null) : ([], TooMany(plan.Count));
    }

    /// <summary>
    /// What was planned before and what is planned now: what has begun stays, and so does what runs after the thaw, because its pod may have been told to
    /// wait for it.
    /// </summary>
    /// <returns>More than <see cref="Bounds.Hooks"/> where pods came and went too often: then the request cannot go on.</returns>
    public static IReadOnlyList<HookStatus> Merge(IReadOnlyList<HookStatus> before, IReadOnlyList<HookStatus> now)
    {
        if (before.Count == 0) return now;
        var kept = before.Where(h => h.State != HookState.Pending || h.StartedAt is not null || h.Stage == HookStage.PostThaw).ToDictionary(Key);
        return [.. kept.Values.Concat(now.Where(h => !kept.ContainsKey(Key(h)))).OrderBy(h => h.Stage).ThenBy(Order).ThenBy(h => h.Pod, StringComparer.Ordinal).ThenBy(h => h.PodUid, StringComparer.Ordinal)];
    }

    /// <summary>Why a request with so many commands is refused.</summary>
    public static Refusal TooMany(int count) =>
        new(Reasons.InvalidHook, $"spec.hooks: {count} commands in pods, and one request runs {Bounds.Hooks}: make several requests.");

    /// <summary>Tells one hook in one pod from all others of a request.</summary>
    public static string Key(HookStatus hook) => $"{hook.Stage}/{hook.Hook}/{hook.Pod}/{hook.PodUid}";

    private static string Shortened(string name) => name.Length <= 100 ? name : $"{name[..100]}…";

    private static bool IsRunning(Pod pod) => pod.Status?.Phase == "Running";

    /// <summary>Those of the spec by their index, then those of annotations.</summary>
    private static int Order(HookStatus hook) =>
        hook.Hook.IndexOf('[', StringComparison.Ordinal) is var at && at > 0 && int.TryParse(hook.Hook.AsSpan(at + 1).TrimEnd(']'), out var index) ? index : int.MaxValue;

    private static HookStatus New(HookStage stage, string name, Pod pod, HookCommand command) =>
        new() { Stage = stage, Hook = name, Pod = pod.Metadata.Name, PodUid = pod.Metadata.Uid ?? "", Container = command.Container, OnError = command.OnError };
}
