using System.Text.Json;

namespace MtlStream.Events;

/// <summary>CloudEvents that headers or content type make known, in binary and in structured form.</summary>
/// <param name="always">Whether what nothing makes known is read as a structured event.</param>
internal sealed class CloudEventCodec(JsonPointer pointer, bool always) : PayloadCodec
{
    private readonly TextCodec _text = new();
    private readonly JsonCodec _json = new(pointer);

    public override bool TryDecode(in Payload payload, out Decoding decoding)
    {
        var headers = payload.Source.Headers;
        var type = ContentType.Of(headers);
        if (type.IsCloudEvents || type.IsCloudEventsBatch)
        {
            decoding = type.IsJsonCloudEvent && type.IsUtf8 ? Structured(payload.Bytes) : Decoding.Refused(OtherFormat(type));
            return true;
        }
        if (CloudEvent.IsBinary(headers))
        {
            decoding = Binary(payload, type);
            return true;
        }
        decoding = always ? Structured(payload.Bytes) : default;
        return always;
    }

    public override byte[] Answer(TextEvent decoded, ReadOnlySpan<byte> analysis) => JsonCodec.Insert(decoded, analysis);

    private Decoding Binary(in Payload payload, ContentType type)
    {
        if (!CloudEvent.HasAttributes(payload.Source.Headers, out var problem)) return Decoding.Refused(problem);
        if ((!type.IsText && !type.IsJson && !type.IsAbsent) || !type.IsUtf8)
            return Decoding.Refused(CloudEvent.Unsupported(type));
        PayloadCodec codec = type.IsText ? _text : _json;
        codec.TryDecode(payload, out var decoding);
        return decoding;
    }

    private Decoding Structured(byte[] bytes) =>
        TryLocate(bytes, out var text, out var problem) ? Decoding.Found(text) : Decoding.Refused(problem);

    private bool TryLocate(byte[] bytes, out LocatedText text, out Problem problem)
    {
        text = default;
        if (!SchemaFrame.TrySkip(bytes, out var start, out problem)) return false;
        if (!Utf8Body.TryFind(bytes, start, "a CloudEvent in JSON", out start, out problem)) return false;
        var scan = new JsonTextScan(bytes.AsSpan(start), pointer, start);
        try
        {
            return PlainJson.TryEnterObject(pointer, ref scan, out problem)
                && CloudEvent.TryReadStructured(bytes, start, pointer, ref scan, out text, out problem);
        }
        catch (JsonException exception)
        {
            problem = scan.Malformed(exception);
            return false;
        }
    }

    private static Problem OtherFormat(ContentType type) => new(
        RejectionReason.UnsupportedEncoding,
        type.IsCloudEventsBatch
            ? $"The content type is \"{type.ToString()}\", a batch of CloudEvents, which Kafka messages do not carry; " +
            "expected one event a message."
            : $"The content type is \"{type.ToString()}\"; expected application/cloudevents+json in UTF-8.");
}
