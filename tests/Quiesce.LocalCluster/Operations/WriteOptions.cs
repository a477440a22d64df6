using Quiesce.Cluster.Storage;

namespace Quiesce.Cluster.Operations;

/// <summary>What a write does with fields that the schema does not know.</summary>
internal enum FieldValidation
{
    /// <summary>Drops them and says nothing.</summary>
    Ignore,

    /// <summary>Drops them and names them in <c>Warning</c> headers.</summary>
    Warn,

    /// <summary>Refuses the write.</summary>
    Strict,
}

/// <summary>How a write is to be done.</summary>
/// <param name="DryRun">Everything but the write itself.</param>
/// <param name="Validation">What becomes of unknown fields.</param>
internal sealed record WriteOptions(bool DryRun = false, FieldValidation Validation = FieldValidation.Warn)
{
    public static WriteOptions Default { get; } = new();
}

/// <summary>What a deletion asks for.</summary>
/// <param name="Uid">The object must have this UID.</param>
/// <param name="ResourceVersion">The object must be at this version.</param>
/// <param name="Propagation"><c>Background</c>, <c>Foreground</c> or <c>Orphan</c>.</param>
/// <param name="DryRun">Everything but the deletion itself.</param>
internal sealed record DeleteOptions(string? Uid = null, string? ResourceVersion = null, string? Propagation = null, bool DryRun = false)
{
    public static DeleteOptions Default { get; } = new();
}

/// <summary>What a write left behind.</summary>
/// <param name="Object">The object in its stored form.</param>
/// <param name="Created">Whether it is new.</param>
/// <param name="Warnings">For <c>Warning</c> headers.</param>
internal sealed record WriteResult(StoredObject Object, bool Created, IReadOnlyList<string> Warnings);

/// <summary>What a deletion left behind.</summary>
/// <param name="Object">The object, at its last version or marked as being deleted.</param>
/// <param name="Gone">False while finalizers hold it.</param>
internal sealed record DeleteResult(StoredObject Object, bool Gone);
