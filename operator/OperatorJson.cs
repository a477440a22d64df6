using System.Text.Json.Serialization;

namespace Quiesce.Operator;

/// <summary>Source-generated JSON of what stands in annotations.</summary>
[JsonSerializable(typeof(Dictionary<string, int[]>))]
[JsonSerializable(typeof(Dictionary<string, int>))]
[JsonSerializable(typeof(string[]))]
internal sealed partial class OperatorJson : JsonSerializerContext;
