using System.Buffers.Binary;
using System.Diagnostics.CodeAnalysis;
using System.Text.Json;
using System.Text.Unicode;
using System.Text;

namespace MtlStream.Events;

/// <summary>Payloads to texts. Thread-safe.</summary>
public sealed class EventDecoder
{
    /// <summary>Magic byte 0 and a schema id of four bytes, big-endian, as Confluent's serializers write them.</summary>
    private const int FrameBytes = 5;

    private readonly InputOptions _options;
    private readonly JsonPointer _pointer;

    /// <exception cref="ArgumentException">The options do not validate.</exception>
    public EventDecoder(InputOptions options)
    {
        if (InputOptions.PointerProblem(options.TextPointer, out var pointer) is { } problem)
            throw new ArgumentException($"Input:TextPointer: {problem}.", nameof(options));
        (_options, _pointer) = (options, pointer!);
    }

    private enum Form
    {
        Json,
        Text,
        StructuredCloudEvent,
    }

    /// <summary>Decodes a payload that is not a tombstone, or says why it cannot be. The caller owns the decoded event.</summary>
    /// <exception cref="ArgumentException">The record is a tombstone.</exception>
    public bool TryDecode(SourceRecord source, [NotNullWhen(true)] out TextEvent? decoded, [NotNullWhen(false)] out Rejection? rejection)
    {
        var payload = source.Payload ?? throw new ArgumentException("A tombstone has no text to decode.", nameof(source));
        decoded = null;
        rejection = null;
        if (!TryLocate(source, payload, out var located, out var problem) || !TryRead(source, located, out decoded, out problem))
            rejection = new(problem.Reason, "decode", problem.Message, source);
        return decoded is not null;
    }

    private static bool TryRead(SourceRecord source, LocatedText located, out TextEvent? decoded, out Problem problem)
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
        decoded = new(source, text, located.Envelope);
        return true;
    }

    private bool TryLocate(SourceRecord source, byte[] payload, out LocatedText located, out Problem problem)
    {
        located = default;
        if (payload.Length > _options.MaxPayloadBytes)
        {
            problem = new(
                RejectionReason.PayloadTooLarge,
                $"The payload has {payload.Length} bytes; expected at most {_options.MaxPayloadBytes} (Input:MaxPayloadBytes).");
            return false;
        }
        if (!TryFindForm(source.Headers, out var form, out problem)) return false;
        var start = 0;
        if (form != Form.Text && !TrySkipFrame(payload, out start, out problem)) return false;
        if (!Utf8.IsValid(payload.AsSpan(start)))
        {
            problem = NotUtf8(payload, start);
            return false;
        }
        if (payload.AsSpan(start).StartsWith("\uFEFF"u8)) start += 3;
        var body = payload.AsSpan(start);
        if (body.Trim(" \t\r\n"u8).IsEmpty)
        {
            problem = new(
                RejectionReason.EmptyText,
                $"The payload is {(payload.Length == 0 ? "empty" : "blank")} ({payload.Length} bytes); expected {Expected(form)}.");
            return false;
        }
        if (form == Form.Text)
        {
            var envelope = new Envelope(EnvelopeKind.Text, payload.Length, NeedsComma: true) { Skip = start };
            located = new(payload, start, payload.Length, Escaped: false, envelope);
            return true;
        }
        return TryLocateInJson(payload, start, form, out located, out problem);
    }

    private bool TryLocateInJson(byte[] payload, int start, Form form, out LocatedText located, out Problem problem)
    {
        var scan = new JsonTextScan(payload.AsSpan(start), _pointer, start);
        try
        {
            if (form == Form.Json) return PlainJson.TryRead(payload, start, _pointer, ref scan, out located, out problem);
            located = default;
            return PlainJson.TryEnterObject(_pointer, ref scan, out problem)
                && CloudEvent.TryReadStructured(payload, start, _pointer, ref scan, out located, out problem);
        }
        catch (JsonException exception)
        {
            located = default;
            problem = scan.Malformed(exception);
            return false;
        }
    }

    private bool TryFindForm(IReadOnlyList<EventHeader> headers, out Form form, out Problem problem)
    {
        problem = default;
        form = _options.Format == InputFormat.Text ? Form.Text : Form.Json;
        if (_options.Format is InputFormat.Text or InputFormat.Json) return true;

        var type = ContentType.Of(headers);
        if (type.IsCloudEvents || type.IsCloudEventsBatch)
        {
            form = Form.StructuredCloudEvent;
            if (type.IsJsonCloudEvent && type.IsUtf8) return true;
            problem = new(
                RejectionReason.UnsupportedEncoding,
                type.IsCloudEventsBatch
                    ? $"The content type is \"{type.ToString()}\", a batch of CloudEvents, which Kafka messages do not carry; " +
                    "expected one event a message."
                    : $"The content type is \"{type.ToString()}\"; expected application/cloudevents+json in UTF-8.");
            return false;
        }
        if (!CloudEvent.IsBinary(headers))
        {
            if (_options.Format == InputFormat.CloudEvents) form = Form.StructuredCloudEvent;
            return true;
        }
        if (!CloudEvent.HasAttributes(headers, out problem)) return false;
        form = type.IsText ? Form.Text : Form.Json;
        if ((type.IsText || type.IsJson || type.IsAbsent) && type.IsUtf8) return true;
        problem = CloudEvent.Unsupported(type);
        return false;
    }

    private static bool TrySkipFrame(byte[] payload, out int start, out Problem problem)
    {
        start = 0;
        problem = default;
        if (payload.Length < FrameBytes || payload[0] != 0) return true;
        if (payload.AsSpan(FrameBytes).TrimStart(" \t\r\n"u8) is [(byte)'{', ..])
        {
            start = FrameBytes;
            return true;
        }
        problem = new(
            RejectionReason.UnsupportedEncoding,
            $"The payload starts with byte 0 and the schema id {BinaryPrimitives.ReadUInt32BigEndian(payload.AsSpan(1))}, " +
            $"a schema registry's frame, but byte {FrameBytes} does not open a JSON object; " +
            "framed Avro and Protobuf are not supported, expected framed JSON.");
        return false;
    }

    private static Problem NotUtf8(byte[] payload, int start)
    {
        var at = start;
        while (Rune.DecodeFromUtf8(payload.AsSpan(at), out _, out var length) == System.Buffers.OperationStatus.Done) at += length;
        var hint = payload switch
        {
            [0xFF, 0xFE, ..] or [0xFE, 0xFF, ..] => ", a UTF-16 byte order mark",
            [0x1F, 0x8B, ..] => " in gzip data",
            _ => "",
        };
        return new(
            RejectionReason.InvalidUtf8,
            $"The payload is not valid UTF-8 at byte {at} of {payload.Length}: found 0x{payload[at]:X2}{hint}; expected UTF-8.");
    }

    private string Expected(Form form) => form switch
    {
        Form.Text => "a text",
        Form.StructuredCloudEvent => "a CloudEvent in JSON",
        _ => $"a JSON object with the text at {_pointer}",
    };
}
