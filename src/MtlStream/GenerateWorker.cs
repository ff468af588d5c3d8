using System.Threading.Channels;
using MtlStream.Events;
using MtlStream.Generation;

namespace MtlStream;

/// <summary>What one worker does that writes texts: a running batch of each model, which events join and leave between two steps.</summary>
/// <param name="isGivenBack">Takes a number of events, and says whether it is too late for them: they are delivered again.</param>
internal sealed class GenerateWorker(
    TextGenerators generators, EncodeWorker encoder, EventBoundary boundary, PipelineMetrics metrics, Func<int, bool> isGivenBack, TimeProvider time) : IDisposable
{
    private readonly RunningBatch[] _batches = [.. Enumerable.Range(0, generators.Count).Select(i => generators[i].NewBatch())];
    private readonly List<Writing> _running = [];
    private readonly List<Writing> _waiting = []; // for room, oldest first

    /// <summary>Runs until the input is complete and every event has its texts.</summary>
    public async Task RunAsync(ChannelReader<GeneratingEvent> asked, ChannelWriter<IReadOnlyList<OutboundRecord>> finished, CancellationToken abort)
    {
        while (_running.Count > 0 || _waiting.Count > 0 || await asked.WaitToReadAsync(abort))
        {
            abort.ThrowIfCancellationRequested();
            if (GivesBack(asked)) continue;
            var started = time.GetTimestamp();
            var answered = new List<OutboundRecord>();
            Admit(asked, answered);
            Step();
            Answer(answered);
            metrics.StageWorked("generate", time.GetElapsedTime(started));
            if (answered.Count > 0) await finished.WriteAsync(answered, abort);
        }
    }

    /// <summary>Drops what is half written.</summary>
    public void Dispose()
    {
        foreach (var batch in _batches) batch.Dispose();
        foreach (var writing in _running) writing.Event.Dispose();
        _running.Clear();
        foreach (var writing in _waiting) writing.Event.Dispose();
        _waiting.Clear();
    }

    private bool GivesBack(ChannelReader<GeneratingEvent> asked)
    {
        if (!isGivenBack(_running.Count + _waiting.Count)) return false;
        Dispose();
        while (asked.TryRead(out var waiting))
        {
            isGivenBack(1);
            waiting.Dispose();
        }

        return true;
    }

    private void Admit(ChannelReader<GeneratingEvent> asked, List<OutboundRecord> answered)
    {
        while (_waiting.Count < generators[0].Window && asked.TryRead(out var another))
            if (Begin(another, answered) is { } begun) _waiting.Add(begun);
        if (_waiting.Count == 0 || !Array.Exists(_batches, batch => batch.HasRoom)) return;
        var joining = _batches.Select(_ => new List<TextJob>()).ToArray();
        foreach (var writing in RunningBatch.Order([.. _waiting], w => w.Jobs[0].Job.Source.Length))
        {
            if (!Array.TrueForAll(writing.Jobs, job => HasRoom(job, joining))) break;
            foreach (var (generator, job) in writing.Jobs) joining[generator].Add(job);
            _running.Add(writing);
            _waiting.Remove(writing);
        }

        for (var i = 0; i < _batches.Length; i++) Call(() => _batches[i].Join(joining[i]));
    }

    private bool HasRoom((int Generator, TextJob Job) job, List<TextJob>[] joining) =>
        _batches[job.Generator].HasRoom && _batches[job.Generator].Fits(joining[job.Generator], job.Job);

    private Writing? Begin(GeneratingEvent asked, List<OutboundRecord> answered)
    {
        try
        {
            return new(asked, [.. asked.Asked.Select(generator => (generator, generators[generator].JobOf(asked.Scored.Event.Text)))]);
        }
        catch (Exception bug) when (EventBoundary.IsBug(bug))
        {
            Send(asked, boundary.DeadLetter(asked.Scored.Event.Source, "generate", bug), answered);
            return null;
        }
    }

    private void Step()
    {
        for (var i = 0; i < _batches.Length; i++)
        {
            var rows = 0;
            Call(() => rows = _batches[i].Step());
            if (rows > 0) generators.Metrics.Stepped(rows);
        }
    }

    private void Call(Action call)
    {
        generators.BeginCall();
        try
        {
            call();
        }
        finally
        {
            generators.EndCall();
        }
    }

    private void Answer(List<OutboundRecord> answered)
    {
        foreach (var writing in _running.Where(w => w.IsOver)) Send(writing.Event, Answer(writing), answered);
        _running.RemoveAll(w => w.IsOver);
    }

    private OutboundRecord Answer(Writing writing)
    {
        foreach (var (generator, job) in writing.Jobs)
        {
            if (job.Failure is null) continue;
            generators.Metrics.Failed(generators[generator].Name);
            Call(generators[generator].Probe); // throws when it is the device that is broken: then nothing is rejected and the run ends
            return encoder.Failed(writing.Event.Scored.Event.Source, job.Failure, "generate");
        }

        try
        {
            var texts = writing.Jobs.Select(job => TextOf(job.Generator, job.Job)).ToList();
            writing.Event.Scored.Generated = texts;
        }
        catch (Exception bug) when (EventBoundary.IsBug(bug))
        {
            return boundary.DeadLetter(writing.Event.Scored.Event.Source, "generate", bug);
        }

        return encoder.Answer(writing.Event.Scored, writing.Event.Predictions, 0);
    }

    private GeneratedText TextOf(int generator, TextJob job)
    {
        var text = generators[generator].TextOf(job);
        generators.Metrics.Written(text, job.Search.Found!.Ids.Count);
        return text;
    }

    private void Send(GeneratingEvent asked, OutboundRecord answer, List<OutboundRecord> answered)
    {
        using (asked)
            if (boundary.Sendable(asked.Scored.Event, answer) is { } message) answered.Add(message);
    }

    /// <summary>An event and the texts that it gets.</summary>
    private sealed record Writing(GeneratingEvent Event, (int Generator, TextJob Job)[] Jobs)
    {
        public bool IsOver => Array.TrueForAll(Jobs, job => job.Job.IsOver);
    }
}
