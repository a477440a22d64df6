using System.Net.Http.Headers;
using System.Text.Json;
using k8s.Authentication;
using k8s.Exceptions;
using k8s.KubeConfigModels;

namespace Quiesce.Crds.Client;

/// <summary>The program that a kubeconfig names for a user's credentials, as managed clusters have it. The library runs it; this says what went wrong with it, and waits no longer than who asks.</summary>
/// <remarks>What the program says on its standard error, such as that one has to log in again, goes to this process's own.</remarks>
internal sealed class CredentialPlugin(string user, ExternalExecution program, ITokenProvider tokens) : ITokenProvider
{
    private readonly Lock _gate = new();
    private Task<AuthenticationHeaderValue>? _asked;

    /// <inheritdoc/>
    /// <exception cref="KubeConfigException">The program gave none.</exception>
    public async Task<AuthenticationHeaderValue> GetAuthenticationHeaderAsync(CancellationToken cancellationToken)
    {
        Task<AuthenticationHeaderValue> asked;
        lock (_gate)
        {
            // The library runs the program when its last credential is about to expire, on the thread that asks, and once for everybody who asks at that moment.
            if (_asked is not { IsCompleted: false }) _asked = Task.Run(() => tokens.GetAuthenticationHeaderAsync(CancellationToken.None), CancellationToken.None);
            asked = _asked;
        }

        try
        {
            return await asked.WaitAsync(cancellationToken);
        }
        catch (KubeConfigException e)
        {
            throw Failed(user, program, e);
        }
    }

    /// <summary>The library's complaint in words for whoever has to mend it.</summary>
    internal static KubeConfigException Failed(string user, ExternalExecution program, KubeConfigException e)
    {
        const string prefix = "external exec failed due to: ";
        var line = e.Message.Split('\n')[0].Trim();
        var why = line.Contains(nameof(JsonException), StringComparison.Ordinal) ? "what it printed is not an ExecCredential, if it printed anything"
            : line.StartsWith(prefix, StringComparison.Ordinal) ? line[prefix.Length..]
            : line;
        var hint = string.IsNullOrWhiteSpace(program.InstallHint) ? "" : $" {program.InstallHint.Trim()}";
        return new($"the credential plugin of user {user} gave no credential: {why.TrimEnd('.')}. Run `{string.Join(' ', [program.Command, .. program.Arguments ?? []])}` by hand to see why.{hint}", e);
    }
}
