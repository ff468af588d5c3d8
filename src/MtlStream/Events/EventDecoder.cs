using System.Diagnostics.CodeAnalysis;
using System.Text;
using MtlStream.Json;

namespace MtlStream.Events;

/// <summary>Payloads to texts, by the codec of their format. Thread-safe.</summary>
public sealed class EventDecoder
{
    private readonly InputOptions _options;
    private readonly PayloadCodec[] _codecs;

    /// <param name="codecs">Asked before those of the format that the options name.</param>
    /// <exception cref="ArgumentException">The options do not validate.</exception>
    public EventDecoder(InputOptions options, params IReadOnlyList<PayloadCodec> codecs)
    {
        if (InputOptions.PointerProblem(options.TextPointer, out var pointer) is { } problem)
            throw new ArgumentException($"Input:TextPointer: {problem}.", nameof(options));
        _options = options;
        _codecs = [.. codecs, .. CodecsOf(options.Format, pointer!)];
    }

    /// <summary>Decodes a payload that is not a tombstone. The caller owns the decoded event.</summary>
    /// <exception cref="ArgumentException">The record is a tombstone.</exception>
    public Decoded Decode(SourceRecord source)
    {
        var bytes = source.Payload ?? throw new ArgumentException("A tombstone has no text to decode.", nameof(source));
        Problem problem;
        if (bytes.Length > _options.MaxPayloadBytes)
        {
            problem = new(
                RejectionReason.PayloadTooLarge,
                $"The payload has {bytes.Length} bytes; expected at most {_options.MaxPayloadBytes} (Input:MaxPayloadBytes).");
        }
        else
        {
            var codec = Read(new(source, bytes), out var decoding);
            if (decoding.NotNow is { } notNow) return new(null, null, notNow);
            if (decoding.Problem is { } found) problem = found;
            else if (TryRead(source, decoding.Text, codec, out var decoded, out problem)) return new(decoded, null, null);
        }
        return new(null, new(problem.Reason, "decode", problem.Message, source), null);
    }

    /// <summary>As <see cref="Decode"/>, where nothing can wait: an event that cannot be read now is rejected.</summary>
    /// <exception cref="ArgumentException">The record is a tombstone.</exception>
    public bool TryDecode(SourceRecord source, [NotNullWhen(true)] out TextEvent? decoded, [NotNullWhen(false)] out Rejection? rejection)
    {
        (decoded, rejection, var notNow) = Decode(source);
        if (notNow is not null)
            rejection = new(RejectionReason.UnsupportedEncoding, "decode", $"{notNow.Reason}; expected an event that can be read at once.", source);
        return decoded is not null;
    }

    private static PayloadCodec[] CodecsOf(InputFormat format, JsonPointer pointer) => format switch
    {
        InputFormat.Text => [new TextCodec()],
        InputFormat.Json => [new JsonCodec(pointer)],
        InputFormat.CloudEvents => [new CloudEventCodec(pointer, always: true)],
        _ => [new CloudEventCodec(pointer, always: false), new JsonCodec(pointer)],
    };

    private PayloadCodec Read(in Payload payload, out Decoding decoding)
    {
        foreach (var codec in _codecs)
            if (codec.TryDecode(payload, out decoding)) return codec;
        throw new InvalidOperationException("No codec took the payload; the last one takes every payload.");
    }

    private static bool TryRead(
        SourceRecord source, in LocatedText located, PayloadCodec codec, [NotNullWhen(true)] out TextEvent? decoded, out Problem problem)
    {
        var utf8 = located.Body.AsSpan(located.Start..located.End);
        var text = new PooledArray<char>(located.Escaped ? JsonText.CharCount(utf8) : Encoding.UTF8.GetCharCount(utf8));
        if (located.Escaped) JsonText.Unescape(utf8, text.Span);
        else Encoding.UTF8.GetChars(utf8, text.Span);
        problem = default;
        decoded = null;
        if (((ReadOnlySpan<char>)text.Span).IsWhiteSpace())
        {
            var place = located.Envelope.Rewritten is null ? $" (byte {located.Start})" : "";
            problem = new(
                RejectionReason.EmptyText,
                text.Length == 0
                    ? $"The text{place} is empty; expected at least one character that is not white space."
                    : $"The text{place} is {text.Length} characters of white space; expected at least one other.");
            text.Dispose();
            return false;
        }
        decoded = new(source, text, located.Envelope.Codec is null ? located.Envelope with { Codec = codec } : located.Envelope);
        return true;
    }
}

/// <summary>What became of a payload; one of the three is given.</summary>
/// <param name="Event">Its text; whoever gets it owns it.</param>
/// <param name="Rejection">Why it has none.</param>
/// <param name="NotNow">What it has to wait for.</param>
public readonly record struct Decoded(TextEvent? Event, Rejection? Rejection, NotNow? NotNow);
