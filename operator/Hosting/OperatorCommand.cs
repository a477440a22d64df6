using System.CommandLine;
using System.CommandLine.Parsing;
using System.Globalization;
using System.Net;
using System.Runtime.InteropServices;
using k8s.Exceptions;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Quiesce.Telemetry;

namespace Quiesce.Operator.Hosting;

/// <summary>The command line of <c>quiesce-operator</c>.</summary>
internal sealed class OperatorCommand
{
    private readonly Option<string?> _kubeconfig = new("--kubeconfig")
    {
        Description = "A kubeconfig file. Without it: $KUBECONFIG, the pod's service account, ~/.kube/config.",
    };

    private readonly Option<string?> _context = new("--context") { Description = "A context of the kubeconfig." };

    private readonly Option<string> _namespace = new("--namespace")
    {
        Description = "The namespace of the internal objects and of the lease.",
        DefaultValueFactory = _ => new OperatorOptions().Namespace,
    };

    private readonly Option<string> _agentNamespace = new("--agent-namespace")
    {
        Description = "The namespace of the agents' pods.",
        DefaultValueFactory = _ => new OperatorOptions().AgentNamespace,
    };

    private readonly Option<bool> _leaderElect = new("--leader-elect") { Description = "Work only while holding the lease; for more than one replica." };

    private readonly Option<string?> _identity = new("--identity")
    {
        Description = "The name of this process in the lease and in Events. Default: the host's name and a random part.",
    };

    private readonly Option<TimeSpan?> _maxDeadline = new("--max-deadline")
    {
        Description = "The longest hold a request may ask for, such as 90s, 10m or 1h; one hour at most. Default: 10m.",
        CustomParser = result => Duration(result.Tokens[0].Value, result.AddError),
    };

    private readonly Option<int> _maxRequests = new("--max-requests-per-namespace")
    {
        Description = "How many requests of one namespace may be under way at a time.",
        DefaultValueFactory = _ => new OperatorOptions().MaxRequestsPerNamespace,
        CustomParser = result => int.TryParse(result.Tokens[0].Value, out var number) && number > 0
            ? number
            : NoNumber("--max-requests-per-namespace", "a number above zero", result),
    };

    private readonly Option<int> _callFromNodes = new("--call-from-nodes")
    {
        Description = "From how many nodes on a request calls all its agents by one object, instead of writing a plan for each of them first; 0 for never.",
        DefaultValueFactory = _ => new OperatorOptions().CallFromNodes,
        CustomParser = result => int.TryParse(result.Tokens[0].Value, NumberStyles.None, CultureInfo.InvariantCulture, out var number)
            ? number
            : NoNumber("--call-from-nodes", "a number, or 0 for never", result),
    };

    private readonly Option<string[]> _hookNamespaces = new("--hooks-namespace")
    {
        Description = "A namespace whose requests may have hooks: commands that the operator runs in pods there. May be given several times. Default: none.",
        DefaultValueFactory = _ => [],
    };

    private readonly Option<int?> _httpPort = new("--http-port") { Description = "The port of /metrics, /healthz and /readyz. Default: none." };

    private readonly Option<IPAddress> _httpAddress = new("--http-address")
    {
        Description = "The address of /metrics, /healthz and /readyz.",
        CustomParser = result => IPAddress.TryParse(result.Tokens[0].Value, out var address) ? address : Refuse(result.Tokens[0].Value, result.AddError),
        DefaultValueFactory = _ => IPAddress.Loopback,
    };

    private readonly Option<LogFormat> _logFormat = new("--log-format") { Description = "The form of the log's lines: text, or json for an object in each." };

    private readonly Option<bool> _verbose = new("--verbose", "-v") { Description = "Log everything that is written." };

    private readonly RootCommand _root;

    private OperatorCommand() => _root = new(
        "The Quiesce operator: carries out FreezeRequests and ThawRequests through the agents on the nodes.")
    {
        _kubeconfig, _context, _namespace, _agentNamespace, _leaderElect, _identity, _maxDeadline, _maxRequests, _callFromNodes, _hookNamespaces, _httpPort, _httpAddress, _logFormat, _verbose,
    };

    /// <summary>Runs the program to its end.</summary>
    /// <returns>0 when it was told to end, 1 when it could not go on, 2 for a wrong command line.</returns>
    public static async Task<int> RunAsync(string[] args)
    {
        var command = new OperatorCommand();
        command._root.SetAction((result, cancellationToken) => ServeAsync(command.Read(result), cancellationToken));
        var parsed = command._root.Parse(args);
        // Not the command line's own handling of signals, which ends the program after two seconds with the signal's code: as long as giving back the lease may take where the API
        // server does not answer. And not the host's alone, which begins only once the host does: before that, what is the first process of a container would not hear of it.
        using var stop = new CancellationTokenSource();
        void Stop(PosixSignalContext context)
        {
            context.Cancel = true;
            stop.Cancel();
        }

        using var interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, Stop);
        using var terminate = PosixSignalRegistration.Create(PosixSignal.SIGTERM, Stop);
        var code = await parsed.InvokeAsync(new InvocationConfiguration { ProcessTerminationTimeout = null }, stop.Token);
        return parsed.Errors.Count > 0 ? 2 : code;
    }

    /// <summary>Reads a command line.</summary>
    public static OperatorOptions Parse(string[] args)
    {
        var command = new OperatorCommand();
        var parsed = command._root.Parse(args);
        return parsed.Errors.Count == 0
            ? command.Read(parsed)
            : throw new ArgumentException(string.Join(" ", parsed.Errors.Select(e => e.Message)), nameof(args));
    }

    private OperatorOptions Read(ParseResult result) => new()
    {
        Kubeconfig = result.GetValue(_kubeconfig),
        Context = result.GetValue(_context),
        Namespace = result.GetValue(_namespace)!,
        AgentNamespace = result.GetValue(_agentNamespace)!,
        LeaderElect = result.GetValue(_leaderElect),
        Identity = result.GetValue(_identity) ?? new OperatorOptions().Identity,
        MaxDeadline = result.GetValue(_maxDeadline) ?? new OperatorOptions().MaxDeadline,
        MaxRequestsPerNamespace = result.GetValue(_maxRequests),
        CallFromNodes = result.GetValue(_callFromNodes),
        HookNamespaces = result.GetValue(_hookNamespaces) ?? [],
        HttpPort = result.GetValue(_httpPort),
        HttpAddress = result.GetValue(_httpAddress)!,
        LogFormat = result.GetValue(_logFormat),
        Verbose = result.GetValue(_verbose),
    };

    /// <summary>Serves until the token is cancelled or a signal comes.</summary>
    internal static async Task<int> ServeAsync(OperatorOptions options, CancellationToken cancellationToken)
    {
        try
        {
            using var host = OperatorHost.Build(options);
            var services = host.Services.GetServices<IHostedService>().OfType<BackgroundService>().ToArray();
            await host.RunAsync(cancellationToken);
            // A service that failed has stopped the host, which does not say so.
            foreach (var service in services)
            {
                if (service.ExecuteTask is not { IsFaulted: true } failed) continue;
                Complain(failed.Exception.GetBaseException().Message);
                return 1;
            }

            return 0;
        }
        catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
        {
            // Told to end before it had started.
            return 0;
        }
        catch (Exception e) when (e is KubeConfigException or IOException)
        {
            Complain(e.Message);
            return 1;
        }
    }

    /// <summary>A program that has failed has to end, so that it is started again, also where nobody reads its complaint.</summary>
    private static void Complain(string message)
    {
        using var errors = new LogOutput(StandardDescriptors.OpenError(), TimeProvider.System);
        errors.WriteLine($"quiesce-operator: {message}");
    }

    private static TimeSpan? Duration(string text, Action<string> refuse)
    {
        var unit = text.Length > 0 ? text[^1] : ' ';
        var factor = unit switch { 's' => 1, 'm' => 60, 'h' => 3600, _ => 0 };
        if (factor > 0 && int.TryParse(text.AsSpan(0, text.Length - 1), NumberStyles.None, CultureInfo.InvariantCulture, out var count)
            && count > 0 && (long)count * factor <= Crds.QuiesceApi.DeadlineCeilingSeconds)
        {
            return TimeSpan.FromSeconds(count * factor);
        }

        refuse($"--max-deadline: '{text}' is not a duration such as 90s, 10m or 1h, of one hour at most.");
        return null;
    }

    private static int NoNumber(string option, string wanted, ArgumentResult result)
    {
        result.AddError($"{option}: '{result.Tokens[0].Value}' is not {wanted}.");
        return 1;
    }

    private static IPAddress Refuse(string text, Action<string> refuse)
    {
        refuse($"--http-address: '{text}' is not an IP address.");
        return IPAddress.None;
    }
}
