using System.Diagnostics.CodeAnalysis;

namespace MtlStream.Events;

/// <summary>Payloads to texts, by the codec of their format. Thread-safe.</summary>
public sealed class EventDecoder
{
    private readonly InputOptions _options;
    private readonly TextPointers _pointers;
    private readonly PayloadCodec[] _codecs;
    private readonly EventDecoder? _questions; // reads the same payloads for what they ask

    /// <param name="codecs">Asked before those of the format that the options name.</param>
    /// <exception cref="ArgumentException">The options do not validate.</exception>
    public EventDecoder(InputOptions options, params IReadOnlyList<PayloadCodec> codecs)
    {
        _options = options;
        _pointers = TextPointers.Of(options);
        _codecs = [.. codecs, .. CodecsOf(options.Format, _pointers)];
        if (options.QuestionPointer.Length == 0) return;
        _questions = new(
            options with { TextPointer = options.QuestionPointer, TextPointers = [], JoinTexts = false, QuestionPointer = "", WithoutText = TextlessEvents.Pass }, codecs);
    }

    /// <summary>What becomes of events without a text.</summary>
    public TextlessEvents WithoutText => _options.WithoutText;

    /// <summary>Escapes in the texts.</summary>
    public TextEscapes Unescape => _options.Unescape;

    /// <summary>Decodes a payload that is not a tombstone. The caller owns the decoded events.</summary>
    /// <exception cref="ArgumentException">The record is a tombstone.</exception>
    public Decoded Decode(SourceRecord source)
    {
        var decoded = DecodeText(source);
        if (_questions is not null && (decoded.Event is not null || decoded.Events is not null)) Ask(decoded, _questions.DecodeText(source));
        return decoded;
    }

    /// <summary>Gives every event the question that was found beside its text.</summary>
    private static void Ask(Decoded decoded, Decoded questions)
    {
        if (decoded.Event is { } one) one.Question = questions.Event?.Text.ToString();
        foreach (var part in decoded.Events ?? [])
            part.Question = questions.Events?.FirstOrDefault(q => q.Part!.Index == part.Part!.Index)?.Text.ToString();
        questions.Event?.Dispose();
        foreach (var question in questions.Events ?? []) question.Dispose();
    }

    private Decoded DecodeText(SourceRecord source)
    {
        var bytes = source.Payload ?? throw new ArgumentException("A tombstone has no text to decode.", nameof(source));
        var problem = default(Problem);
        if (source.Unpacked is { } unpacked) bytes = unpacked;
        else if (!TryUnpack(source, ref bytes, out problem)) return Refused(source, problem);
        var codec = Read(new(source, bytes, _options.MaxPayloadBytes), out var decoding);
        decoding = decoding.Carrying(bytes, source.Payload);
        if (decoding.NotNow is { } notNow) return new() { NotNow = notNow };
        if (decoding.Several is { } several) return DecodeAll(source, several, codec);
        if (decoding.Problem is { } found) return Refused(source, found);
        return TryRead(source, decoding.Text, codec, null, out var decoded, out problem) ? new() { Event = decoded } : Refused(source, problem);
    }

    /// <summary>As <see cref="Decode"/>, for one event that cannot wait: what cannot be read now, or holds several events, is rejected.</summary>
    /// <exception cref="ArgumentException">The record is a tombstone.</exception>
    public bool TryDecode(SourceRecord source, [NotNullWhen(true)] out TextEvent? decoded, [NotNullWhen(false)] out Rejection? rejection)
    {
        var outcome = Decode(source);
        decoded = outcome.Event;
        rejection = outcome.Rejection;
        if (decoded is not null || rejection is not null) return decoded is not null;
        foreach (var one in outcome.Events ?? []) one.Dispose();
        var found = outcome.NotNow?.Reason ?? $"The payload holds {outcome.Events?.Count} events";
        rejection = new(RejectionReason.UnsupportedEncoding, "decode", $"{found}; expected one event that can be read at once.", source);
        return false;
    }

    /// <summary>The payload without its packing, for <see cref="SourceRecord.Unpacked"/>; null where it is not packed, or damaged.</summary>
    internal byte[]? Unpack(SourceRecord source)
    {
        if (source.Payload is not { } payload) return null;
        var bytes = payload;
        if (!TryUnpack(source, ref bytes, out _)) return null;
        if (_options.Format != InputFormat.Text) bytes = SchemaFrame.Unpack(bytes, _options.MaxPayloadBytes) ?? bytes;
        return ReferenceEquals(bytes, payload) ? null : bytes;
    }

    private static PayloadCodec[] CodecsOf(InputFormat format, TextPointers pointers) => format switch
    {
        InputFormat.Text => [new TextCodec()],
        InputFormat.Json => [new JsonCodec(pointers, recognizes: false)],
        InputFormat.CloudEvents => [new CloudEventCodec(pointers, always: true)],
        _ => [new CloudEventCodec(pointers, always: false), new JsonCodec(pointers, recognizes: true)],
    };

    private static Decoded Refused(SourceRecord source, Problem problem) =>
        new() { Rejection = new(problem.Reason, "decode", problem.Message, source) };

    private bool TryUnpack(SourceRecord source, ref byte[] bytes, out Problem problem)
    {
        if (bytes.Length <= _options.MaxPayloadBytes)
            return Packing.TryUnpack(source, bytes, _options.MaxPayloadBytes, _options.Format == InputFormat.Text, out bytes, out problem);
        problem = new(
            RejectionReason.PayloadTooLarge,
            $"The payload has {bytes.Length} bytes; expected at most {_options.MaxPayloadBytes} (Input:MaxPayloadBytes).");
        return false;
    }

    private PayloadCodec Read(in Payload payload, out Decoding decoding)
    {
        foreach (var codec in _codecs)
            if (codec.TryDecode(payload, out decoding)) return codec;
        throw new InvalidOperationException("No codec took the payload; the last one takes every payload.");
    }

    private Decoded DecodeAll(SourceRecord source, SeveralTexts several, PayloadCodec codec)
    {
        var group = new EventGroup(source, several, _options.WithoutText);
        var events = new List<TextEvent>(several.Elements.Count);
        Problem? first = null;
        for (var i = 0; i < several.Elements.Count; i++)
        {
            var element = several.Elements[i];
            var problem = element.Problem ?? default;
            if (element.Problem is null && TryRead(source, element.Text, codec, new(group, i), out var decoded, out problem))
            {
                events.Add(decoded);
                continue;
            }
            problem = problem with { Message = $"At /{i} of the array: {problem.Message}" };
            first ??= problem;
            if (_options.WithoutText != TextlessEvents.Reject && problem.Reason.IsTextless()) continue; // it stays as it is
            foreach (var one in events) one.Dispose();
            return Refused(source, problem);
        }
        if (events.Count == 0) return Refused(source, first!.Value);
        group.Expect(events.Count);
        return new() { Events = events };
    }

    private bool TryRead(
        SourceRecord source, in LocatedText located, PayloadCodec codec, EventPart? part,
        [NotNullWhen(true)] out TextEvent? decoded, out Problem problem)
    {
        var text = TextReader.Read(located, _pointers.Separator ?? "", out var fields);
        problem = default;
        decoded = null;
        if (((ReadOnlySpan<char>)text.Span).IsWhiteSpace())
        {
            var place = ReferenceEquals(located.Text.Body, source.Payload) ? $" (byte {located.Text.Start})" : "";
            problem = new(
                RejectionReason.EmptyText,
                text.Length == 0
                    ? $"The text{place} is empty; expected at least one character that is not white space."
                    : $"The text{place} is {text.Length} characters of white space; expected at least one other.");
            text.Dispose();
            return false;
        }
        var envelope = located.Envelope;
        if (envelope.Codec is null) envelope = envelope with { Codec = codec };
        decoded = new(source, text, envelope) { Fields = fields, Part = part };
        return true;
    }
}

/// <summary>What became of a payload; one of the four is given.</summary>
public readonly record struct Decoded
{
    /// <summary>Its text; whoever gets it owns it.</summary>
    public TextEvent? Event { get; init; }

    /// <summary>The texts of a message that holds several events; the same holds for each. They are answered by one message.</summary>
    public IReadOnlyList<TextEvent>? Events { get; init; }

    /// <summary>Why it has no text.</summary>
    public Rejection? Rejection { get; init; }

    /// <summary>What it has to wait for.</summary>
    public NotNow? NotNow { get; init; }
}
