using System.Text.Json;
using System.Text;
using System.Threading.Channels;
using MtlStream.Delivery;
using MtlStream.Diagnostics;
using MtlStream.Events;
using MtlStream.Results;

namespace MtlStream.Onnx;

/// <summary>Texts through the pipeline as served: events of plain text in, what is published about each out.</summary>
internal sealed class TextRun(IReadOnlyList<string> texts, IReadOnlyList<string>? questions, TimeProvider time) : ITransport, IEventSource, IOutboundSink
{
    private const string QuestionMember = "question";

    private readonly Annotation[] _answers = new Annotation[texts.Count];

    public IEventSource Source => this;
    public IOutboundSink Sink => this;
    public MessagingNames Names => MessagingNames.InProcess;

    /// <summary>What a model answers to has to be asked of events with this pointer: <see cref="Models.ModelOptions.Asking"/>.</summary>
    public static string QuestionPointer => $"/{QuestionMember}";

    /// <summary>Runs the pipeline over all texts.</summary>
    /// <param name="questions">One for each text, for a model that answers; null for none.</param>
    /// <returns>One for each text, in their order.</returns>
    /// <exception cref="OperationCanceledException"><paramref name="stopping"/> was cancelled.</exception>
    public static async Task<Annotation[]> AnalyseAsync(
        PipelineAssembly assembly, LoadedModel loaded, IReadOnlyList<string> texts, CancellationToken stopping, bool allScores = true,
        IReadOnlyList<string>? questions = null)
    {
        await using var run = new TextRun(texts, questions, assembly.Time);
        var input = questions is null ? new InputOptions { Format = InputFormat.Text } : new() { Format = InputFormat.Json, QuestionPointer = QuestionPointer };
        var settings = new PipelineSettings(new(), new(), new() { DrainTimeout = TimeSpan.FromMinutes(10) });
        await assembly.Pipeline(loaded, run, input, new() { AllScores = allScores }, settings).RunAsync(stopping, stopping);
        stopping.ThrowIfCancellationRequested();
        return run._answers;
    }

    public async Task ReceiveAsync(ChannelWriter<IReadOnlyList<SourceRecord>> received, CancellationToken stopping)
    {
        for (var first = 0; first < texts.Count; first += 32)
        {
            var chunk = Enumerable.Range(first, Math.Min(32, texts.Count - first))
                .Select(i => new SourceRecord(new("texts", 0, i, 0, i), null, Payload(i), [], -1, time.GetTimestamp()));
            await received.WriteAsync([.. chunk], stopping);
        }
    }

    public void Acknowledge(SourcePosition position)
    {
    }

    public ValueTask CompleteAsync(CancellationToken abort) => ValueTask.CompletedTask;

    public ValueTask PublishAsync(OutboundRecord record, PublishReport reported, CancellationToken abort)
    {
        var at = record.Source.Position.Offset;
        if (record.Destination == Destination.Results)
        {
            using var document = JsonDocument.Parse(record.Payload);
            _answers[at] = new(texts[(int)at], document.RootElement.GetProperty("analysis").GetProperty("tasks").Clone(), null);
        }
        else
        {
            var letter = DeadLetter.Of(record);
            _answers[at] = new(texts[(int)at], null, $"{letter.Reason.WireName()}: {letter.Message}");
        }

        reported(record, PublishOutcome.Durable);
        return ValueTask.CompletedTask;
    }

    private byte[] Payload(int i) => questions is null
        ? Encoding.UTF8.GetBytes(texts[i])
        : JsonSerializer.SerializeToUtf8Bytes(new Dictionary<string, string> { ["text"] = texts[i], [QuestionMember] = questions[i] });

    public Task FlushAsync(CancellationToken abort) => Task.CompletedTask;

    public ValueTask DisposeAsync() => ValueTask.CompletedTask;
}
