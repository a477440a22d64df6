using System.Collections.Concurrent;

namespace Quiesce.Operator.Tests.Flows;

/// <summary>What really happened on the nodes, whatever was reported: the promises are checked against this.</summary>
internal sealed class Ledger
{
    private readonly ConcurrentDictionary<(string Request, string Node), int> _freezes = new();
    private readonly ConcurrentDictionary<(string Request, string Node), bool> _holding = new();
    private readonly ConcurrentDictionary<(string Request, string Node), bool> _prepared = new();

    public ConcurrentQueue<string> Violations { get; } = new();

    /// <summary>How often a node may freeze for one request: more than once only where it starts again.</summary>
    public int MostFreezes { get; set; } = 1;

    /// <summary>Nodes that hold something now.</summary>
    public int Holding => _holding.Count;

    /// <summary>Nodes that hold something for a request now.</summary>
    public int HoldingFor(string request) => _holding.Count(h => h.Key.Request == request);

    public int Freezes(string request) => _freezes.Where(f => f.Key.Request == request).Sum(f => f.Value);

    public void Prepared(string request, string node) => _prepared[(request, node)] = true;

    public void Frozen(string request, string node, IReadOnlyCollection<string> all)
    {
        if (_freezes.AddOrUpdate((request, node), 1, (_, n) => n + 1) is var times && times > MostFreezes) Violations.Enqueue($"{node} froze {times} times for {request}");
        foreach (var other in all.Where(other => all.Count > 1 && !_prepared.ContainsKey((request, other))))
            Violations.Enqueue($"{node} froze for {request} before {other} was prepared");
        _holding[(request, node)] = true;
    }

    public void Thawed(string request, string node) => _holding.TryRemove((request, node), out _);
}
