namespace Quiesce.Cluster;

/// <summary>Kubeconfig files of local clusters. Nobody checks the token, but the client library refuses a user without credentials.</summary>
internal static class Kubeconfig
{
    public static string For(string url) => $"""
        apiVersion: v1
        kind: Config
        clusters:
        - name: quiesce-local
          cluster:
            server: {url}
        users:
        - name: quiesce-local
          user: {"{token: local}"}
        contexts:
        - name: quiesce-local
          context:
            cluster: quiesce-local
            user: quiesce-local
            namespace: default
        current-context: quiesce-local

        """;
}
