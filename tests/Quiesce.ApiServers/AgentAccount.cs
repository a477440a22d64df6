using System.Net.Http.Json;
using System.Text.Json.Nodes;
using Quiesce.Cluster;
using Quiesce.Cluster.Faults;

namespace Quiesce.ApiServers;

/// <summary>
/// An agent's own identity, whose token a test can let expire and whose rights it can take. On a real server a service account, a token bound to a Secret that can be
/// deleted, and RBAC; on the local cluster, which asks nobody who they are, faults for whoever comes with the token.
/// </summary>
public sealed class AgentAccount
{
    private readonly ApiServerUnderTest _server;
    private readonly string _name;
    private string _token = "";
    private int _tokens;
    private FaultRule? _forbidden;

    private AgentAccount(ApiServerUnderTest server, string name) => (_server, _name) = (server, name);

    /// <summary>How long a server may go on to take a token that it does not take any more: it remembers each one it took.</summary>
    public static TimeSpan LongestRemembered { get; } = TimeSpan.FromSeconds(10);

    private string Account => $"/api/v1/namespaces/{AgentNodes.Namespace}/serviceaccounts/{_name}";

    private string Secret => $"{_name}-{_tokens}";

    /// <summary>Makes one that may do what an agent has to.</summary>
    /// <param name="server">Where.</param>
    /// <param name="name">A name that no other test uses.</param>
    /// <param name="tokenFile">Where its token is to be found, as the kubelet keeps a pod's.</param>
    public static async Task<AgentAccount> CreateAsync(ApiServerUnderTest server, string name, string tokenFile)
    {
        var account = new AgentAccount(server, name);
        if (server.Authorizes) await server.ApplyAsync(account.Manifests()).ConfigureAwait(false);
        await account.RenewAsync(tokenFile).ConfigureAwait(false);
        return account;
    }

    /// <summary>A kubeconfig for it.</summary>
    public static string Kubeconfig(ApiServerUnderTest server, string tokenFile)
    {
        ArgumentNullException.ThrowIfNull(server);
        return System.Text.RegularExpressions.Regex.Replace(server.Kubeconfig, @"token: ([^\s}]+)", $"tokenFile: {tokenFile}");
    }

    /// <summary>Makes a new token and puts it into the file.</summary>
    public async Task RenewAsync(string tokenFile)
    {
        _tokens++;
        _token = _server.Authorizes ? await RequestTokenAsync().ConfigureAwait(false) : Secret;
        // Replaced at once, as the kubelet does: nobody reads half a token.
        await File.WriteAllTextAsync($"{tokenFile}.new", _token).ConfigureAwait(false);
        File.Move($"{tokenFile}.new", tokenFile, overwrite: true);
    }

    /// <summary>From now on, or after <see cref="LongestRemembered"/>, its token is answered with 401.</summary>
    public async Task RevokeAsync()
    {
        if (_server.Local is { } local) _ = local.Faults.Inject(new RequestMatch { Token = _token }, FaultEffect.Unauthorized, int.MaxValue);
        else await DeleteAsync($"/api/v1/namespaces/{AgentNodes.Namespace}/secrets/{Secret}").ConfigureAwait(false);
    }

    /// <summary>From now on all it asks for is answered with 403.</summary>
    public async Task ForbidAsync()
    {
        if (_server.Local is { } local) _forbidden = local.Faults.Inject(new RequestMatch { Token = _token }, FaultEffect.Forbidden, int.MaxValue);
        else await DeleteAsync($"/apis/rbac.authorization.k8s.io/v1/clusterrolebindings/{_name}").ConfigureAwait(false);
    }

    /// <summary>Gives it its rights again.</summary>
    public async Task AllowAsync()
    {
        if (_server.Local is not null) _forbidden?.Dispose();
        else await _server.ApplyAsync(Manifests()).ConfigureAwait(false);
    }

    private async Task<string> RequestTokenAsync()
    {
        await _server.ApplyAsync($"{{apiVersion: v1, kind: Secret, metadata: {{name: {Secret}, namespace: {AgentNodes.Namespace}}}}}").ConfigureAwait(false);
        var request = new JsonObject
        {
            ["apiVersion"] = "authentication.k8s.io/v1",
            ["kind"] = "TokenRequest",
            ["spec"] = new JsonObject { ["boundObjectRef"] = new JsonObject { ["apiVersion"] = "v1", ["kind"] = "Secret", ["name"] = Secret } },
        };
        using var answer = await _server.Http.PostAsJsonAsync($"{Account}/token", request).ConfigureAwait(false);
        var said = await answer.Content.ReadFromJsonAsync<JsonObject>().ConfigureAwait(false);
        return answer.IsSuccessStatusCode ? said!["status"]!["token"]!.GetValue<string>() : throw new HttpRequestException($"no token: {said}", null, answer.StatusCode);
    }

    private async Task DeleteAsync(string path)
    {
        using var answer = await _server.Http.DeleteAsync(path).ConfigureAwait(false);
        _ = answer.EnsureSuccessStatusCode();
    }

    private string Manifests() => $$$"""
        {apiVersion: v1, kind: Namespace, metadata: {name: {{{AgentNodes.Namespace}}}}}
        ---
        {apiVersion: v1, kind: ServiceAccount, metadata: {name: {{{_name}}}, namespace: {{{AgentNodes.Namespace}}}}}
        ---
        apiVersion: rbac.authorization.k8s.io/v1
        kind: ClusterRole
        metadata: {name: {{{_name}}}}
        rules:
        - {apiGroups: [quiesce.dev], resources: [nodefreezes, freezewindows], verbs: [get, list, watch]}
        - {apiGroups: [quiesce.dev], resources: [nodefreezes], verbs: [create]}
        - {apiGroups: [quiesce.dev], resources: [nodefreezes/status], verbs: [patch]}
        ---
        apiVersion: rbac.authorization.k8s.io/v1
        kind: ClusterRoleBinding
        metadata: {name: {{{_name}}}}
        roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: {{{_name}}}}
        subjects:
        - {kind: ServiceAccount, name: {{{_name}}}, namespace: {{{AgentNodes.Namespace}}}}
        """;
}
