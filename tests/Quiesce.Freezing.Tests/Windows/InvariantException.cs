namespace Quiesce.Freezing.Tests.Windows;

/// <summary>A promise was not kept.</summary>
public sealed class InvariantException(string message) : Exception(message);
