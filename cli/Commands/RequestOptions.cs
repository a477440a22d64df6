using System.CommandLine;
using System.CommandLine.Parsing;
using System.Security.Cryptography;
using Quiesce.Crds;
using Quiesce.Crds.Client;

namespace Quiesce.Cli.Commands;

/// <summary>The options that say what to freeze and how: what becomes the spec of a FreezeRequest.</summary>
internal sealed class RequestOptions
{
    private const string NameCharacters = "bcdfghjklmnpqrstvwxz2456789";

    private readonly Option<string[]> _claims = new("--pvc") { Description = "A PersistentVolumeClaim, wherever running pods mount it; can be repeated.", HelpName = "NAME" };

    private readonly Option<string[]> _pods = new("--pod-selector", "-l")
    {
        Description = "The claims of the running pods with these labels, as kubectl's --selector: app=db,tier!=web,zone in (a,b),gpu,!test; can be repeated.",
        HelpName = "SELECTOR",
    };

    private readonly Option<string[]> _hostPaths = new("--host-path") { Description = "The filesystem that a folder of --node or of the nodes of --node-selector lies on; can be repeated.", HelpName = "PATH" };

    private readonly Option<string?> _node = new("--node") { Description = "The node of --host-path.", HelpName = "NAME" };

    private readonly Option<string?> _nodeSelector = new("--node-selector") { Description = "The nodes of --host-path, by labels.", HelpName = "SELECTOR" };

    private readonly Option<bool> _shared = new("--allow-shared-filesystem") { Description = "Freeze claims although their filesystem is not theirs alone: whatever shares it stands still too." };

    private readonly DurationOption _deadline = new("--deadline", "Longest hold", TimeSpan.FromSeconds(20), TimeSpan.FromSeconds(QuiesceApi.DeadlineCeilingSeconds));

    private readonly DurationOption _freezeTimeout = new("--freeze-timeout", "Longest time until everything is frozen", TimeSpan.FromSeconds(10), TimeSpan.FromSeconds(Bounds.TimeoutCeilingSeconds));

    private readonly Option<bool> _wait = new("--wait-for-others") { Description = "Where another request holds what this one needs, wait for it within --freeze-timeout instead of failing." };

    private readonly Option<bool> _velero = new("--velero-hooks") { Description = "Run the hooks that the pods' own annotations for Velero describe." };

    private readonly Option<string?> _name = new("--name") { Description = "The name of the FreezeRequest. Default: one that is made up.", HelpName = "NAME" };

    internal void AddTo(Command command, ClusterOptions cluster)
    {
        _claims.CompletionSources.Add(Names.Of(cluster, Kinds.PersistentVolumeClaims));
        _node.CompletionSources.Add(Names.Of(cluster, Kinds.Nodes));
        foreach (var option in new Option[] { _claims, _pods, _hostPaths, _node, _nodeSelector, _shared, _deadline.Option, _freezeTimeout.Option, _wait, _velero, _name }) command.Add(option);
        command.Validators.Add(result =>
        {
            if (!Names.AreComplete(result)) return;
            var (claims, pods, paths) = (result.GetValue(_claims) ?? [], result.GetValue(_pods) ?? [], result.GetValue(_hostPaths) ?? []);
            var (node, selector) = (result.GetValue(_node), result.GetValue(_nodeSelector));
            if (claims.Length + pods.Length + paths.Length == 0) result.AddError($"{command.Name}: say what to freeze: --pvc, --pod-selector or --host-path");
            if (claims.Length + pods.Length + paths.Length > Bounds.Targets) result.AddError($"{command.Name}: one request has {Bounds.Targets} targets at most");
            if (paths.Length > 0 && (node is null) == (selector is null)) result.AddError($"{command.Name}: --host-path needs --node or --node-selector, and one of the two only");
            if (paths.Length == 0 && (node ?? selector) is not null) result.AddError($"{command.Name}: --node and --node-selector belong to --host-path");
            if (result.GetValue(_velero) && claims.Length + pods.Length == 0) result.AddError($"{command.Name}: --velero-hooks needs --pvc or --pod-selector");
            foreach (var text in pods.Append(selector).OfType<string>())
            {
                if (LabelSelectors.Parse(text) is null) result.AddError($"{command.Name}: '{text}' is not a selector; write it as for kubectl --selector, such as app=db,tier in (a,b)");
            }
        });
    }

    /// <summary>Whether the user chose the name.</summary>
    internal bool IsNamed(CommandResult result) => result.GetValue(_name) is not null;

    internal FreezeRequest Build(ParseResult parsed, string ns, bool dryRun, int ttlSeconds)
    {
        var shared = parsed.GetValue(_shared);
        var nodes = parsed.GetValue(_nodeSelector) is { } selector ? LabelSelectors.Parse(selector) : null;
        return new()
        {
            Metadata = new() { Name = parsed.GetValue(_name) ?? $"freeze-{RandomNumberGenerator.GetString(NameCharacters, 6)}", NamespaceProperty = ns },
            Spec = new()
            {
                Targets =
                [
                    .. (parsed.GetValue(_claims) ?? []).Select(name => new FreezeTarget { PersistentVolumeClaim = new() { Name = name, AllowSharedFilesystem = shared } }),
                    .. (parsed.GetValue(_pods) ?? []).Select(text => LabelSelectors.Parse(text)!).Select(s => new FreezeTarget
                    {
                        PodSelector = new() { MatchLabels = s.MatchLabels, MatchExpressions = s.MatchExpressions, AllowSharedFilesystem = shared },
                    }),
                    .. (parsed.GetValue(_hostPaths) ?? []).Select(path => new FreezeTarget { HostPath = new() { Path = path, NodeName = parsed.GetValue(_node), NodeSelector = nodes } }),
                ],
                DeadlineSeconds = DurationOption.Seconds(_deadline.Of(parsed)),
                FreezeTimeoutSeconds = DurationOption.Seconds(_freezeTimeout.Of(parsed)),
                ConflictPolicy = parsed.GetValue(_wait) ? ConflictPolicy.Wait : ConflictPolicy.Fail,
                Hooks = parsed.GetValue(_velero) ? new() { Velero = true } : null,
                DryRun = dryRun,
                TtlSecondsAfterFinished = ttlSeconds,
            },
        };
    }
}
