namespace Quiesce.Telemetry;

/// <summary>The form of a line of the log.</summary>
public enum LogFormat
{
    /// <summary>A sentence, for people.</summary>
    Text,

    /// <summary>An object of JSON, for log stores.</summary>
    Json,
}
