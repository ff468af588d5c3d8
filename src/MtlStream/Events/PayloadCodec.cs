namespace MtlStream.Events;

/// <summary>Payloads of one format: finds their text, and puts the analysis of it back. Thread-safe.</summary>
/// <remarks>
/// <see cref="EventDecoder"/> asks its codecs in order; the first one that takes a payload decides what becomes of it.
/// What an answer needs from outside, such as a schema, is there before decoding says that there is a text:
/// answering never waits.
/// </remarks>
public abstract class PayloadCodec
{
    /// <summary>Reads a payload; false when it is not of this format, and the next codec is to be asked.</summary>
    public abstract bool TryDecode(in Payload payload, out Decoding decoding);

    /// <summary>The value of the message that answers an event of this codec.</summary>
    public abstract byte[] Answer(TextEvent decoded, in Analysis analysis);

    /// <summary>The headers of that message: the event's own, without those that say what the value no longer is.</summary>
    public virtual IReadOnlyList<EventHeader> AnswerHeadersOf(TextEvent decoded) => AnswerHeaders.Of(decoded.Source.Headers);
}
