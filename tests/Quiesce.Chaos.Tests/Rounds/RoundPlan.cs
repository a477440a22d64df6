using System.Globalization;
using Quiesce.Chaos.Tests.Running;

namespace Quiesce.Chaos.Tests.Rounds;

/// <summary>Everything that is decided of a round before it begins: a function of its seed alone, so that a round can be run again.</summary>
internal sealed record RoundPlan
{
    private const int Filesystems = 3;

    /// <summary>How often each kind is drawn. Deaths of what holds the freeze come first: the rest is what they may meet.</summary>
    private static readonly IReadOnlyList<(FaultKind Kind, int Weight)> Weights =
    [
        (FaultKind.KillAgent, 14), (FaultKind.StopAgent, 8), (FaultKind.TerminateAgent, 5),
        (FaultKind.KillHolder, 12), (FaultKind.StopHolder, 9), (FaultKind.BesiegeHolder, 4),
        (FaultKind.KillBoth, 7), (FaultKind.StopBoth, 4), (FaultKind.StopHolderKillAgent, 5),
        (FaultKind.KillContainer, 7), (FaultKind.PauseContainer, 5),
        (FaultKind.KillOperator, 6), (FaultKind.StopOperator, 4),
        (FaultKind.RefuseAgent, 5), (FaultKind.BlackHoleAgent, 5), (FaultKind.StrandAgent, 3), (FaultKind.DelayAgent, 3),
        (FaultKind.RefuseOperator, 4), (FaultKind.BlackHoleOperator, 4), (FaultKind.StrandOperator, 2), (FaultKind.DelayOperator, 2),
        (FaultKind.DeleteNodeFreeze, 4), (FaultKind.DeleteFreezeWindow, 4), (FaultKind.ForeignThaw, 5),
    ];

    /// <summary>What it was made from.</summary>
    internal required int Seed { get; init; }

    /// <summary>What the request asks for.</summary>
    internal required IReadOnlyList<Target> Targets { get; init; }

    internal required int DeadlineSeconds { get; init; }

    /// <summary>When, after the request, the user asks for the thaw; null for never.</summary>
    internal TimeSpan? ThawAt { get; init; }

    /// <summary>When the user deletes the request while it runs; null for not before its end.</summary>
    internal TimeSpan? DeleteAt { get; init; }

    /// <summary>When the user raises the deadline, and to how many seconds; null for never.</summary>
    internal (TimeSpan At, int Seconds)? Raise { get; init; }

    internal IReadOnlyList<Fault> Faults { get; init; } = [];

    /// <summary>The longest deadline that can be in force, in seconds.</summary>
    internal int LongestDeadlineSeconds => Raise?.Seconds ?? DeadlineSeconds;

    /// <summary>The plan of a seed.</summary>
    internal static RoundPlan Of(int seed)
    {
#pragma warning disable CA5394 // To be drawn again from the same seed is the point.
        var random = new Random(seed);
        var filesystems = Enumerable.Range(0, Filesystems).ToArray();
        random.Shuffle(filesystems);
        List<Target> targets = [.. filesystems.Take(1 + random.Next(Filesystems)).Select(f => new Target(f, random.Next(Lane.NodeCount)))];
        var deadline = 1 + random.Next(3);
        var end = deadline + 0.5;
        TimeSpan? thawAt = random.NextDouble() < 0.6 ? Between(random.NextDouble() < 0.2 ? 0.1 : 0.6, end) : null;
        TimeSpan? deleteAt = random.NextDouble() < 0.12 ? Between(0.1, end) : null;
        (TimeSpan, int)? raise = random.NextDouble() < 0.15 ? (Between(0.2, deadline), deadline + 1) : null;
        var count = random.NextDouble() switch { < 0.05 => 0, < 0.5 => 1, < 0.82 => 2, _ => 3 };
        return new RoundPlan
        {
            Seed = seed,
            Targets = targets,
            DeadlineSeconds = deadline,
            ThawAt = thawAt,
            DeleteAt = deleteAt,
            Raise = raise,
            Faults = [.. Enumerable.Range(0, count).Select(_ => Draw()).OrderBy(f => f.At)],
        };

        TimeSpan Between(double from, double to) => TimeSpan.FromSeconds(Math.Round(from + (random.NextDouble() * (to - from)), 3));

        Fault Draw()
        {
            var kind = DrawKind();
            // From before Prepare to after the deadline; the first moments, in which everything is opened, flushed and frozen, more densely.
            var at = random.NextDouble() < 0.3 ? Between(0, 0.4) : Between(0.1, deadline + 0.6);
            var target = random.Next(targets.Count);
            var until = random.NextDouble();
            TimeSpan? length = kind switch
            {
                FaultKind.KillAgent or FaultKind.KillBoth or FaultKind.TerminateAgent or FaultKind.StopHolderKillAgent or FaultKind.KillContainer or FaultKind.KillOperator => until < 0.4 ? TimeSpan.FromSeconds(0.05) : Between(0.1, 1.8),
                FaultKind.BesiegeHolder => Between(0.05, 0.3),
                FaultKind.DelayAgent or FaultKind.DelayOperator => Between(0.02, 0.5),
                FaultKind.KillHolder or FaultKind.DeleteNodeFreeze or FaultKind.DeleteFreezeWindow or FaultKind.ForeignThaw => null,
                _ => until < 0.6 ? Between(0.1, 2.5) : null,
            };
            return new Fault(kind, at, target, length);
        }

        FaultKind DrawKind()
        {
            var drawn = random.Next(Weights.Sum(w => w.Weight));
            foreach (var (kind, weight) in Weights)
                if ((drawn -= weight) < 0) return kind;
            throw new InvalidOperationException("weights do not add up");
        }
#pragma warning restore CA5394
    }

    public override string ToString()
    {
        var text = string.Create(CultureInfo.InvariantCulture, $"seed {Seed}: {string.Join(" ", Targets.Select(t => $"fs{t.Filesystem}@node{t.Node}"))}, deadline {DeadlineSeconds} s");
        if (ThawAt is { } thaw) text += string.Create(CultureInfo.InvariantCulture, $", thaw at {thaw.TotalSeconds:0.000} s");
        if (DeleteAt is { } delete) text += string.Create(CultureInfo.InvariantCulture, $", deleted at {delete.TotalSeconds:0.000} s");
        if (Raise is { } raise) text += string.Create(CultureInfo.InvariantCulture, $", raised to {raise.Seconds} s at {raise.At.TotalSeconds:0.000} s");
        return Faults.Count == 0 ? text + ", no fault" : $"{text}; {string.Join("; ", Faults)}";
    }
}
