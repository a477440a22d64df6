using System.Net.Http.Headers;
using System.Text.Json;
using System.Text.RegularExpressions;
using k8s.Authentication;
using k8s.Exceptions;
using k8s.KubeConfigModels;

namespace Quiesce.Crds.Client;

/// <summary>
/// The program that a kubeconfig names for a user's credentials, as managed clusters have it. The library runs it when its last credential is about to expire; this runs it also when the API
/// server does not take one that names no end, waits for it no longer than who asks, and says what went wrong.
/// </summary>
/// <remarks>What the program says on its standard error, such as that one has to log in again, goes to this process's own. Safe for any number of threads.</remarks>
internal sealed partial class CredentialPlugin(string user, ExternalExecution program) : ITokenProvider
{
    private readonly Lock _gate = new();
    private ExecTokenProvider _tokens = new(program);
    private Task<AuthenticationHeaderValue>? _asked;

    /// <inheritdoc/>
    /// <exception cref="KubeConfigException">The program gave none, or none before the token was cancelled.</exception>
    public async Task<AuthenticationHeaderValue> GetAuthenticationHeaderAsync(CancellationToken cancellationToken)
    {
        Task<AuthenticationHeaderValue> asked;
        lock (_gate)
        {
            // The library waits for it on the thread that asks; and it is run once for everybody who asks at that moment.
            var tokens = _tokens;
            if (_asked is not { IsCompleted: false }) _asked = Task.Run(() => tokens.GetAuthenticationHeaderAsync(CancellationToken.None), CancellationToken.None);
            asked = _asked;
        }

        try
        {
            return await asked.WaitAsync(cancellationToken);
        }
        catch (OperationCanceledException e)
        {
            throw Failed("it has not ended yet", e);
        }
        catch (KubeConfigException e)
        {
            throw Failed(e);
        }
    }

    /// <summary>The API server does not take the credential any more: the next request has another one.</summary>
    public void Refused()
    {
        lock (_gate) _tokens = new(program);
    }

    /// <summary>The library's complaint in words for whoever has to mend it.</summary>
    internal KubeConfigException Failed(KubeConfigException e)
    {
        var line = e.Message.Split('\n')[0].Trim();
        var unreadable = line.Contains(nameof(JsonException), StringComparison.Ordinal) || line.Contains(nameof(NullReferenceException), StringComparison.Ordinal);
        return Failed(unreadable ? "what it printed is not an ExecCredential, if it printed anything" : LibrarysWords().Replace(line, "").TrimEnd('.'), e);
    }

    /// <summary>Whether the library complains about such a program.</summary>
    internal static bool IsComplaint(KubeConfigException e) => e.Message.StartsWith("external exec", StringComparison.Ordinal);

    private KubeConfigException Failed(string why, Exception e)
    {
        var hint = string.IsNullOrWhiteSpace(program.InstallHint) ? "" : $" {program.InstallHint.Trim()}";
        return new($"the credential plugin of user {user} gave no credential: {why}. Run `{string.Join(' ', [program.Command, .. program.Arguments ?? []])}` by hand to see why.{hint}", e);
    }

    [GeneratedRegex(@"^(external exec failed (due to( uncaught exception)?:? |because )?|k8s\.Exceptions\.KubeConfigException: )+")]
    private static partial Regex LibrarysWords();
}
