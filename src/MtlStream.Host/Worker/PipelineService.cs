using MtlStream.Host.Configuration;
using MtlStream.Kafka;
using MtlStream.Onnx;

namespace MtlStream.Host.Worker;

/// <summary>Runs the pipeline for the life of the process. A failure ends the process with exit code 1.</summary>
internal sealed class PipelineService(
    AppSettings settings, PipelineAssembly assembly, ModelLoader models, WorkerHealth health, KafkaStatus status, Telemetry.Exporters exporters,
    IHostApplicationLifetime lifetime, ILogger<PipelineService> logger)
    : BackgroundService
{
    private bool _failed;

    /// <summary>The run did not end as it should, or has not ended although it was stopped.</summary>
    public bool Failed => _failed || ExecuteTask is { IsCompleted: false };

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        // Loading takes seconds of CPU: the host goes on starting meanwhile, and the probes are answered.
        await Task.Yield();
        if (settings.ExposedSecrets.Count > 0) logger.SecretExposed(string.Join(", ", settings.ExposedSecrets));
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
        await using var served = ServedModel.Start(settings.Serving, assembly, models);
        stopping.ThrowIfCancellationRequested();
        await using var kafka = new KafkaConnection(settings.KafkaClients, status, new KafkaMetrics(assembly.Meters), assembly.Time, assembly.Loggers);
        health.ModelReady(() => status.NotReadyBecause, () => status.LostFor(assembly.Time, settings.KafkaClients));
        try
        {
            var pipeline = assembly.Pipeline(
                served.Loaded, kafka.Source, kafka.Sink, settings.Input, settings.Output,
                new(settings.Pipeline, settings.Batching, settings.Delivery), served.Watch, served.Shadow);
            exporters.ExportMetrics(); // every counter is made by now, and nothing is read yet
            await pipeline.RunAsync(stopping);
        }
        catch (Exception exception) when (exception is not OperationCanceledException || !stopping.IsCancellationRequested)
        {
            Fail(exception); // said now: leaving brokers that do not answer can take as long as the process has left
        }
    }

    private void Fail(Exception failure)
    {
        _failed = true;
        logger.PipelineFailed(failure);
        health.Failed("the pipeline has failed; the log says why"); // not the exception's text: the probes have no password
    }
}
