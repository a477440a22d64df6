namespace Quiesce.Freezing.Tests.Simulation;

/// <summary>The process that made the call is dead: nothing of it runs any more.</summary>
public sealed class HolderDiedException : Exception;
