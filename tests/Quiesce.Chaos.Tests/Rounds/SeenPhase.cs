using Quiesce.Crds;

namespace Quiesce.Chaos.Tests.Rounds;

/// <summary>A phase of the request.</summary>
/// <param name="At">When it was first seen.</param>
/// <param name="Phase">It.</param>
/// <param name="Reason">Its reason.</param>
/// <param name="Intact">The status of <c>WindowIntact</c>.</param>
/// <param name="Thawed">The status of <c>Thawed</c>.</param>
/// <param name="Message">Its message.</param>
internal sealed record SeenPhase(TimeSpan At, FreezePhase Phase, string? Reason, string? Intact, string? Thawed, string? Message);
