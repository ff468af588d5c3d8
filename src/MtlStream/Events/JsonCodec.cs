using System.Text.Json;
using MtlStream.Json;

namespace MtlStream.Events;

/// <summary>JSON, perhaps in a schema registry's frame: an object with a text, an array of such, or a text by itself.</summary>
/// <remarks>
/// An object gets one more member. In an array each element does, so that one message stays one message: it is answered, committed
/// or rejected as a whole. A text by itself becomes an object, and so does JSON inside a string.
/// </remarks>
internal sealed class JsonCodec : PayloadCodec
{
    private readonly TextPointers _pointers;
    private readonly ConnectCodec? _connect;
    private readonly CloudEvent? _cloudEvents;
    private readonly string _expected;

    /// <param name="recognizes">Whether CloudEvents and Kafka Connect's envelope are told by content.</param>
    public JsonCodec(TextPointers pointers, bool recognizes)
    {
        _pointers = pointers;
        _expected = $"a JSON object with the text at {pointers}";
        if (!recognizes) return;
        _connect = new(pointers);
        _cloudEvents = new(pointers, this);
    }

    public override bool TryDecode(in Payload payload, out Decoding decoding)
    {
        if (!SchemaFrame.TryOpen(payload, out var opened, out var problem)
            || !Utf8Body.TryFind(opened.Bytes, opened.Start, _expected, payload.Inside, out var start, out problem))
        {
            decoding = Decoding.Refused(problem);
            return true;
        }
        decoding = Read(opened.Bytes, start, new(start, payload.Inside)).Carrying(opened.Bytes, payload.Source.Payload);
        if (opened.IsFramed && decoding.Problem is { Reason: RejectionReason.MalformedPayload } && opened.Bytes[start] != '{')
            decoding = Decoding.Refused(SchemaFrame.NotJson(opened)); // some other bytes that begin like JSON
        return true;
    }

    public override byte[] Answer(TextEvent decoded, in Analysis analysis) => JsonInsert.Into(decoded, analysis.Json);

    /// <summary>Reads the document from a byte to the end of the body.</summary>
    public Decoding Read(byte[] body, int start, JsonPlace place)
    {
        var json = body.AsSpan(start).TrimStart(" \t\r\n"u8);
        return json is [(byte)'{', ..] ? ReadObject(body, start, place)
            : json is [(byte)'[', ..] ? EventArray.Read(body, start, place, _pointers, ReadElement)
            : ReadValue(body, start, place);
    }

    private Decoding ReadObject(byte[] body, int start, JsonPlace place)
    {
        Span<JsonPath> paths = stackalloc JsonPath[_pointers.Count];
        var scan = new JsonTextScan(body.AsSpan(start), _pointers, paths, place);
        Envelope envelope;
        try
        {
            scan.Reader.Read();
            envelope = scan.ReadObject();
            scan.Reader.Read(); // on, so that anything behind the object is found
        }
        catch (JsonException exception)
        {
            return Decoding.Refused(scan.Malformed(exception));
        }
        if (_connect is not null && _connect.TryRead(body, start, scan, out var connected)) return connected;
        var hasText = JsonTextChoice.TryChoose(body, start, scan, out var text, out var pieces, out var problem);
        if (scan.HasSpecVersion && _cloudEvents is not null)
        {
            var asEvent = _cloudEvents.ReadStructured(body, start, place, out var isEvent);
            if (isEvent && (asEvent.Problem is null || !hasText)) return asEvent;
            if (asEvent.Problem is { } lack) problem = problem with { Message = $"{problem.Message} {lack.Message}" };
        }
        return hasText
            ? Decoding.Found(new(text, JsonInsert.Carried(body, start, scan, envelope) with { Codec = this }, pieces))
            : Decoding.Refused(problem);
    }

    private Decoding ReadElement(byte[] element, JsonPlace place) => element[0] == '{' ? ReadObject(element, 0, place) : ReadValue(element, 0, place);

    // A string: a text, or a document in a string. Everything else is said to be what it is.
    private Decoding ReadValue(byte[] body, int start, JsonPlace place)
    {
        var scan = new JsonTextScan(body.AsSpan(start), _pointers, [], place);
        JsonMark found;
        try
        {
            scan.Reader.Read();
            found = scan.Mark();
            scan.Reader.Read();
        }
        catch (JsonException exception)
        {
            return Decoding.Refused(scan.Malformed(exception));
        }
        if (found.Kind == JsonTokenType.String) return ReadString(scan.Json[found.Start..found.End], found.Escaped);
        var reason = found.Kind == JsonTokenType.Null ? RejectionReason.MissingText : RejectionReason.WrongType;
        return Decoding.Refused(new(reason, $"The payload is {found.Name} ({place.At(found.Start)}); expected {_expected}."));
    }

    /// <summary>A JSON string in place of an object: what it holds, or itself as the text.</summary>
    /// <param name="quoted">The string with its quotes.</param>
    public Decoding ReadString(ReadOnlySpan<byte> quoted, bool escaped) =>
        TryReadInside(quoted, escaped, out var inside) ? inside : Decoding.Found(LocatedText.Wrap(quoted).By(this));

    /// <summary>Reads the object or array that a JSON string holds; false where it holds something else.</summary>
    public bool TryReadInside(ReadOnlySpan<byte> quoted, bool escaped, out Decoding decoding)
    {
        decoding = default;
        var contents = quoted[1..^1];
        if (!JsonText.LooksLikeJson(contents, escaped, (byte)'{') && !JsonText.LooksLikeJson(contents, escaped, (byte)'[')) return false;
        var inner = escaped ? JsonText.UnescapeToUtf8(contents) : contents.ToArray();
        decoding = Read(inner, 0, new(0, " of the JSON in a string")).Carrying(inner);
        return decoding.Problem is not { Reason: RejectionReason.MalformedPayload };
    }
}
