using System.Threading.Channels;
using Microsoft.Extensions.Logging;
using MtlStream.Batching;
using MtlStream.Delivery;
using MtlStream.Diagnostics;
using MtlStream.Events;
using MtlStream.Generation;
using MtlStream.Models;
using MtlStream.Monitoring;
using MtlStream.Results;
using MtlStream.Serving;
using MtlStream.Text;

namespace MtlStream;

/// <summary>The options that the pipeline itself reads.</summary>
public sealed record PipelineSettings(PipelineOptions Pipeline, BatchingOptions Batching, DeliveryOptions Delivery);

/// <summary>The whole flow, in order: receive, decode and tokenize, form batches, score, write texts where they are asked for, encode, sequence and publish, acknowledge.</summary>
/// <remarks>
/// The stages and the channels between them are all in this file and in <see cref="StageGroup"/>; what they call is synchronous code,
/// thread-safe where several call it, or an adapter. Beside the stages run two loops: <see cref="ShadowModel"/> scores its sample,
/// <see cref="ModelReload"/> looks for a new version, which <see cref="ModelSwap"/> puts in place between two batches. An event is acknowledged only after its result or dead letter is durable; whatever fails before is delivered again.
/// </remarks>
public sealed class AnalyticsPipeline(
    IEventSource source, EventDecoder decoder, TextTokenizer tokenizer, IMultitaskModel model, EventEncoder encoder,
    IOutboundSink sink, PipelineSettings settings, PipelineMetrics metrics, TimeProvider time, ILogger<AnalyticsPipeline> logger,
    DriftMonitor? watch = null, ShadowModel? shadow = null, TextGenerators? generators = null)
{
    private const int RefusedAtOnce = 1 << 17;
    private const int DecodedAtOnce = 512;

    private readonly BatchShape _shape = settings.Batching.Over(model.Shape);
    private readonly EventBoundary _boundary = new(logger, time);
    private readonly RepeatedLines _refusals = new(time);
    private readonly ByteBudget _unpacked = new(settings.Pipeline.MaxUnpackedBytes);
    private int _tooLarge = int.MaxValue; // padded tokens that the device had no room for; told by the inference workers, heeded by the batch former
    private int _givenBack; // sequences and messages

    /// <summary>Runs until the input ends or <paramref name="stopping"/> is cancelled, and everything received is acknowledged or given back.</summary>
    /// <remarks>After half of <see cref="DeliveryOptions.DrainTimeout"/> what is not scored yet is given back: it is not acknowledged, and so delivered again.</remarks>
    /// <param name="abort">Drops what is in flight; it is delivered again.</param>
    /// <exception cref="PipelineException">A stage failed; unacknowledged events are delivered again after a restart.</exception>
    /// <exception cref="TimeoutException">Draining took longer than <see cref="DeliveryOptions.DrainTimeout"/>.</exception>
    /// <exception cref="OperationCanceledException"><paramref name="abort"/> was cancelled.</exception>
    public async Task RunAsync(CancellationToken stopping, CancellationToken abort = default)
    {
        var decodeWorkers = Workers(settings.Pipeline.DecodeWorkers, 2);
        var encodeWorkers = Workers(settings.Pipeline.EncodeWorkers, 4);
        var generateWorkers = generators?.Options.WorkersHere ?? 0;
        KeepThreadsFor(model.Workers + decodeWorkers + encodeWorkers + generateWorkers);

        var channels = new List<(string, Func<int>, int)>();
        var received = NewChannel<IReadOnlyList<SourceRecord>>("received", 64, channels);
        var unpacked = Channel.CreateBounded<IReadOnlyList<SourceRecord>>(decodeWorkers); // of received chunks, and as long as few wait
        var tokenized = NewChannel<IReadOnlyList<TokenizedEvent>>("tokenized", 16, channels);
        var batches = NewChannel<TokenBatch>("batches", model.Workers, channels); // the next batch waits here while the device runs this one
        var scored = NewChannel<ScoredBatch>("scored", 2 * model.Workers, channels);
        var generating = generators is null ? null : NewChannel<GeneratingEvent>("generating", 64, channels);
        var finished = NewChannel<IReadOnlyList<OutboundRecord>>("finished", 64, channels);
        var refused = NewChannel<RefusedRecord?>("refused", RefusedAtOnce, channels);
        metrics.Observe(channels, () => model.Identity);

        using var stages = new StageGroup(stopping, abort);
        var reported = Reporter(stages, refused);
        stages.Start("receive", (_, _) => source.ReceiveAsync(received, stages.Stopping), closes: received.Writer);
        stages.Start("unpack", (_, a) => new UnpackWorker(decoder, _unpacked, stages.GiveBack).RunAsync(received, unpacked, a), closes: unpacked.Writer);
        stages.Start("decode", (_, _) => DecodeAsync(unpacked, tokenized, finished, stages), closes: tokenized.Writer, workers: decodeWorkers);
        stages.Start("batch", (_, a) => FormBatchesAsync(tokenized, batches, a), closes: batches.Writer);
        stages.Start("score", (worker, _) => ScoreAsync(batches, scored, worker, stages), closes: scored.Writer, workers: model.Workers);
        if (generating is null) stages.Start("encode", (_, a) => EncodeAsync(scored, null, finished, a), closes: finished.Writer, workers: encodeWorkers);
        else stages.Start("encode", (_, a) => EncodeAsync(scored, generating, finished, a), closes: generating.Writer, workers: encodeWorkers);
        if (generating is not null) stages.Start("generate", (_, _) => GenerateAsync(generating, finished, stages), closes: finished.Writer, workers: generateWorkers);
        stages.Start<RefusedRecord?>("publish", (_, a) => PublishAsync(finished, refused, reported, a), closes: null);
        stages.Start<RefusedRecord?>("refuse", (_, a) => RefuseAsync(refused, reported, a), closes: null);

        logger.PipelineStarted(model.Identity.Name, model.Identity.Version, model.Identity.Device, model.Workers, decodeWorkers);
        await stages.CompleteAsync(source.CompleteAsync, settings.Delivery.DrainTimeout, time);
        if (_givenBack > 0) logger.GivenBack(_givenBack);
        logger.PipelineStopped();
    }

    private async Task DecodeAsync(
        ChannelReader<IReadOnlyList<SourceRecord>> received, ChannelWriter<IReadOnlyList<TokenizedEvent>> tokenized,
        ChannelWriter<IReadOnlyList<OutboundRecord>> finished, StageGroup stages)
    {
        var abort = stages.Abort;
        var input = new DecodeInput(received, source, metrics, logger, stages.GiveBack);
        var worker = new DecodeWorker(decoder, tokenizer, metrics, input, _boundary);
        while (await input.NextAsync(abort) is { } chunk)
        {
            if (IsGivenBack(chunk.Count, stages)) continue;
            var started = time.GetTimestamp();
            var events = new List<TokenizedEvent>(chunk.Count);
            var answered = new List<OutboundRecord>();
            foreach (var record in chunk)
            {
                worker.Decode(record, events, answered);
                if (events.Count < DecodedAtOnce) continue;
                await tokenized.WriteAsync(events, abort); // records that hold many events each
                events = [];
            }

            metrics.StageWorked("decode", time.GetElapsedTime(started));
            if (answered.Count > 0) await finished.WriteAsync(answered, abort);
            if (events.Count > 0) await tokenized.WriteAsync(events, abort);
        }
    }

    private async Task FormBatchesAsync(
        ChannelReader<IReadOnlyList<TokenizedEvent>> tokenized, ChannelWriter<TokenBatch> batches, CancellationToken abort)
    {
        var former = new BatchFormer(_shape, model.Workers, settings.Batching.LookAhead);
        while (true)
        {
            TakeWaiting(tokenized, former);
            if (former.Count == 0 && !await tokenized.WaitToReadAsync(abort)) return;
            if (former.Count == 0) continue;

            // Close batches as late as possible: while the device is busy, events keep joining.
            await batches.WaitToWriteAsync(abort);
            TakeWaiting(tokenized, former);
            var trigger = await LingerAsync(tokenized, former, abort);
            metrics.StageWorked("batch", time.GetElapsedTime(former.OldestSince));
            await batches.WriteAsync(former.Form(trigger), abort);
        }
    }

    private void TakeWaiting(ChannelReader<IReadOnlyList<TokenizedEvent>> tokenized, BatchFormer former)
    {
        var tooLarge = Interlocked.Exchange(ref _tooLarge, int.MaxValue);
        if (tooLarge < int.MaxValue && former.ShrinkBelow(tooLarge)) logger.BudgetHalved(former.Budget);
        while (former.Count < former.Capacity && tokenized.TryRead(out var events))
        {
            var now = time.GetTimestamp();
            foreach (var tokens in events)
            {
                for (var window = 0; window < tokens.Tokens.Windows.Length; window++) former.Add(new(tokens.Tokens, window, tokens), now);
            }
        }
    }

    /// <summary>Waits until a batch is ready, the oldest sequence has lingered, or nothing more can come; says which.</summary>
    private async Task<BatchTrigger> LingerAsync(
        ChannelReader<IReadOnlyList<TokenizedEvent>> tokenized, BatchFormer former, CancellationToken abort)
    {
        if (!_shape.BenefitsFromBatching) return BatchTrigger.DeviceFree;
        while (!former.IsReady)
        {
            var left = settings.Batching.Linger - time.GetElapsedTime(former.OldestSince);
            if (left <= TimeSpan.Zero) return BatchTrigger.Linger;
            using var lingered = new CancellationTokenSource(left, time);
            using var wait = CancellationTokenSource.CreateLinkedTokenSource(lingered.Token, abort);
            try
            {
                if (!await tokenized.WaitToReadAsync(wait.Token)) return BatchTrigger.EndOfInput;
            }
            catch (OperationCanceledException) when (!abort.IsCancellationRequested)
            {
                return BatchTrigger.Linger;
            }

            TakeWaiting(tokenized, former);
        }

        return former.Count >= _shape.MaxSequences ? BatchTrigger.RowLimit : BatchTrigger.TokenBudget;
    }

    private async Task ScoreAsync(
        ChannelReader<TokenBatch> batches, ChannelWriter<ScoredBatch> scored, int worker, StageGroup stages)
    {
        await foreach (var batch in batches.ReadAllAsync(stages.Abort))
        {
            var parts = new Queue<TokenBatch>([batch]);
            while (parts.TryDequeue(out var part))
            {
                if (IsGivenBack(part.Sequences.Count, stages)) continue;
                if (Score(part, worker) is { } result) await scored.WriteAsync(result, stages.Abort);
                else foreach (var half in Halves(part)) parts.Enqueue(half);
            }
        }
    }

    /// <summary>True when it is too late to score this much.</summary>
    private bool IsGivenBack(int count, StageGroup stages)
    {
        if (!stages.GiveBack.IsCancellationRequested) return false;
        Interlocked.Add(ref _givenBack, count);
        return true;
    }

    /// <summary>Scores a batch; null when the model refused it and it can be split.</summary>
    private ScoredBatch? Score(TokenBatch batch, int worker)
    {
        using var span = Tracing.BeginBatch(batch, model.Identity);
        var started = time.GetTimestamp();
        try
        {
            var predictions = model.Predict(batch, worker);
            var elapsed = time.GetElapsedTime(started);
            metrics.BatchScored(batch, predictions, elapsed);
            metrics.StageWorked("score", elapsed);
            return new(batch, predictions, null);
        }
        catch (MixedBatchException) when (batch.Sequences.Count > 1)
        {
            return null; // nothing failed: each half finds its version of the model
        }
        catch (Exception exception) when (batch.Sequences.Count > 1 && EventBoundary.IsBug(exception))
        {
            // One bad event must not cost its neighbours their result: halve until the culprit is alone.
            if (exception is InferenceException) logger.BatchSplit(batch.Sequences.Count, exception);
            else logger.BatchTrippedBug(batch.Sequences.Count, exception.WithoutMessages());
            metrics.BatchSplit();
            if (exception is InferenceException { OutOfMemory: true }) TellTooLarge(batch.Sequences.Count * batch.PaddedLength);
            return null;
        }
        catch (Exception exception) when (exception is not InferenceException { OutOfMemory: true } && EventBoundary.IsBug(exception))
        {
            model.Probe(worker); // throws when it is the device that is broken: then nothing is rejected and the run ends
            return new(batch, null, exception);
        }
    }

    private void TellTooLarge(int paddedTokens)
    {
        var told = Volatile.Read(ref _tooLarge);
        while (paddedTokens < told)
        {
            var before = Interlocked.CompareExchange(ref _tooLarge, paddedTokens, told);
            if (before == told) return;
            told = before;
        }
    }

    private IEnumerable<TokenBatch> Halves(TokenBatch batch)
    {
        var half = batch.Sequences.Count / 2;
        foreach (var sequences in new[] { batch.Sequences.Take(half).ToList(), batch.Sequences.Skip(half).ToList() })
            yield return new(sequences, _shape.PadTo(sequences.Max(r => r.Length)), BatchTrigger.Split);
    }

    private async Task EncodeAsync(
        ChannelReader<ScoredBatch> scored, ChannelWriter<GeneratingEvent>? asked, ChannelWriter<IReadOnlyList<OutboundRecord>> finished, CancellationToken abort)
    {
        var worker = NewEncoder();
        var generating = new List<GeneratingEvent>();
        await foreach (var batch in scored.ReadAllAsync(abort))
        {
            var started = time.GetTimestamp();
            var records = worker.Encode(batch, generating);
            metrics.StageWorked("encode", time.GetElapsedTime(started));
            if (records.Count > 0) await finished.WriteAsync(records, abort);
            foreach (var one in generating) await asked!.WriteAsync(one, abort);
            generating.Clear();
        }
    }

    private async Task GenerateAsync(
        ChannelReader<GeneratingEvent> asked, ChannelWriter<IReadOnlyList<OutboundRecord>> finished, StageGroup stages)
    {
        using var worker = new GenerateWorker(generators!, NewEncoder(), _boundary, metrics, count => IsGivenBack(count, stages), time);
        await worker.RunAsync(asked, finished, stages.Abort);
    }

    private EncodeWorker NewEncoder() => new(encoder, _boundary, metrics, watch, shadow, generators);

    private async Task PublishAsync(
        ChannelReader<IReadOnlyList<OutboundRecord>> finished, ChannelWriter<RefusedRecord?> refused, PublishReport reported, CancellationToken abort)
    {
        var sequencer = new Sequencer(Acknowledge);
        var ready = new List<OutboundRecord>();
        await foreach (var records in finished.ReadAllAsync(abort))
        {
            foreach (var record in records)
            {
                if (settings.Delivery.KeepPartitionOrder) sequencer.Add(record, ready);
                else ready.Add(record);
            }

            var started = time.GetTimestamp();
            foreach (var record in ready)
            {
                await sink.PublishAsync(Traced(record), reported, abort);
                for (var copy = record.Review; copy is not null; copy = copy.Review) await sink.PublishAsync(copy, Reviewed, abort);
            }

            metrics.StageWorked("publish", time.GetElapsedTime(started));
            ready.Clear();
        }

        await sink.FlushAsync(abort);
        await refused.WriteAsync(null, abort);
    }

    // A copy for review acknowledges nothing: the result that it is a copy of does.
    private void Reviewed(OutboundRecord record, PublishOutcome outcome, PublishRefusal? refusal)
    {
        if (refusal is null || !_refusals.TryTake($"{record.Destination} {refusal.Reason}", out var times)) return;
        logger.ReviewCopyLost(RepeatedLines.WithCount(refusal.Message, times));
    }

    /// <summary>What the sink refused for good becomes a dead letter, and a dead letter that is too large a smaller one.</summary>
    /// <param name="refused">Ends with null when all is published but what comes from here, which may be refused as well.</param>
    private async Task RefuseAsync(ChannelReader<RefusedRecord?> refused, PublishReport reported, CancellationToken abort)
    {
        var ending = false;
        await foreach (var one in refused.ReadAllAsync(abort))
        {
            ending |= one is null;
            if (one is not null) await sink.PublishAsync(Traced(AnswerRefused(one)), reported, abort);
            if (!ending || refused.TryPeek(out _)) continue;
            await sink.FlushAsync(abort);
            if (!refused.TryPeek(out _)) return;
        }
    }

    private OutboundRecord AnswerRefused(RefusedRecord refused)
    {
        var (record, refusal) = refused;
        if (_refusals.TryTake($"{record.Destination} {refusal.Reason}", out var times))
        {
            using (EventTrace.Inside(Tracing.Of(record.Source)))
                logger.RecordRefused(record.Destination.ToString(), RepeatedLines.WithCount(refusal.Message, times));
        }

        return EventEncoder.EncodeUnpublished(record, refusal.Reason, refusal.Message)
            ?? throw new IOException($"A dead letter cannot be written, and dropping the event is not an option: {refusal.Message}");
    }

    private PublishReport Reporter(StageGroup stages, ChannelWriter<RefusedRecord?> refused) => (record, outcome, refusal) =>
    {
        Measure(record, outcome, refusal);
        if (refusal is null)
        {
            Acknowledge(record.Source);
        }
        else if (!refused.TryWrite(new(record, refusal)))
        {
            stages.Fail("publish", new IOException($"Over {RefusedAtOnce} records were refused at once, the last one because: {refusal.Message}"));
        }
    };

    private void Acknowledge(SourceRecord answered)
    {
        if (answered.UnpackedBytes > 0) _unpacked.GiveBack(answered.UnpackedBytes);
        source.Acknowledge(answered.Position);
    }

    /// <summary>Records how an answer ended; for a sampled event inside its span, which then is the measurements' exemplar.</summary>
    private void Measure(OutboundRecord record, PublishOutcome outcome, PublishRefusal? refusal)
    {
        var errorType = refusal is not null ? PipelineMetrics.Tag(refusal.Reason)
            : outcome == PublishOutcome.Dropped ? "dropped"
            : record.Destination == Destination.DeadLetters ? Tracing.ReasonOf(record) : null;
        if (Tracing.Of(record.Source) is { } trace) RecordInside(trace, record, outcome, errorType);
        else Record(record, outcome, errorType);
    }

    // A method of its own: what its delegate captures is allocated for sampled events only.
    private void RecordInside(EventTrace trace, OutboundRecord record, PublishOutcome outcome, string? errorType) =>
        trace.Answered(errorType, final: outcome != PublishOutcome.Refused, () => Record(record, outcome, errorType));

    private void Record(OutboundRecord record, PublishOutcome outcome, string? errorType)
    {
        if (outcome != PublishOutcome.Durable) return;
        if (record.WithoutText) metrics.EventWithoutText(dropped: record.Destination == Destination.Nowhere);
        if (record.Destination == Destination.Results) metrics.EventPublished(record.Source.Timestamp, time);
        metrics.EventProcessed(record.Source, time, errorType);
    }

    private OutboundRecord Traced(OutboundRecord record) =>
        record.Destination != Destination.Nowhere && Tracing.Of(record.Source) is { } trace ? trace.Send(record, metrics.Names) : record;

    private static int Workers(int configured, int coresPerWorker) =>
        configured > 0 ? configured : Math.Max(1, Environment.ProcessorCount / coresPerWorker);

    // Scoring blocks its threads; without spare ones the pool would hand the other stages a thread only after half a second.
    private static void KeepThreadsFor(int workers)
    {
        ThreadPool.GetMinThreads(out var threads, out var ports);
        ThreadPool.SetMinThreads(Math.Max(threads, workers + Environment.ProcessorCount + 4), ports);
    }

    /// <param name="channels">Takes its name, its length to be asked for, and its capacity.</param>
    private static Channel<T> NewChannel<T>(string name, int capacity, List<(string, Func<int>, int)> channels)
    {
        var channel = Channel.CreateBounded<T>(capacity);
        channels.Add((name, () => channel.Reader.Count, capacity));
        return channel;
    }

    private sealed record RefusedRecord(OutboundRecord Record, PublishRefusal Refusal);
}
