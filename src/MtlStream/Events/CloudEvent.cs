using System.Buffers;
using System.Text;
using System.Text.Json;
using MtlStream.Json;

namespace MtlStream.Events;

/// <summary>CloudEvents 1.0 in their two Kafka forms. Source: the CloudEvents specification, JSON event format and Kafka binding.</summary>
internal sealed class CloudEvent
{
    private static readonly string[] s_required = ["specversion", "id", "source", "type"];

    // Kafka's binding; Spring's own, which is HTTP's; AMQP's two, as Azure Event Hubs hands them on.
    private static readonly string[] s_prefixes = ["ce_", "ce-", "cloudEvents:", "cloudEvents_"];

    private static readonly SearchValues<byte> s_digits = SearchValues.Create("0123456789."u8);

    private readonly TextPointers _pointers;
    private readonly TextPointers? _fromTheTop;
    private readonly JsonCodec _data;
    private readonly PayloadCodec _answers;

    /// <param name="pointers">Relative to the event's data; where they lead nowhere, those that begin with <c>/data</c> are from the top.</param>
    /// <param name="answers">Puts the analysis in.</param>
    public CloudEvent(TextPointers pointers, PayloadCodec answers)
    {
        _pointers = pointers;
        _fromTheTop = pointers.Below("data");
        _data = new(pointers, recognizes: false);
        _answers = answers;
    }

    /// <summary>The name of the attribute that a header holds; empty for another header.</summary>
    public static ReadOnlySpan<char> AttributeOf(EventHeader header)
    {
        if (header.Key.Length < 5 || (header.Key[0] | 0x20) != 'c') return default;
        foreach (var prefix in s_prefixes)
            if (header.Key.StartsWith(prefix, StringComparison.OrdinalIgnoreCase)) return header.Key.AsSpan(prefix.Length);
        return default;
    }

    /// <summary>True when headers say that the message is an event in binary form.</summary>
    public static bool IsBinary(IReadOnlyList<EventHeader> headers)
    {
        for (var i = 0; i < headers.Count; i++)
            if (IsAttribute(headers[i], "specversion")) return true;
        return false;
    }

    /// <summary>Checks the attributes of an event in binary form, which are headers.</summary>
    public static bool HasAttributes(IReadOnlyList<EventHeader> headers, out Problem problem)
    {
        problem = default;
        foreach (var name in s_required)
        {
            EventHeader? found = null;
            foreach (var header in headers)
                if (IsAttribute(header, name)) found = header;
            if (found is not { Value.Length: > 0 } given)
            {
                problem = WithoutAttribute($"header {found?.Key ?? $"ce_{name}"}", found is null ? "is missing" : "is empty");
                return false;
            }
            if (name == "specversion" && !HeaderValue.Of(given).SequenceEqual("1.0"u8))
            {
                problem = OtherVersion(HeaderValue.Of(given));
                return false;
            }
        }
        return true;
    }

    /// <summary>Reads an event in structured form: finds the text in its <c>data</c>.</summary>
    /// <param name="start">Where the document starts in the body.</param>
    /// <param name="isEvent">Whether it has all that makes an event, whatever its data is.</param>
    public Decoding ReadStructured(byte[] body, int start, JsonPlace place, out bool isEvent)
    {
        var decoding = ReadStructured(body, start, place, _pointers, out isEvent);
        if (decoding.Problem is not { Reason: RejectionReason.MissingText } || _fromTheTop is null) return decoding;
        var other = ReadStructured(body, start, place, _fromTheTop, out _);
        return other.Problem is null ? other : decoding;
    }

    public static Problem Unsupported(ContentType type) => new(
        RejectionReason.UnsupportedEncoding,
        $"The CloudEvent's data is of content type {type.ToString()}; expected JSON or text/* in UTF-8.");

    private Decoding ReadStructured(byte[] body, int start, JsonPlace place, TextPointers pointers, out bool isEvent)
    {
        isEvent = false;
        Span<JsonPath> paths = stackalloc JsonPath[pointers.Count];
        var scan = new JsonTextScan(body.AsSpan(start), pointers, paths, place);
        var members = new CloudEventMembers();
        var envelope = default(Envelope);
        try
        {
            scan.Reader.Read();
            if (scan.Reader.TokenType != JsonTokenType.StartObject) return NotAnObject(ref scan);
            envelope = members.Read(ref scan);
        }
        catch (JsonException exception)
        {
            return Decoding.Refused(scan.Malformed(exception));
        }
        if (members.ProblemWithAttributes(scan.Json) is { } problem) return Decoding.Refused(problem);
        isEvent = true;
        if (members.Data.Kind != JsonTokenType.StartObject) return ReadData(members, scan);
        return JsonTextChoice.TryChoose(body, start, scan, out var text, out var pieces, out problem)
            ? Decoding.Found(new(text, JsonInsert.Carried(body, start, scan, envelope) with { Codec = _answers }, pieces))
            : Decoding.Refused(problem);
    }

    // Data that is no object becomes one.
    private Decoding ReadData(in CloudEventMembers members, scoped in JsonTextScan scan)
    {
        var json = scan.Json;
        var data = members.Data;
        var contentType = members.ContentType.Kind == JsonTokenType.String
            ? JsonText.UnescapeToUtf8(members.ContentType.ContentsIn(json)) : null;
        var type = new ContentType(contentType);
        if (data.Kind == JsonTokenType.String || members.Base64.Kind == JsonTokenType.String)
        {
            if ((!type.IsText && !type.IsJson && !type.IsAbsent) || !type.IsUtf8) return Decoding.Refused(Unsupported(type));
            var from = data.Kind == JsonTokenType.String ? data.Start : members.Base64Name;
            var to = data.Kind == JsonTokenType.String ? data.End : members.Base64.End;
            var prefix = data.Kind == JsonTokenType.String ? default : "\"data\":"u8;
            var inner = data.Kind == JsonTokenType.String ? ReadString(json[from..to], data, type.IsText)
                : ReadBase64(members.Base64.ContentsIn(json), type.IsText);
            return inner.Problem is null ? PutInto(json, members, from, to, inner, prefix, becomesJson: type.IsText) : inner;
        }
        var expected = $"expected an object with the text at {_pointers}";
        return Decoding.Refused(data.Kind switch
        {
            JsonTokenType.None => new(RejectionReason.MissingText, $"The CloudEvent has no member \"data\"; {expected}."),
            JsonTokenType.Null => new(RejectionReason.MissingText, $"The CloudEvent's data is null ({scan.Place.At(data.Start)}); {expected}."),
            _ => new(RejectionReason.WrongType, $"The CloudEvent's data is {data.Name} ({scan.Place.At(data.Start)}); {expected}, or a string."),
        });
    }

    private Decoding ReadString(ReadOnlySpan<byte> quoted, JsonMark mark, bool isText) =>
        isText ? Decoding.Found(LocatedText.Wrap(quoted)) : _data.ReadString(quoted, mark.Escaped);

    private Decoding ReadBase64(ReadOnlySpan<byte> quoted, bool isText)
    {
        const string Inside = " of the decoded data_base64";
        var contents = JsonText.Unescape(quoted);
        var data = new byte[contents.Length / 4 * 3 + 3];
        if (!Convert.TryFromBase64Chars(contents, data, out var length))
        {
            return Decoding.Refused(new(
                RejectionReason.MalformedPayload, $"The CloudEvent's data_base64 is {contents.Length} characters that are not base64."));
        }
        data = data[..length];
        if (!Utf8Body.TryFind(data, 0, isText ? "a text" : $"a JSON object with the text at {_pointers}", Inside, out var start, out var problem))
            return Decoding.Refused(problem);
        if (!isText) return _data.Read(data, start, new(start, Inside)).Carrying(data);
        var quoting = Utf8Buffer.ForThisThread();
        quoting.Write((byte)'"');
        JsonText.Escape(data.AsSpan(start), quoting);
        quoting.Write((byte)'"');
        return Decoding.Found(LocatedText.Wrap(quoting.Written));
    }

    // Text becomes an object, so the event's content type becomes JSON.
    private Decoding PutInto(
        ReadOnlySpan<byte> json, in CloudEventMembers members, int from, int to, Decoding inner, ReadOnlySpan<byte> prefix, bool becomesJson)
    {
        if (inner.Several is not null)
            return Decoding.Refused(new(RejectionReason.WrongType, $"The CloudEvent's data holds an array; expected an object with the text at {_pointers}."));
        var document = json;
        if (becomesJson)
        {
            var type = members.ContentType;
            document = (byte[])[.. json[..type.Start], .. "\"application/json\""u8, .. json[type.End..]];
            var moved = type.Start < from ? document.Length - json.Length : 0;
            from += moved;
            to += moved;
        }
        var text = inner.Text.PutInto(document, from, to, prefix);
        return Decoding.Found(text with { Envelope = text.Envelope with { Codec = _answers } });
    }

    private static Decoding NotAnObject(ref JsonTextScan scan)
    {
        // What is not well-formed is said to be that; anything else is the wrong type.
        var found = scan.Mark();
        scan.Reader.Read();
        return Decoding.Refused(new(
            RejectionReason.WrongType, $"The payload is {found.Name} ({scan.Place.At(found.Start)}); expected a CloudEvent in JSON."));
    }

    private static bool IsAttribute(EventHeader header, string name) =>
        AttributeOf(header).Equals(name, StringComparison.OrdinalIgnoreCase);

    /// <summary>Says that an event lacks an attribute.</summary>
    public static Problem WithoutAttribute(string which, string found) => new(
        RejectionReason.MalformedPayload,
        $"The CloudEvent's {which} {found}; expected specversion, id, source and type as strings that are not empty.");

    public static Problem OtherVersion(ReadOnlySpan<byte> found)
    {
        var version = found.Length <= 8 && !found.ContainsAnyExcept(s_digits) ? $"\"{Encoding.ASCII.GetString(found)}\"" : "something else";
        return new(RejectionReason.UnsupportedEncoding, $"The CloudEvent's specversion is {version}; expected \"1.0\".");
    }
}
