using k8s;
using k8s.Authentication;
using k8s.Exceptions;
using k8s.KubeConfigModels;
using YamlDotNet.RepresentationModel;

namespace Quiesce.Crds.Client;

/// <summary>Reads a kubeconfig file as the client library does, and <c>tokenFile</c>, which it does not know, as well.</summary>
internal static class Kubeconfig
{
    /// <inheritdoc cref="KubernetesConnection.Create(string?, string?, ConnectionOptions?)" path="/exception"/>
    public static KubernetesClientConfiguration Read(string path, string? context)
    {
        var file = KubernetesClientConfiguration.LoadKubeConfig(path);
        var name = context ?? file.CurrentContext;
        var userName = file.Contexts?.FirstOrDefault(c => c.Name == name)?.ContextDetails?.User;
        var user = file.Users?.FirstOrDefault(u => u.Name == userName)?.UserCredentials;
        if (user is not null && TokenFileOf(path, userName!) is { } tokenFile) return OfTokenFile(file, path, context, user, tokenFile);
        var plugin = user?.ExternalExecution is { } program ? new CredentialPlugin(userName!, program) : null;
        try
        {
            var configuration = KubernetesClientConfiguration.BuildConfigFromConfigFile(path, context);
            // One that gives a certificate has no tokens.
            if (configuration.TokenProvider is ExecTokenProvider) configuration.TokenProvider = plugin;
            return configuration;
        }
        catch (KubeConfigException e) when (plugin is not null && CredentialPlugin.IsComplaint(e))
        {
            throw plugin.Failed(e);
        }
    }

    private static KubernetesClientConfiguration OfTokenFile(K8SConfiguration file, string path, string? context, UserCredentials user, string tokenFile)
    {
        // As with kubectl, the file comes before a token in the kubeconfig itself.
        tokenFile = Path.GetFullPath(tokenFile, Path.GetDirectoryName(Path.GetFullPath(path))!);
        user.Token = File.ReadAllText(tokenFile).Trim();
        var configuration = KubernetesClientConfiguration.BuildConfigFromConfigObject(file, context);
        configuration.AccessToken = null;
        configuration.TokenProvider = new TokenFile(tokenFile, TimeProvider.System);
        return configuration;
    }

    private static string? TokenFileOf(string path, string user)
    {
        using var text = File.OpenText(path);
        var yaml = new YamlStream();
        yaml.Load(text);
        if (yaml.Documents is not [{ RootNode: YamlMappingNode root }, ..] || Child(root, "users") is not YamlSequenceNode users) return null;
        var named = users.OfType<YamlMappingNode>().FirstOrDefault(u => (Child(u, "name") as YamlScalarNode)?.Value == user);
        return named is not null && Child(named, "user") is YamlMappingNode details && Child(details, "tokenFile") is YamlScalarNode { Value.Length: > 0 } file ? file.Value : null;
    }

    private static YamlNode? Child(YamlMappingNode node, string key) => node.Children.TryGetValue(new YamlScalarNode(key), out var child) ? child : null;
}
