namespace Quiesce.Operator.Nodes;

/// <summary>Why something is not done.</summary>
/// <param name="Reason">One of <see cref="Quiesce.Crds.Reasons"/>.</param>
/// <param name="Message">A sentence that names the object.</param>
internal sealed record Refusal(string Reason, string Message);
