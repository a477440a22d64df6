namespace Quiesce.Operator.Freezing;

/// <summary>Why a window was ended, as the operator wrote it down in the same write that ended it.</summary>
/// <param name="Reason">One of <see cref="Quiesce.Crds.Reasons"/>.</param>
/// <param name="Message">A sentence that names what went wrong, or who asked.</param>
/// <param name="At">The operator's clock.</param>
internal sealed record WindowEnd(string Reason, string Message, DateTimeOffset At);
