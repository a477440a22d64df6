using System.Net.Http.Headers;
using k8s.Authentication;

namespace Quiesce.Crds.Client;

/// <summary>A bearer token in a file that someone else renews, as the kubelet does with a pod's. Safe for any number of threads.</summary>
/// <remarks>
/// The client library's own goes by the wall clock: set back by hours, it would use a token for as long after it has expired. And it reads the file once a minute,
/// whatever the API server says to the token it has.
/// </remarks>
internal sealed class TokenFile(string path, TimeProvider time) : ITokenProvider
{
    /// <summary>The kubelet renews a token when a fifth of its life, at least 10 minutes, is left: two minutes of that.</summary>
    private static readonly TimeSpan Period = TimeSpan.FromMinutes(1);

    private volatile Reading? _last;

    /// <summary>The file of a pod's service account.</summary>
    public static string OfServiceAccount { get; } = "/var/run/secrets/kubernetes.io/serviceaccount/token";

    /// <inheritdoc/>
    public async Task<AuthenticationHeaderValue> GetAuthenticationHeaderAsync(CancellationToken cancellationToken)
    {
        var last = _last;
        if (last is null || time.GetElapsedTime(last.At) >= Period)
        {
            var at = time.GetTimestamp();
            _last = last = new((await File.ReadAllTextAsync(path, cancellationToken)).Trim(), at);
        }

        return new("Bearer", last.Token);
    }

    /// <summary>The API server does not take the token any more: the next request reads the file again.</summary>
    public void Refused() => _last = null;

    private sealed record Reading(string Token, long At);
}
