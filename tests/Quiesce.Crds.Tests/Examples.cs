using k8s.Models;

namespace Quiesce.Crds.Tests;

/// <summary>One object of each kind with every property set, as a program would write it.</summary>
internal static class Examples
{
    public static readonly DateTimeOffset Time = new(2026, 3, 4, 5, 6, 7, 89, TimeSpan.Zero);

    public static FreezeRequest FreezeRequest { get; } = new()
    {
        Metadata = new V1ObjectMeta { Name = "full" },
        Spec = new()
        {
            Targets =
            [
                new() { HostPath = new() { Path = "/srv/orders", NodeName = "node-1" } },
                new() { PersistentVolumeClaim = new() { Name = "data-postgres-0", AllowSharedFilesystem = true } },
                new()
                {
                    PodSelector = new()
                    {
                        MatchLabels = new Dictionary<string, string> { ["app"] = "postgres" },
                        MatchExpressions = [new() { Key = "tier", Operator = "Exists" }],
                        Volumes = ["data", "wal"],
                        AllowSharedFilesystem = true,
                    },
                },
                new()
                {
                    AllFilesystems = new()
                    {
                        NodeSelector = new()
                        {
                            MatchLabels = new Dictionary<string, string> { ["example.com/role"] = "db" },
                            MatchExpressions =
                            [
                                new() { Key = "zone", Operator = "In", Values = ["a", "b"] },
                                new() { Key = "gpu", Operator = "DoesNotExist" },
                            ],
                        },
                    },
                },
            ],
            DeadlineSeconds = 30,
            FreezeTimeoutSeconds = 15,
            DesiredState = DesiredState.Frozen,
            UnsupportedFilesystems = UnsupportedFilesystems.Fail,
            ConflictPolicy = ConflictPolicy.Wait,
            DryRun = true,
            TtlSecondsAfterFinished = 86400,
            Hooks = new()
            {
                PreFreeze =
                [
                    new()
                    {
                        PodSelector = new() { MatchLabels = new Dictionary<string, string> { ["app"] = "postgres" } },
                        Container = "postgres",
                        Command = ["psql", "-c", "CHECKPOINT"],
                        Timeout = "1m30s",
                        OnError = HookErrorMode.Continue,
                    },
                ],
                PostThaw = [new() { PodSelector = new() { MatchExpressions = [new() { Key = "tier", Operator = "Exists" }] }, Command = ["/bin/true"] }],
                Velero = true,
            },
        },
        Status = new()
        {
            ObservedGeneration = 1,
            Phase = FreezePhase.Broken,
            Reason = Reasons.ThawedByOther,
            Message = "node-1: /srv/orders was thawed by somebody else",
            Conditions = [Condition(ConditionTypes.WindowIntact), Condition(ConditionTypes.Finished)],
            StartedAt = Time,
            FrozenAt = Time.AddSeconds(1),
            DeadlineAt = Time.AddSeconds(21),
            ThawedAt = Time.AddSeconds(5),
            FrozenFilesystems = 3,
            ThawedFilesystems = 2,
            SkewMilliseconds = 4,
            NodeCount = 2,
            NodesPrepared = 2,
            NodesFrozen = 2,
            NodesThawed = 2,
            NodesFailed = 1,
            NodesOmitted = 1,
            Nodes =
            [
                new()
                {
                    Name = "node-1",
                    Phase = NodeFreezePhase.Broken,
                    Reason = Reasons.ThawedByOther,
                    Message = "somebody else",
                    Filesystems = [Filesystem],
                    FilesystemsOmitted = 1,
                },
            ],
            Hooks =
            [
                new()
                {
                    Stage = HookStage.PostThaw,
                    Hook = "postThaw[0]",
                    Pod = "postgres-0",
                    PodUid = "5f1c9d5e-6a53-4f26-8a3c-0d1f6b7c8d9e",
                    Container = "postgres",
                    OnError = HookErrorMode.Continue,
                    State = HookState.Failed,
                    StartedAt = Time.AddSeconds(6),
                    FinishedAt = Time.AddSeconds(7),
                    DurationMilliseconds = 12,
                    ExitCode = 3,
                    Reason = Reasons.HookFailed,
                    Message = "the command ended with exit code 3: no",
                    Output = "no\n",
                },
            ],
        },
    };

    public static ThawRequest ThawRequest { get; } = new()
    {
        Metadata = new V1ObjectMeta { Name = "full" },
        Spec = new() { NodeName = "node-1", Paths = ["/srv/orders"], TimeoutSeconds = 20, TtlSecondsAfterFinished = 0 },
        Status = new()
        {
            ObservedGeneration = 1,
            Phase = ThawPhase.Failed,
            Reason = Reasons.ThawFailed,
            Message = "node-1: /srv/orders could not be thawed",
            Conditions = [Condition(ConditionTypes.Thawed)],
            StartedAt = Time,
            ThawedFilesystems = 1,
            Filesystems = [Filesystem],
        },
    };

    public static FreezeWindow FreezeWindow { get; } = new()
    {
        Metadata = new V1ObjectMeta { Name = "full" },
        Spec = new() { Request = Request, DesiredState = WindowState.Frozen, DeadlineSeconds = 30, Confirmed = true },
    };

    public static NodeFreeze NodeFreeze { get; } = new()
    {
        Metadata = new V1ObjectMeta { Name = "full" },
        Spec = new()
        {
            NodeName = "node-1",
            Request = Request,
            Mode = NodeFreezeMode.Hold,
            Window = "0d5e",
            Paths = ["/srv/orders", "/srv/a..b"],
            Volumes =
            [
                new()
                {
                    Claim = "data-postgres-0",
                    PodUid = "5f1c9d5e-6a53-4f26-8a3c-0d1f6b7c8d9e",
                    Plugin = "kubernetes.io/local-volume",
                    Name = "pv-1",
                    LocalPath = "/mnt/disks/ssd1",
                    AllowSharedFilesystem = true,
                },
            ],
            AllFilesystems = true,
            UnsupportedFilesystems = UnsupportedFilesystems.Fail,
            FreezeTimeoutSeconds = 15,
        },
        Status = new()
        {
            ObservedGeneration = 1,
            Phase = NodeFreezePhase.Expired,
            Reason = Reasons.DeadlineExceeded,
            Message = "the deadline of 30 s ended the window",
            BootID = "e3f1a9c2-0b1f-4c55-8b0e-8d3c1b1f7a11",
            AgentInstance = "b6c0",
            DeadlineSeconds = 30,
            FrozenAt = Time,
            ThawedAt = Time.AddSeconds(30),
            FrozenFilesystems = 1,
            ThawedFilesystems = 1,
            Filesystems = [Filesystem],
            FilesystemsOmitted = 1,
            HolderProtected = false,
            HolderProtectionMessage = "the agent's container has a PID namespace of its own; run it with hostPID",
        },
    };

    private static RequestReference Request => new() { Namespace = "shop", Name = "nightly", Uid = "0d5e" };

    private static FilesystemStatus Filesystem => new()
    {
        Path = "/srv/orders",
        Claim = "data-postgres-0",
        State = FilesystemState.Failed,
        Reason = Reasons.ThawedByOther,
        Message = "somebody else thawed it",
        Type = "xfs",
        Source = "/dev/sdb1",
        Device = "8:17",
        FlushMilliseconds = 12.5,
        FlushedAt = new(2026, 11, 20, 10, 0, 0, TimeSpan.Zero),
        FreezeMilliseconds = 21.25,
        FrozenAt = new(2026, 11, 20, 10, 0, 1, TimeSpan.Zero),
        HeldMilliseconds = 4000.125,
        ThawMilliseconds = 0,
    };

    private static Condition Condition(string type) => new()
    {
        Type = type,
        Status = ConditionStatus.False,
        Reason = Reasons.ThawedByOther,
        Message = "somebody else thawed it",
        LastTransitionTime = Time,
        ObservedGeneration = 1,
    };
}
