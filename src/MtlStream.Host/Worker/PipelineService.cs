using MtlStream.Delivery;
using MtlStream.Events;
using MtlStream.Http;
using MtlStream.Http.Live;
using MtlStream.Http.Requests;
using MtlStream.Onnx;
using MtlStream.Registry;
using MtlStream.Results;
using MtlStream.Serving;

namespace MtlStream.Host.Worker;

/// <summary>The settings of the worker's pipeline.</summary>
/// <param name="ExposedSecrets">Secrets given as arguments, by their names.</param>
/// <param name="Warnings">Sentences about settings that are not read.</param>
internal sealed record WorkerOptions(
    ServingOptions Serving, InputOptions Input, OutputOptions Output, PipelineSettings Pipeline, RegistryOptions Registry, string OutputTopic,
    IReadOnlyList<string> ExposedSecrets, IReadOnlyList<string> Warnings);

/// <summary>Runs the pipeline for the life of the process. A failure ends the process with exit code 1.</summary>
internal sealed class PipelineService(
    WorkerOptions options, PipelineAssembly assembly, ModelLoader models, TransportFactory open, WorkerHealth health, EventTally tally, WorkerReport report,
    RequestDesk desk, WorkerTrials trials, HttpOptions http, Telemetry.Exporters exporters, IHostApplicationLifetime lifetime, ILogger<PipelineService> logger,
    QualityWatch? quality = null, LiveFeed? live = null)
    : BackgroundService
{
    private bool _failed;

    /// <summary>The run did not end as it should, or has not ended although it was stopped.</summary>
    public bool Failed => _failed || ExecuteTask is { IsCompleted: false };

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        // Loading takes seconds of CPU: the host goes on starting meanwhile, and the probes are answered.
        await Task.Yield();
        foreach (var warning in options.Warnings) logger.SettingsWarning(warning);
        if (options.ExposedSecrets.Count > 0) logger.SecretExposed(string.Join(", ", options.ExposedSecrets));
        await using var stopRequested = stoppingToken.Register(() =>
        {
            health.Draining();
            logger.Stopping();
        });
        try
        {
            await RunAsync(stoppingToken);
        }
        catch (Exception exception) when (exception is not OperationCanceledException || !stoppingToken.IsCancellationRequested)
        {
            Fail(exception);
        }

        lifetime.StopApplication();
    }

    private async Task RunAsync(CancellationToken stopping)
    {
        stopping.ThrowIfCancellationRequested();
        await using var served = ServedModel.Start(options.Serving, assembly, models, quality?.Book);
        stopping.ThrowIfCancellationRequested();
        await using var transport = new TalliedTransport(open(), tally);
        using var registry = OpenRegistry(served.Loaded);
        trials.Serving(served);
        health.Serving(transport, () => registry?.Trouble is null ? null : "events wait for the schema registry; the log says more");
        live?.Reads(() => transport.Lags);
        try
        {
            var share = http.Serves ? new ModelShare(served.Loaded.Model, http.Share, assembly.Time) : null;
            await using var requests = share is null ? null : desk.Open(served.Loaded, share, () => served.Manifest, options.Input, options.Output);
            var loaded = share is null ? served.Loaded : served.Loaded with { Model = share.Stream };
            var pipeline = assembly.Pipeline(
                loaded, transport, options.Input, options.Output, options.Pipeline, served.Watch, served.Shadow,
                registry is null ? null : [registry]);
            exporters.ExportMetrics(); // every counter is made by now, and nothing is read yet
            var heartbeat = new Heartbeat(tally, transport, assembly.Time, logger);
            report.Serving(transport, () => served.Loaded.Model.Identity, heartbeat, () => served.Canary);
            await RunAsync(pipeline, heartbeat, stopping);
        }
        catch (Exception exception) when (exception is not OperationCanceledException || !stopping.IsCancellationRequested)
        {
            Fail(exception); // said now: leaving brokers that do not answer can take as long as the process has left
        }
        finally
        {
            trials.Serving(null);
        }
    }

    private RegistryCodec? OpenRegistry(LoadedModel loaded)
    {
        if (options.Registry.IsOff) return null;
        var settings = new RegistrySettings(
            options.Registry, options.Input, options.Output, EventEncoder.ShapeOf(loaded.Model.Tasks, options.Output, loaded.Generators?.Names ?? []), options.OutputTopic);
        return new(settings, assembly.Meters, assembly.Time, assembly.Loggers);
    }

    private static async Task RunAsync(AnalyticsPipeline pipeline, Heartbeat heartbeat, CancellationToken stopping)
    {
        using var over = CancellationTokenSource.CreateLinkedTokenSource(stopping);
        var beats = heartbeat.RunAsync(over.Token);
        try
        {
            await pipeline.RunAsync(stopping);
        }
        finally
        {
            await over.CancelAsync();
            await beats;
            heartbeat.Total();
        }
    }

    private void Fail(Exception failure)
    {
        _failed = true;
        logger.PipelineFailed(failure);
        health.Failed("the pipeline has failed; the log says why"); // not the exception's text: the probes have no password
    }
}
