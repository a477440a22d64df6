namespace Quiesce.Cluster.Discovery;

/// <summary>What <c>/version</c> says. Clients choose by it what they may ask for; the name says that it is none of the real ones.</summary>
internal static class ServerVersion
{
    public const string GitVersion = "v1.36.0+quiesce-local-cluster";

    public static byte[] Json { get; } = ApiJson.Write(w =>
    {
        w.WriteStartObject();
        w.WriteString("major", "1");
        w.WriteString("minor", "36");
        w.WriteString("gitVersion", GitVersion);
        w.WriteString("gitCommit", "");
        w.WriteString("gitTreeState", "");
        w.WriteString("buildDate", "1970-01-01T00:00:00Z");
        w.WriteString("goVersion", "");
        w.WriteString("compiler", "");
        w.WriteString("platform", "linux/amd64");
        w.WriteEndObject();
    });
}
