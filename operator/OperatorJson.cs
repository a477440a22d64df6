using System.Text.Json.Serialization;

namespace Quiesce.Operator;

/// <summary>Source-generated JSON of what the operator keeps in annotations.</summary>
[JsonSerializable(typeof(Dictionary<string, int[]>))]
internal sealed partial class OperatorJson : JsonSerializerContext;
