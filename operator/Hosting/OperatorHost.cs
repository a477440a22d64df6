using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Quiesce.Crds.Client;
using Quiesce.Operator.Hooks;
using Quiesce.Operator.Hosting;
using Quiesce.Operator.Reconciling;
using Quiesce.Operator.Telemetry;
using Quiesce.Runtime;
using Quiesce.Telemetry;

namespace Quiesce.Operator;

/// <summary>Puts the operator together. In a test: <c>Build</c>, <c>StartAsync</c>, and <c>StopAsync</c> or <c>Dispose</c>.</summary>
public static class OperatorHost
{
    private static readonly ConnectionOptions Limits = new() { RequestTimeout = TimeSpan.FromSeconds(5), UserAgent = "quiesce-operator" };

    /// <summary>The operator as its command line would start it.</summary>
    /// <param name="args">The command line.</param>
    /// <exception cref="ArgumentException">The command line is wrong, or asks for help.</exception>
    /// <exception cref="k8s.Exceptions.KubeConfigException">There is no cluster to talk to.</exception>
    public static IHost Build(params string[] args) => Build(OperatorCommand.Parse(args));

    /// <summary>The operator with these options.</summary>
    /// <param name="options">The options.</param>
    /// <param name="connection">The connection to use; null to make one of the options. It is disposed with the host only in the second case.</param>
    /// <param name="time">The clock; null for the system's.</param>
    /// <param name="logging">Where the log goes; null for the console.</param>
    public static IHost Build(
        OperatorOptions options, KubernetesConnection? connection = null, TimeProvider? time = null, Action<ILoggingBuilder>? logging = null)
    {
        // Not the application builder with its files and variables: everything is on the command line.
        var builder = Host.CreateEmptyApplicationBuilder(new HostApplicationBuilderSettings { ApplicationName = "quiesce-operator" });
        builder.Logging.SetMinimumLevel(options.Verbose ? LogLevel.Debug : LogLevel.Information);
        (logging ?? LogToConsole)(builder.Logging);

        // Before anything measures, and there to the end: what is measured while nobody listens is lost.
        var health = new Health();
        var observation = Observation.Start(
            new()
            {
                Service = "quiesce-operator",
                Instance = options.Identity,
                Meters = [OperatorMeter.Name, RuntimeMeter.Name],
                Source = OperatorActivity.Name,
                Port = options.HttpPort,
                Address = options.HttpAddress,
            },
            health);

        var services = builder.Services;
        services.AddSingleton(options);
        services.AddSingleton(time ?? TimeProvider.System);
        if (connection is not null)
        {
            services.AddSingleton(connection);
        }
        else
        {
            // Made here, so that a wrong kubeconfig is the caller's exception, and handed out by a factory, so that the host disposes of it.
            var own = KubernetesConnection.Create(options.Kubeconfig, options.Context, Limits);
            services.AddSingleton(_ => own);
        }

        services.AddSingleton(new OperatorSettings
        {
            Namespace = options.Namespace,
            AgentNamespace = options.AgentNamespace,
            Identity = options.Identity,
            HookNamespaces = options.HookNamespaces.ToHashSet(StringComparer.Ordinal),
            Limits = new()
            {
                MaxDeadline = options.MaxDeadline,
                MaxRequestsPerNamespace = options.MaxRequestsPerNamespace,
                CallFromNodes = options.CallFromNodes,
                Grace = options.Grace,
                HookDial = options.HookDial,
            },
        });
        services.AddSingleton<ClusterObjects>();
        services.AddSingleton<RequestClocks>();
        services.AddSingleton<FreezeWrites>();
        services.AddSingleton<OrphanSweep>();
        services.AddSingleton<EventRecorder>();
        services.AddSingleton(_ => new OperatorMeter());
        services.AddSingleton(_ => new RuntimeMeter());
        services.AddSingleton<RequestTraces>();
        services.AddSingleton<HookRuns>();
        services.AddSingleton<FreezeRequestReconciler>();
        services.AddSingleton<ThawRequestReconciler>();
        services.AddSingleton<OperatorService>();
        services.AddSingleton(health);
        services.AddSingleton(observation);
        // The port first: where it is taken nothing is begun.
        services.AddHostedService<ObservationService>();
        services.AddHostedService(provider => provider.GetRequiredService<OperatorService>());
        // An exit within the grace period of a pod, whatever a call to the API server is waiting for.
        services.Configure<HostOptions>(host => host.ShutdownTimeout = TimeSpan.FromSeconds(10));
        return builder.Build();
    }

    /// <summary>Whether every cache of a started operator is in step with the API server: what <c>/readyz</c> answers.</summary>
    public static bool IsReady(this IHost host) => host.Services.GetRequiredService<OperatorService>().IsReady;

    private static void LogToConsole(ILoggingBuilder logging) => logging.Services.AddSingleton<ILoggerProvider>(provider =>
    {
        var time = provider.GetRequiredService<TimeProvider>();
        var format = provider.GetRequiredService<OperatorOptions>().LogFormat;
        var output = new LogOutput(StandardDescriptors.OpenOutput(), time, format: format);
        provider.GetRequiredService<OperatorMeter>().Log(() => output.Dropped);
        return new LineLoggerProvider(output, time, format);
    });
}
