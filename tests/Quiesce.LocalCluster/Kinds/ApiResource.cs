using System.Text.Json.Nodes;
using Quiesce.Cluster.Schema;
using Quiesce.Cluster.Tables;

namespace Quiesce.Cluster.Kinds;

/// <summary>One kind in one version: what a path such as <c>/apis/quiesce.dev/v1alpha1/freezerequests</c> addresses.</summary>
internal sealed record ApiResource
{
    /// <summary>Empty for the core group.</summary>
    public required string Group { get; init; }

    public required string Version { get; init; }

    public required string Kind { get; init; }

    public required string Plural { get; init; }

    public required bool Namespaced { get; init; }

    public string Singular { get; init; } = "";

    public string ListKind { get; init; } = "";

    public IReadOnlyList<string> ShortNames { get; init; } = [];

    public IReadOnlyList<string> Categories { get; init; } = [];

    /// <summary>Whether <c>/status</c> exists, and so the main path ignores changes of status.</summary>
    public bool HasStatus { get; init; }

    /// <summary>Null for kinds that come with the server: they are stored as they are sent.</summary>
    public StructuralSchema? Schema { get; init; }

    /// <summary>Top-level fields besides apiVersion, kind and metadata, for <c>kubectl explain</c>; of kinds without a schema.</summary>
    public IReadOnlyList<string> Fields { get; init; } = [];

    /// <summary>Dotted paths of <c>metav1.Time</c>s that are read as such; of kinds without a schema.</summary>
    public IReadOnlyList<string> Times { get; init; } = [];

    /// <summary>Dotted paths of <c>metav1.MicroTime</c>s; of kinds without a schema.</summary>
    public IReadOnlyList<string> MicroTimes { get; init; } = [];

    /// <summary>Field selectors besides <c>metadata.name</c> and <c>metadata.namespace</c>, as dotted paths.</summary>
    public IReadOnlyList<string> SelectableFields { get; init; } = [];

    /// <summary>What a Table shows.</summary>
    public IReadOnlyList<TableColumn> Columns { get; init; } = [];

    /// <summary>What the objects are stored under, the same for all versions of a kind.</summary>
    public string Collection { get; init; } = "";

    /// <summary>Between this version and the stored form; null where they are the same.</summary>
    public IVersionConversion? Conversion { get; init; }

    public bool IsCustom { get; init; }

    /// <summary>Whether <c>metadata.generation</c> counts changes of what is neither metadata nor status.</summary>
    public bool CountsGenerations { get; init; }

    /// <summary>Whether an update must say which version it was made from.</summary>
    public bool UpdateNeedsResourceVersion { get; init; }

    /// <summary>Whether a PUT makes the object if it is missing.</summary>
    public bool CreatesOnUpdate { get; init; }

    /// <summary>Whether names are labels (63 characters, no dots) rather than subdomains.</summary>
    public bool NamesAreLabels { get; init; }

    /// <summary>Set while the definition is being deleted: nothing new is accepted.</summary>
    public bool IsTerminating { get; init; }

    /// <summary>Fields that the server fills in wherever they are missing.</summary>
    public Action<JsonObject>? Defaults { get; init; }

    /// <summary>Fields that the server sets at creation, whatever was sent.</summary>
    public Action<JsonObject>? OnCreate { get; init; }

    public string ApiVersion => Group.Length == 0 ? Version : $"{Group}/{Version}";

    /// <summary><c>plural.group</c>, as messages name it.</summary>
    public string QualifiedName => Group.Length == 0 ? Plural : $"{Plural}.{Group}";

    public bool Is(string group, string plural) => Group == group && Plural == plural;
}
