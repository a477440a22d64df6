using Quiesce.Crds;
using Quiesce.Crds.Client;
using Quiesce.Operator.Nodes;

namespace Quiesce.Operator.Freezing;

/// <summary>What a hold as long as it may become does to others: conditions that are there only where there is something to say.</summary>
internal static class Warnings
{
    /// <summary>Pods named in one message.</summary>
    private const int MostPods = 8;

    /// <summary>The kernel's own limit is 120 s; what waits for a frozen filesystem began to wait before the freeze.</summary>
    private const int HungTaskSeconds = 100;

    /// <summary>Sets the conditions LongHold and ProbeMayKill, or keeps them as they were: a deadline never becomes shorter.</summary>
    public static Conditions Warn(this Conditions conditions, FreezeState state)
    {
        var deadline = Deadline(state);
        if (deadline > HungTaskSeconds) conditions.Set(ConditionTypes.LongHold, ConditionStatus.True, Reasons.LongHold, HungTasks(deadline));
        else conditions.Keep(ConditionTypes.LongHold);
        if (Probes(state, deadline) is { } probes) conditions.Set(ConditionTypes.ProbeMayKill, ConditionStatus.True, Reasons.ProbeMayKill, probes);
        else conditions.Keep(ConditionTypes.ProbeMayKill);
        return conditions;
    }

    /// <summary>The same as Events, for a deadline that is to come into force.</summary>
    /// <param name="state">The state.</param>
    /// <param name="deadline">The deadline, in seconds.</param>
    /// <param name="before">The one that was in force before, of which all was said; 0 where none was.</param>
    public static IReadOnlyList<Story> Stories(FreezeState state, int deadline, int before)
    {
        var stories = new List<Story>();
        if (deadline > HungTaskSeconds && before <= HungTaskSeconds) stories.Add(new(Reasons.LongHold, HungTasks(deadline), IsWarning: true));
        if (Probes(state, deadline) is { } probes && (before == 0 || Probes(state, before) is null)) stories.Add(new(Reasons.ProbeMayKill, probes, IsWarning: true));
        return stories;
    }

    private static int Deadline(FreezeState state) => state.Window?.Spec.DeadlineSeconds ?? state.Request.Spec.DeadlineSeconds;

    private static string HungTasks(int deadline) =>
        $"a hold of up to {deadline} s is longer than the kernel lets a task wait (kernel.hung_task_timeout_secs, 120 s by default) before it says so in its log; with kernel.hung_task_panic set the node restarts then.";

    /// <summary>The affected pods that kubelet may restart, as a sentence; null when there are none, and where pods were not read.</summary>
    private static string? Probes(FreezeState state, int deadline)
    {
        if (state.Workloads is null) return null;
        var (claims, _) = Resolution.ResolveClaims(state.Request.Spec, state.Request.Metadata.NamespaceProperty ?? "", state.Workloads);
        var pods = (claims?.Pods ?? []).Select(pod => (pod.Metadata.Name, Shortest: Shortest(pod))).Where(p => p.Shortest?.Seconds < deadline).ToArray();
        if (pods.Length == 0) return null;
        var named = string.Join(", ", pods.Take(MostPods).Select(p => $"{p.Name} (container {p.Shortest!.Value.Container}: {p.Shortest.Value.Seconds} s)"));
        return $"the liveness probe of {Verdict.Count(pods.Length, "pod")} gives up sooner than the hold of up to {deadline} s ends: {named}{(pods.Length > MostPods ? $" and {pods.Length - MostPods} more" : "")}."
            + " If it needs the frozen filesystem, kubelet restarts the container. Give it a larger periodSeconds × failureThreshold, or the request a shorter deadlineSeconds.";
    }

    private static (string Container, int Seconds)? Shortest(Pod pod) => (pod.Spec?.Containers ?? [])
        .Where(c => c.LivenessProbe is not null)
        .Select(c => ((string Container, int Seconds)?)(c.Name, c.LivenessProbe!.PeriodSeconds * c.LivenessProbe.FailureThreshold))
        .MinBy(c => c!.Value.Seconds);
}
