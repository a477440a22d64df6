using System.Text.RegularExpressions;
using Quiesce.Crds;

namespace Quiesce.Operator.Freezing;

/// <summary>Says whose window it is that a node met: an agent knows it by the id of its plan alone.</summary>
internal static partial class HeldBy
{
    /// <summary>A report with the holder named; whose it is in another namespace is not told.</summary>
    /// <param name="plan">The plan of the request that was refused, with its report.</param>
    /// <param name="find">Finds a plan by its <see cref="NodeFreeze.PlanId"/>.</param>
    public static NodeFreeze Named(NodeFreeze plan, Func<string, NodeFreeze?> find)
    {
        if (plan.Report is not { Reason: Reasons.HeldByOtherRequest } status) return plan;
        return plan with
        {
            Status = status with
            {
                Message = Named(status.Message),
                Filesystems = [.. status.Filesystems.Select(f => f with { Message = Named(f.Message) })],
            },
        };

        string? Named(string? message) => message is null ? null : Window().Replace(message, match => find(match.Groups["uid"].Value) switch
        {
            null => "another window of this node",
            { Spec.Request: var request } when request.Namespace == plan.Spec.Request.Namespace => $"the FreezeRequest {request.Namespace}/{request.Name}",
            _ => "a FreezeRequest of another namespace",
        });
    }

    [GeneratedRegex("window (?<uid>[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}) of this node")]
    private static partial Regex Window();
}
