using k8s;
using k8s.Models;

namespace Quiesce.Crds.Client;

/// <summary>From where a <see cref="ListWatch{T}"/> goes on without a list.</summary>
/// <param name="ResourceVersion">
/// The version of a list or of an object of that kind; empty for whatever is there when the watch opens, which the server then tells as added. One that the server no longer has is
/// followed by a list.
/// </param>
/// <param name="Known">What there was at that version; it is not told again.</param>
public sealed record ListWatchStart<T>(string ResourceVersion, IReadOnlyList<T> Known)
    where T : class, IKubernetesObject<V1ObjectMeta>;
