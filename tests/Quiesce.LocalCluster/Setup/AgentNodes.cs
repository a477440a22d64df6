using System.Globalization;
using System.Net;
using System.Text.Json.Nodes;

namespace Quiesce.Cluster;

/// <summary>
/// Nodes, each with the pod object of a ready Quiesce agent, for API servers that have no kubelet. What says "an agent is
/// there" to the operator is the pod; the agent itself is a process that the caller starts.
/// </summary>
public static class AgentNodes
{
    /// <summary>The namespace of the agent pods.</summary>
    public const string Namespace = "quiesce-agents";

    /// <summary>Creates the node, the namespace and the ready agent pod, or brings them into that form.</summary>
    /// <param name="http">Whose base address is the API server.</param>
    /// <param name="node">The node's name, and its <c>kubernetes.io/hostname</c>.</param>
    /// <param name="labels">More labels of the node, for node selectors.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <exception cref="HttpRequestException">The server refused; the message carries its words.</exception>
    public static async Task AddAsync(HttpClient http, string node, IReadOnlyDictionary<string, string>? labels = null, CancellationToken cancellationToken = default)
    {
        await Manifests.ApplyAsync(http, NodeObject(node, labels ?? new Dictionary<string, string>()), "", cancellationToken).ConfigureAwait(false);
        await Manifests.ApplyAsync(http, NodeStatus(node), "status", cancellationToken).ConfigureAwait(false);
        await Manifests.ApplyAsync(http, new JsonObject { ["apiVersion"] = "v1", ["kind"] = "Namespace", ["metadata"] = new JsonObject { ["name"] = Namespace } }, "", cancellationToken).ConfigureAwait(false);
        await Manifests.ApplyAsync(http, Pod(node), "", cancellationToken).ConfigureAwait(false);
        await SetAgentReadyAsync(http, node, true, cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Sets the Ready condition of a node's agent pod.</summary>
    /// <inheritdoc cref="AddAsync" path="/exception"/>
    public static Task SetAgentReadyAsync(HttpClient http, string node, bool ready, CancellationToken cancellationToken = default) =>
        Manifests.ApplyAsync(http, PodStatus(node, ready), "status", cancellationToken);

    /// <summary>Deletes a node's agent pod; the node stays.</summary>
    /// <inheritdoc cref="AddAsync" path="/exception"/>
    public static Task RemoveAgentAsync(HttpClient http, string node, CancellationToken cancellationToken = default) =>
        DeleteAsync(http, $"/api/v1/namespaces/{Namespace}/pods/{PodName(node)}?gracePeriodSeconds=0", cancellationToken);

    /// <summary>Deletes a node and its agent pod.</summary>
    /// <inheritdoc cref="AddAsync" path="/exception"/>
    public static async Task RemoveAsync(HttpClient http, string node, CancellationToken cancellationToken = default)
    {
        await RemoveAgentAsync(http, node, cancellationToken).ConfigureAwait(false);
        await DeleteAsync(http, $"/api/v1/nodes/{node}", cancellationToken).ConfigureAwait(false);
    }

    /// <summary>The name of a node's agent pod.</summary>
    public static string PodName(string node) => $"quiesce-agent-{node}";

    private static async Task DeleteAsync(HttpClient http, string path, CancellationToken cancellationToken)
    {
        using var answer = await http.DeleteAsync(path, cancellationToken).ConfigureAwait(false);
        if (answer.StatusCode != HttpStatusCode.NotFound)
            await Manifests.ReadAsync(answer, $"delete {path}", cancellationToken).ConfigureAwait(false);
    }

    private static JsonObject NodeObject(string node, IReadOnlyDictionary<string, string> labels)
    {
        var all = new JsonObject { ["kubernetes.io/hostname"] = node, ["kubernetes.io/os"] = "linux" };
        foreach (var (key, value) in labels)
            all[key] = value;
        return new JsonObject { ["apiVersion"] = "v1", ["kind"] = "Node", ["metadata"] = new JsonObject { ["name"] = node, ["labels"] = all } };
    }

    private static JsonObject NodeStatus(string node) => new()
    {
        ["apiVersion"] = "v1",
        ["kind"] = "Node",
        ["metadata"] = new JsonObject { ["name"] = node },
        ["status"] = new JsonObject { ["conditions"] = new JsonArray(Condition("Ready", true, "KubeletReady")) },
    };

    private static JsonObject Pod(string node) => new()
    {
        ["apiVersion"] = "v1",
        ["kind"] = "Pod",
        ["metadata"] = new JsonObject
        {
            ["name"] = PodName(node),
            ["namespace"] = Namespace,
            ["labels"] = new JsonObject { ["app.kubernetes.io/name"] = "quiesce", ["app.kubernetes.io/component"] = "agent", ["quiesce.dev/hears-calls"] = "true" },
        },
        ["spec"] = new JsonObject
        {
            ["nodeName"] = node,
            ["containers"] = new JsonArray(new JsonObject { ["name"] = "agent", ["image"] = "quiesce-agent" }),
        },
    };

    private static JsonObject PodStatus(string node, bool ready) => new()
    {
        ["apiVersion"] = "v1",
        ["kind"] = "Pod",
        ["metadata"] = new JsonObject { ["name"] = PodName(node), ["namespace"] = Namespace },
        ["status"] = new JsonObject
        {
            ["phase"] = "Running",
            ["conditions"] = new JsonArray(Condition("Ready", ready, ready ? "" : "ContainersNotReady")),
            ["containerStatuses"] = new JsonArray(new JsonObject
            {
                ["name"] = "agent",
                ["image"] = "quiesce-agent",
                ["imageID"] = "",
                ["ready"] = ready,
                ["state"] = new JsonObject { ["running"] = new JsonObject { ["startedAt"] = Now() } },
                ["restartCount"] = 0,
            }),
        },
    };

    private static string Now() => TimeProvider.System.GetUtcNow().UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", CultureInfo.InvariantCulture);

    private static JsonObject Condition(string type, bool holds, string reason)
    {
        var condition = new JsonObject { ["type"] = type, ["status"] = holds ? "True" : "False", ["lastTransitionTime"] = Now() };
        if (reason.Length > 0)
            condition["reason"] = reason;
        return condition;
    }
}
