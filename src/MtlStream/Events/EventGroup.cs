namespace MtlStream.Events;

/// <summary>The events of one message, which is answered when the last of them is. Thread-safe.</summary>
/// <remarks>
/// One message stays one message: its answer is an array of the same form, so an offset is committed, or a transaction holds it, as a
/// whole. If one event is rejected later than in decoding, the message becomes a dead letter.
/// </remarks>
public sealed class EventGroup
{
    private readonly SourceRecord _source;
    private readonly SeveralTexts _several;
    private readonly TextlessEvents _textless;
    private readonly OutboundRecord?[] _answers;
    private int _left;

    /// <param name="textless">What becomes of the message if none of its texts has a word in it.</param>
    internal EventGroup(SourceRecord source, SeveralTexts several, TextlessEvents textless)
    {
        _source = source;
        _several = several;
        _textless = textless;
        _answers = new OutboundRecord?[several.Places.Count];
    }

    /// <summary>Says how many events will be answered, before the first of them is; the other elements stay as they are.</summary>
    internal void Expect(int events) => _left = events;

    /// <summary>Takes the answer to one event; null where it stays as it is.</summary>
    /// <returns>The message that answers all of them, when it was the last one; null before.</returns>
    public OutboundRecord? Answered(int index, OutboundRecord? answer)
    {
        _answers[index] = answer;
        return Interlocked.Decrement(ref _left) == 0 ? Together() : null;
    }

    private OutboundRecord Together()
    {
        if (Array.Find(_answers, a => a?.Destination == Destination.DeadLetters) is { } deadLetter) return deadLetter;
        if (Array.TrueForAll(_answers, a => a is null)) return OutboundRecord.Textless(_source, _textless);
        var output = new MemoryStream(_several.Body.Length);
        var copied = _several.Start;
        OutboundRecord? review = null;
        for (var i = 0; i < _answers.Length; i++)
        {
            if (_answers[i] is not { } answer) continue;
            var (start, end) = _several.Places[i];
            output.Write(_several.Body, copied, start - copied);
            output.Write(answer.Payload);
            copied = end;
            if (answer.Review is { } copy) review = copy with { Review = review };
        }
        output.Write(_several.Body, copied, _several.Body.Length - copied);
        return new(Destination.Results, output.ToArray(), AnswerHeaders.Of(_source.Headers), _source) { Review = review };
    }
}
