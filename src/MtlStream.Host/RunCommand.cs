using System.CommandLine;
using MtlStream.Host.Configuration;
using MtlStream.Host.Diagnosis;
using MtlStream.Host.Review;
using MtlStream.Host.Worker;
using MtlStream.Http;
using MtlStream.Http.Grpc;
using MtlStream.Http.Api;
using MtlStream.Http.Live;
using MtlStream.Http.Requests;
using MtlStream.Kafka;
using MtlStream.Learning.Review;
using MtlStream.Onnx;

namespace MtlStream.Host;

/// <summary><c>mtlstream run</c>: the worker.</summary>
internal static class RunCommand
{
    /// <summary>How much longer the process may take to stop than the pipeline may take to drain.</summary>
    internal static readonly TimeSpan ShutdownMargin = TimeSpan.FromSeconds(10);

    public static Command Build()
    {
        var command = new CliCommand(
            "run", "Runs the worker: events from Kafka, labels to Kafka. Settings as --Section:Key=value, in the environment as MTLSTREAM__Section__Key, or in appsettings.json.",
            "mtlstream run --Kafka:BootstrapServers=localhost:9092 --Kafka:GroupId=labels --Kafka:InputTopics:0=comments --Kafka:OutputTopic=comments-enriched --Kafka:DeadLetterTopic=comments-rejected",
            "MTLSTREAM__Kafka__BootstrapServers=localhost:9092 mtlstream run --Kafka:InputTopics:0=comments --Kafka:OutputTopic=comments-enriched --Kafka:DeadLetterTopic=comments-rejected --Delivery:Guarantee=ExactlyOnce --Http:Url=http://0.0.0.0:8080")
        {
            SettingsLookup.Config, SettingsLookup.Secrets,
        };
        command.TreatUnmatchedTokensAsErrors = false;
        command.SetAction((parsed, stopping) => RunAsync(AppSettings.Load(parsed), stopping));
        return command;
    }

    /// <summary>Runs until a signal, or a failure that ends the process.</summary>
    internal static async Task<int> RunAsync(AppSettings settings, CancellationToken stopping)
    {
        if (TemporaryDiagnosis.Problem(settings.Serving.Model) is { } problem) throw new UsageException(problem);
        ModelSettings.Check(settings.Serving); // a wrong path or task is wrong configuration, not a failed run
        using var host = BuildHost(settings);
        await StartAsync(host);
        await host.WaitForShutdownAsync(stopping); // a stop that was asked for meanwhile takes the same way
        var pipeline = host.Services.GetRequiredService<PipelineService>();
        return pipeline.Failed ? ExitCodes.Failed : ExitCodes.Done;
    }

    private static async Task StartAsync(IHost host)
    {
        try
        {
            await host.StartAsync(CancellationToken.None); // a start is not cut off: what has begun is stopped in order
        }
        catch (OperationCanceledException) when (host.Services.GetRequiredService<IHostApplicationLifetime>().ApplicationStopping.IsCancellationRequested)
        {
            // the pipeline has ended already, and says why itself
        }
    }

    internal static IHost BuildHost(AppSettings settings)
    {
        var builder = Microsoft.Extensions.Hosting.Host.CreateEmptyApplicationBuilder(new() { DisableDefaults = true });
        builder.Logging.AddConfiguration(settings.Configuration.GetSection(LoggingSettings.Section)).AddStderrConsole();
        builder.Logging.AddFilter("Microsoft.Hosting", LogLevel.Warning);
        builder.Logging.AddFilter("Microsoft.Extensions.Hosting", LogLevel.Critical); // a start that fails is said at the end, without a stack

        var services = builder.Services;
        services.AddMetrics();
        services.AddSingleton(settings.Http);
        services.AddSingleton(settings.Worker);
        services.AddSingleton(TimeProvider.System);
        services.AddSingleton<ModelLoader>();
        services.AddSingleton<PipelineAssembly>();
        services.AddSingleton<WorkerHealth>();
        services.AddSingleton<EventTally>();
        services.AddSingleton<WorkerReport>();
        services.AddSingleton<RequestDesk>();
        services.AddSingleton<WorkerTrials>();
        services.AddSingleton<IModelTrials>(provider => provider.GetRequiredService<WorkerTrials>());
        services.AddSingleton<HttpApi>();
        if (settings.Http is { IsOff: false, Page: true })
        {
            services.AddSingleton(settings.Input);
            services.AddSingleton<LiveFeed>();
            services.AddHostedService(provider => provider.GetRequiredService<LiveFeed>());
            if (settings.Http.ShowTexts && settings.Kafka.ReviewTopic.Length > 0 && settings.Kafka.AnswerTopic.Length > 0) AddReviewer(services, settings);
        }

        services.AddKafkaTransport(settings.KafkaClients);
        if (settings.Kafka.AnswerTopic.Length > 0) AddQuality(services, settings);
        services.AddSingleton<PipelineService>();
        Telemetry.Add(builder, settings.Http.Metrics);

        // Stopped in the opposite order: the probes are answered until the pipeline is drained.
        if (!settings.Http.IsOff) services.AddHostedService<HealthServer>();
        if (settings.Http.ServesGrpc) services.AddHostedService<GrpcServer>();
        services.AddHostedService(provider => provider.GetRequiredService<PipelineService>());

        // Signals are the command line's; the host only hears that it should stop.
        services.AddSingleton<IHostLifetime, NoLifetime>();
        services.Configure<HostOptions>(host => host.ShutdownTimeout = settings.Delivery.DrainTimeout + ShutdownMargin);
        return builder.Build();
    }

    private static void AddQuality(IServiceCollection services, AppSettings settings)
    {
        services.AddSingleton<QualityMetrics>();
        services.AddSingleton(provider => new QualityWatch(
            new RecordTopic(settings.KafkaClients, settings.Kafka.AnswerTopic, "answer topic"), provider.GetRequiredService<QualityMetrics>(),
            settings.Watch.QualityWindow, provider.GetRequiredService<TimeProvider>(), provider.GetRequiredService<ILogger<QualityWatch>>()));
        services.AddHostedService<QualityService>();
    }

    /// <summary>Questions show texts of the stream: they are asked where those may be seen.</summary>
    private static void AddReviewer(IServiceCollection services, AppSettings settings) => services.AddSingleton<IReviewer>(provider => new PageReviewer(
        () => ReviewStore.FromTopics(settings, answers: null, provider.GetRequiredService<IHostApplicationLifetime>().ApplicationStopping),
        () => provider.GetRequiredService<RequestDesk>().Now?.Manifest(), provider.GetRequiredService<TimeProvider>()));

    private sealed class NoLifetime : IHostLifetime
    {
        public Task WaitForStartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

        public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;
    }
}
