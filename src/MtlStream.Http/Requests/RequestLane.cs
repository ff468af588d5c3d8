using Microsoft.Extensions.Logging;
using MtlStream.Diagnostics;
using MtlStream.Events;

namespace MtlStream.Http.Requests;

/// <summary>A pipeline for texts of requests, made of the stream's own stages. It does not own the model.</summary>
internal sealed class RequestLane : IAsyncDisposable
{
    private readonly RequestTransport _transport;
    private readonly CancellationTokenSource _stopping = new();
    private readonly ILogger _logger;
    private readonly Task _running;

    public RequestLane(PipelineAssembly assembly, LoadedModel loaded, InputOptions input, OutputOptions output, int capacity)
    {
        _logger = assembly.Loggers.CreateLogger<RequestLane>();
        var ahead = 2 * loaded.Model.Workers * Math.Min(loaded.Model.Shape.MaxSequences, 64);
        _transport = new(capacity, ahead, assembly.Time);
        // Nothing is in order here, and a text that takes long holds up no other.
        var settings = new PipelineSettings(new() { DecodeWorkers = 1, EncodeWorkers = 1 }, new(), new() { KeepPartitionOrder = false });
        var pipeline = assembly.Pipeline(loaded, _transport, input, output, settings, codecs: [new PlainTextCodec()]);
        _running = Task.Run(() => RunAsync(pipeline));
    }

    /// <summary>Texts that wait or are worked on.</summary>
    public int Count => _transport.Count;

    /// <summary>The answers, in the order of the texts.</summary>
    /// <returns>Null when there is no room for so many.</returns>
    /// <exception cref="OperationCanceledException"><paramref name="cancelled"/> was cancelled, or the worker stops.</exception>
    public async Task<OutboundRecord[]?> AskAsync(IReadOnlyList<PendingText> texts, CancellationToken cancelled)
    {
        if (!_transport.TryAdd(texts)) return null;
        try
        {
            return await Task.WhenAll(texts.Select(t => t.Answer)).WaitAsync(cancelled);
        }
        finally
        {
            _transport.CallOff(texts);
        }
    }

    public async ValueTask DisposeAsync()
    {
        await _stopping.CancelAsync();
        await _running;
        _stopping.Dispose();
    }

    private async Task RunAsync(AnalyticsPipeline pipeline)
    {
        try
        {
            await pipeline.RunAsync(_stopping.Token);
        }
        catch (Exception exception) when (exception is PipelineException or TimeoutException)
        {
            _logger.RequestsFailed(exception.WithoutMessages()); // the stream meets a broken device itself
        }
        finally
        {
            await _transport.DisposeAsync();
        }
    }
}
