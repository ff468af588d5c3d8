using MtlStream.Events;

namespace MtlStream.Registry.Answers;

/// <summary>How one event is answered; goes with it through the model.</summary>
internal abstract class AnswerState
{
    public abstract byte[] Answer(TextEvent decoded, ReadOnlySpan<byte> json);

    public abstract IReadOnlyList<EventHeader> HeadersOf(IReadOnlyList<EventHeader> headers);
}

/// <summary>In kind.</summary>
/// <param name="type">Which of the schema's types.</param>
/// <param name="others">Places that are edited beside the one of the analysis; null for nearly every event.</param>
internal sealed class SameAnswer(
    SchemaReader reader, AnalysisForm form, object? type, byte[] frame, EventHeader? header, IReadOnlyList<(int Start, int End)>? others) : AnswerState
{
    public override byte[] Answer(TextEvent decoded, ReadOnlySpan<byte> json)
    {
        var envelope = decoded.Envelope;
        return reader.Answer(form, frame, envelope.Rewritten ?? decoded.Source.Payload!, new(envelope.Skip, (envelope.RemoveStart, envelope.RemoveEnd), others, type), json);
    }

    public override IReadOnlyList<EventHeader> HeadersOf(IReadOnlyList<EventHeader> headers)
    {
        var kept = AnswerHeaders.Of(headers);
        return header is { } named ? [.. kept, named] : kept;
    }
}

/// <summary>In JSON.</summary>
/// <param name="value">The event's value up to where one more member can follow.</param>
internal sealed class JsonAnswer(byte[] value) : AnswerState
{
    public override byte[] Answer(TextEvent decoded, ReadOnlySpan<byte> json) => [.. value, .. "\"analysis\":"u8, .. json, (byte)'}'];

    public override IReadOnlyList<EventHeader> HeadersOf(IReadOnlyList<EventHeader> headers) => AnswerHeaders.Of(headers, becomesJson: true);
}
