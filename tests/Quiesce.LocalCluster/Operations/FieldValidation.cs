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
