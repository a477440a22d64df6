using System.CommandLine;
using System.CommandLine.Completions;
using System.CommandLine.Parsing;
using k8s;
using k8s.Models;
using Quiesce.Crds.Client;

namespace Quiesce.Cli.Commands;

/// <summary>Names of objects on the command line, and what a shell offers for them.</summary>
internal static class Names
{
    /// <summary>A person waits for a key to be answered.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(2);

    /// <summary>Every option has its value. One that has not is complained of by itself, and reading it would fail.</summary>
    internal static bool AreComplete(CommandResult result) =>
        result.Children.OfType<OptionResult>().All(o => o.Implicit || o.Tokens.Count > 0 || o.Option.Arity.MinimumNumberOfValues == 0);

    /// <summary>The argument NAME of a FreezeRequest.</summary>
    internal static Argument<string?> Request(string description, ClusterOptions cluster, bool optional = false)
    {
        var name = new Argument<string?>("NAME") { Description = description, Arity = optional ? ArgumentArity.ZeroOrOne : ArgumentArity.ExactlyOne };
        name.CompletionSources.Add(Of(cluster, Kinds.FreezeRequests));
        return name;
    }

    /// <summary>The names of a kind, in the namespace of the command line where it has one.</summary>
    internal static Func<CompletionContext, IEnumerable<CompletionItem>> Of<T>(ClusterOptions cluster, ResourceKind<T> kind)
        where T : class, IKubernetesObject<V1ObjectMeta> => context =>
    {
        try
        {
            using var limit = new CancellationTokenSource(Patience);
            using var connection = cluster.Connect(context.ParseResult);
            var list = new ResourceClient<T>(connection, kind).ListAsync(kind.Type.Namespaced ? cluster.Namespace(context.ParseResult, connection) : null, cancellationToken: limit.Token);
            return [.. list.GetAwaiter().GetResult().Items.Select(o => new CompletionItem(o.Metadata.Name))];
        }
        catch (Exception)
        {
            // A shell has no place for a reason.
            return [];
        }
    };
}
