using System.CommandLine;
using Quiesce.Cli.Output;
using Quiesce.Cli.Requests;
using Quiesce.Crds;
using Quiesce.Crds.Client;

namespace Quiesce.Cli.Commands;

/// <summary><c>kubectl quiesce status [NAME]</c>: one request in full, or all of them in a table.</summary>
internal static class StatusCommand
{
    internal static Command Create()
    {
        var (cluster, output) = (new ClusterOptions(), new ObjectOutput());
        var name = Names.Request("A FreezeRequest. Default: all of the namespace.", cluster, optional: true);
        var everywhere = new Option<bool>("--all-namespaces", "-A") { Description = "Those of all namespaces." };
        var command = new Command("status", "Show a request with its nodes, filesystems and hooks, or a table of all requests.") { name, everywhere };
        cluster.AddTo(command);
        output.AddTo(command);
        command.SetAction(async (parsed, cancellationToken) =>
        {
            using var connection = cluster.Connect(parsed);
            var ns = cluster.Namespace(parsed, connection);
            if (parsed.GetValue(name) is { } one)
            {
                var request = await new RequestSession(connection, ns, one).GetAsync(cancellationToken);
                output.Print(parsed, request);
                if (!output.IsAskedFor(parsed)) Show(request);
                return ExitCode.Success;
            }

            var list = await new ResourceClient<FreezeRequest>(connection, Kinds.FreezeRequests).ListAsync(parsed.GetValue(everywhere) ? null : ns, cancellationToken: cancellationToken);
            if (output.IsAskedFor(parsed)) output.Print(parsed, list);
            else if (list.Items.Count == 0) Terminal.Say($"no FreezeRequests in {(parsed.GetValue(everywhere) ? "any namespace" : $"namespace {ns}")}");
            else ShowAll(list.Items, parsed.GetValue(everywhere));
            return ExitCode.Success;
        });
        return command;
    }

    private static void Show(FreezeRequest request)
    {
        var (status, now) = (request.Status, TimeProvider.System.GetUtcNow());
        Console.Out.WriteLine(StatusText.Line(request));
        if (status is null) return;
        if (status.FrozenAt is { } frozen)
        {
            var end = status.ThawedAt is { } thawed ? $", thawed {StatusText.Span(thawed, now)}" : status.Phase == FreezePhase.Frozen ? $", deadline {StatusText.Span(status.DeadlineAt, now)}" : "";
            Console.Out.WriteLine($"  frozen {StatusText.Span(frozen, now)}, skew {status.SkewMilliseconds} ms{end}");
        }

        if (StatusText.StoodStill(status) is { } stood) Console.Out.WriteLine($"  {stood}");
        Console.Out.WriteLine($"  window intact: {StatusText.Condition(status, ConditionTypes.WindowIntact)}");
        foreach (var warning in status.Conditions.Where(c => (c.Type is ConditionTypes.ProbeMayKill or ConditionTypes.LongHold or ConditionTypes.FilesystemStuck && c.Status == ConditionStatus.True)
            || (c.Type is ConditionTypes.HolderProtected or ConditionTypes.HooksSucceeded && c.Status == ConditionStatus.False)))
            Console.Out.WriteLine($"  {warning.Type}={warning.Status}: {warning.Message}");
        foreach (var line in StatusText.Details(status, request.Spec.DryRun)) Console.Out.WriteLine(line);
    }

    private static void ShowAll(IReadOnlyList<FreezeRequest> requests, bool everywhere)
    {
        var now = TimeProvider.System.GetUtcNow();
        string[] head = [.. everywhere ? ["NAMESPACE"] : Array.Empty<string>(), "NAME", "PHASE", "INTACT", "NODES", "FILESYSTEMS", "FROZEN", "DEADLINE", "REASON", "AGE"];
        var rows = requests.Select(r => (string[])
        [
            .. everywhere ? [r.Metadata.NamespaceProperty] : Array.Empty<string>(),
            r.Metadata.Name,
            r.Status?.Phase.ToString() ?? "",
            StatusText.Condition(r.Status, ConditionTypes.WindowIntact),
            $"{r.Status?.NodeCount}",
            $"{r.Status?.FrozenFilesystems}",
            StatusText.Span(r.Status?.FrozenAt, now),
            r.Status is { Phase: FreezePhase.Frozen or FreezePhase.Freezing } ? StatusText.Span(r.Status.DeadlineAt, now) : "",
            r.Status?.Reason ?? "",
            r.Metadata.CreationTimestamp is { } created ? StatusText.Span(new DateTimeOffset(created.ToUniversalTime()), now).Replace(" ago", "", StringComparison.Ordinal) : "",
        ]).Prepend(head).ToArray();
        var widths = head.Select((_, column) => rows.Max(row => row[column].Length)).ToArray();
        foreach (var row in rows) Console.Out.WriteLine(string.Join("   ", row.Select((cell, column) => cell.PadRight(widths[column]))).TrimEnd());
    }
}
