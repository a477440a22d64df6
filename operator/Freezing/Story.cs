namespace Quiesce.Operator.Freezing;

/// <summary>One Event: a line of the story a request's Events tell.</summary>
/// <param name="Reason">CamelCase: a phase, or one of <see cref="Quiesce.Crds.Reasons"/>.</param>
/// <param name="Message">A sentence that names the object, the reason and the next step.</param>
/// <param name="IsWarning">It is about something that went wrong.</param>
internal sealed record Story(string Reason, string Message, bool IsWarning = false);
