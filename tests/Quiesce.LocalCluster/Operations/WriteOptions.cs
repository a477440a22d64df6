namespace Quiesce.Cluster.Operations;

/// <summary>How a write is to be done.</summary>
/// <param name="DryRun">Everything but the write itself.</param>
/// <param name="Validation">What becomes of unknown fields.</param>
internal sealed record WriteOptions(bool DryRun = false, FieldValidation Validation = FieldValidation.Warn)
{
    public static WriteOptions Default { get; } = new();
}
