namespace MtlStream.Events;

/// <summary>CloudEvents that headers or content type make known, in binary and in structured form.</summary>
internal sealed class CloudEventCodec : PayloadCodec
{
    private readonly TextPointers _pointers;
    private readonly bool _always;
    private readonly TextCodec _text = new();
    private readonly JsonCodec _json;
    private readonly CloudEvent _structured;

    /// <param name="always">Whether what nothing makes known is read as a structured event, or several.</param>
    public CloudEventCodec(TextPointers pointers, bool always)
    {
        _pointers = pointers;
        _always = always;
        _json = new(pointers, recognizes: false);
        _structured = new(pointers, this);
    }

    public override bool TryDecode(in Payload payload, out Decoding decoding)
    {
        var headers = payload.Source.Headers;
        var type = ContentType.Of(headers);
        if (type.IsCloudEvents || type.IsCloudEventsBatch)
        {
            decoding = type.IsJsonCloudEvent && type.IsUtf8
                ? Structured(payload, mayBeSeveral: type.IsCloudEventsBatch)
                : Decoding.Refused(new(
                    RejectionReason.UnsupportedEncoding,
                    $"The content type is {type.ToString()}; expected application/cloudevents+json in UTF-8."));
            return true;
        }
        if (CloudEvent.IsBinary(headers))
        {
            decoding = Binary(payload, type);
            return true;
        }
        decoding = _always ? Structured(payload, mayBeSeveral: true) : default;
        return _always;
    }

    public override byte[] Answer(TextEvent decoded, in Analysis analysis) => JsonInsert.Into(decoded, analysis.Json);

    private Decoding Binary(in Payload payload, ContentType type)
    {
        if (!CloudEvent.HasAttributes(payload.Source.Headers, out var problem)) return Decoding.Refused(problem);
        if ((!type.IsText && !type.IsJson && !type.IsAbsent) || !type.IsUtf8) return Decoding.Refused(CloudEvent.Unsupported(type));
        PayloadCodec codec = type.IsText ? _text : _json;
        codec.TryDecode(payload, out var decoding);
        return decoding;
    }

    private Decoding Structured(in Payload payload, bool mayBeSeveral)
    {
        if (!SchemaFrame.TryOpen(payload, out var opened, out var problem)
            || !Utf8Body.TryFind(opened.Bytes, opened.Start, "a CloudEvent in JSON", payload.Inside, out var start, out problem))
            return Decoding.Refused(problem);
        var place = new JsonPlace(start, payload.Inside);
        var isArray = opened.Bytes.AsSpan(start).TrimStart(" \t\r\n"u8) is [(byte)'[', ..];
        var decoding = mayBeSeveral && isArray
            ? EventArray.Read(opened.Bytes, start, place, _pointers, (element, at) => _structured.ReadStructured(element, 0, at, out _))
            : _structured.ReadStructured(opened.Bytes, start, place, out _);
        return decoding.Carrying(opened.Bytes, payload.Source.Payload);
    }
}
