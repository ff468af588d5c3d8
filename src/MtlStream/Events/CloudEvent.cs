using System.Text.Json;
using System.Text.Unicode;
using System.Text;
using MtlStream.Json;

namespace MtlStream.Events;

/// <summary>CloudEvents 1.0 in its two Kafka forms. Source: the CloudEvents specification, JSON event format and Kafka binding.</summary>
internal static class CloudEvent
{
    private const string Version = "1.0";
    private static readonly string[] Required = ["specversion", "id", "source", "type"];

    /// <summary>True when headers say that the message is an event in binary form.</summary>
    public static bool IsBinary(IReadOnlyList<EventHeader> headers)
    {
        for (var i = 0; i < headers.Count; i++)
            if (headers[i].Key == "ce_specversion") return true;
        return false;
    }

    /// <summary>Checks the attributes of an event in binary form, which are headers.</summary>
    public static bool HasAttributes(IReadOnlyList<EventHeader> headers, out Problem problem)
    {
        problem = default;
        foreach (var name in Required)
        {
            byte[]? value = null;
            foreach (var header in headers)
                if (header.Key.Length == name.Length + 3 && header.Key.StartsWith("ce_", StringComparison.Ordinal)
                    && header.Key.AsSpan(3).SequenceEqual(name)) value = header.Value;
            if (value is not { Length: > 0 })
            {
                problem = MissingAttribute($"header ce_{name}");
                return false;
            }
            if (name == "specversion" && !value.AsSpan().SequenceEqual("1.0"u8))
            {
                problem = OtherVersion(value);
                return false;
            }
        }
        return true;
    }

    /// <summary>Reads an event in structured form: finds the text in its <c>data</c>.</summary>
    /// <param name="start">Where the document starts in the payload.</param>
    /// <exception cref="JsonException">The document, or JSON in <c>data_base64</c>, is not well-formed.</exception>
    public static bool TryReadStructured(
        byte[] payload, int start, JsonPointer pointer, ref JsonTextScan scan, out LocatedText text, out Problem problem)
    {
        text = default;
        var marks = new Members();
        var envelope = default(Envelope);
        var dataProblem = default(Problem);
        var dataHasText = false;
        while (scan.Reader.Read() && scan.Reader.TokenType == JsonTokenType.PropertyName)
        {
            var nameStart = (int)scan.Reader.TokenStartIndex;
            var member = Which(in scan);
            scan.Reader.Read();
            if (member == Member.Data && scan.Reader.TokenType == JsonTokenType.StartObject)
            {
                var dataStart = (int)scan.Reader.TokenStartIndex;
                dataHasText = scan.TryReadObject(out envelope, out dataProblem);
                marks.Data = new(JsonTokenType.StartObject, dataStart, (int)scan.Reader.BytesConsumed);
                continue;
            }
            marks.Set(member, nameStart, scan.Mark());
        }
        // Reads on, so that anything behind the object is found.
        scan.Reader.Read();

        var json = payload.AsSpan(start);
        if (!marks.AreComplete(json, out problem)) return false;
        var type = new ContentType(marks.ContentType.Kind == JsonTokenType.String
            ? Encoding.UTF8.GetBytes(JsonText.Unescape(Contents(json, marks.ContentType))) : default);
        if (marks.Data.Kind == JsonTokenType.StartObject)
        {
            problem = dataProblem;
            if (dataHasText) text = LocatedText.Of(payload, start, in scan, envelope);
            return dataHasText;
        }
        if (marks.Data.Kind == JsonTokenType.String && type.IsText)
        {
            text = Replace(json, marks, marks.Data.Start, marks.Data.End, LocatedText.Wrap(json[marks.Data.Start..marks.Data.End]));
            return true;
        }
        if (marks.Base64.Kind == JsonTokenType.String) return TryReadBase64(json, marks, type, pointer, out text, out problem);
        problem = marks.Data.Kind == JsonTokenType.None
            ? new(RejectionReason.MissingText, $"The CloudEvent has no member \"data\"; expected an object with the text at {pointer}.")
            : new(
                RejectionReason.WrongType,
                $"The CloudEvent's data is {marks.Data.Name} ({scan.At(marks.Data.Start)}); expected an object with the text at {pointer}, " +
                "or a string with a datacontenttype of text/*.");
        return false;
    }

    private static bool TryReadBase64(
        ReadOnlySpan<byte> json, in Members marks, ContentType type, JsonPointer pointer, out LocatedText text, out Problem problem)
    {
        const string Inside = " of the decoded data_base64";
        text = default;
        var contents = JsonText.Unescape(Contents(json, marks.Base64));
        var data = new byte[contents.Length / 4 * 3 + 3];
        if (!Convert.TryFromBase64Chars(contents, data, out var length))
        {
            problem = new(
                RejectionReason.MalformedPayload, $"The CloudEvent's data_base64 is {contents.Length} characters that are not base64.");
            return false;
        }
        data = data[..length];
        if ((!type.IsText && !type.IsJson && !type.IsAbsent) || !type.IsUtf8)
        {
            problem = Unsupported(type);
            return false;
        }
        var skip = data.AsSpan().StartsWith("\uFEFF"u8) ? 3 : 0;
        if (!Utf8.IsValid(data))
        {
            problem = new(RejectionReason.InvalidUtf8, $"The CloudEvent's data_base64 holds {length} bytes that are not valid UTF-8.");
            return false;
        }
        if (type.IsText)
        {
            var quoted = Utf8Buffer.ForThisThread();
            quoted.Write((byte)'"');
            JsonText.Escape(data.AsSpan(skip), quoted);
            quoted.Write((byte)'"');
            problem = default;
            text = Replace(json, marks, marks.Base64Name, marks.Base64.End, LocatedText.Wrap(quoted.Written), "\"data\":"u8);
            return true;
        }
        var scan = new JsonTextScan(data.AsSpan(skip), pointer, skip, Inside);
        try
        {
            if (!PlainJson.TryRead(data, skip, pointer, ref scan, out var inner, out problem)) return false;
            text = inner.PutInto(json, marks.Base64Name, marks.Base64.End, "\"data\":"u8);
            return true;
        }
        catch (JsonException exception)
        {
            problem = scan.Malformed(exception);
            return false;
        }
    }

    // Text becomes an object, so the event's content type becomes JSON.
    private static LocatedText Replace(
        ReadOnlySpan<byte> json, in Members marks, int from, int to, LocatedText inner, ReadOnlySpan<byte> prefix = default)
    {
        var type = marks.ContentType;
        byte[] before = [.. json[..type.Start], .. "\"application/json\""u8, .. json[type.End..]];
        var moved = type.Start < from ? "\"application/json\"".Length - (type.End - type.Start) : 0;
        return inner.PutInto(before, from + moved, to + moved, prefix);
    }

    public static Problem Unsupported(ContentType type) => new(
        RejectionReason.UnsupportedEncoding,
        $"The CloudEvent's data is of content type \"{type.ToString()}\"; expected JSON or text/* in UTF-8.");

    private static Problem MissingAttribute(string what) => new(
        RejectionReason.MalformedPayload, $"The CloudEvent's {what} is missing or empty; expected specversion, id, source and type.");

    private static Problem OtherVersion(ReadOnlySpan<byte> found) => new(
        RejectionReason.UnsupportedEncoding,
        $"The CloudEvent's specversion is \"{Encoding.UTF8.GetString(found[..Math.Min(found.Length, 20)])}\"; expected \"{Version}\".");

    private static ReadOnlySpan<byte> Contents(ReadOnlySpan<byte> json, JsonMark mark) => json[(mark.Start + 1)..(mark.End - 1)];

    private static Member Which(ref readonly JsonTextScan scan) =>
        scan.NameIs("data"u8, "data") ? Member.Data
        : scan.NameIs("data_base64"u8, "data_base64") ? Member.Base64
        : scan.NameIs("datacontenttype"u8, "datacontenttype") ? Member.ContentType
        : scan.NameIs("specversion"u8, "specversion") ? Member.SpecVersion
        : scan.NameIs("id"u8, "id") ? Member.Id
        : scan.NameIs("source"u8, "source") ? Member.Source
        : scan.NameIs("type"u8, "type") ? Member.Type
        : Member.Other;

    private enum Member
    {
        Other,
        Data,
        Base64,
        ContentType,
        SpecVersion,
        Id,
        Source,
        Type,
    }

    private struct Members
    {
        public JsonMark Data;
        public JsonMark Base64;
        public int Base64Name;
        public JsonMark ContentType;
        private JsonMark _specVersion;
        private JsonMark _id;
        private JsonMark _source;
        private JsonMark _type;

        public void Set(Member member, int nameStart, JsonMark value)
        {
            switch (member)
            {
                case Member.Data: Data = value; break;
                case Member.Base64: (Base64, Base64Name) = (value, nameStart); break;
                case Member.ContentType: ContentType = value; break;
                case Member.SpecVersion: _specVersion = value; break;
                case Member.Id: _id = value; break;
                case Member.Source: _source = value; break;
                case Member.Type: _type = value; break;
                default: break;
            }
        }

        public readonly bool AreComplete(ReadOnlySpan<byte> json, out Problem problem)
        {
            problem = default;
            if (!IsGiven(_specVersion)) problem = MissingAttribute("member \"specversion\"");
            else if (!Contents(json, _specVersion).SequenceEqual("1.0"u8)) problem = OtherVersion(Contents(json, _specVersion));
            else if (!IsGiven(_id)) problem = MissingAttribute("member \"id\"");
            else if (!IsGiven(_source)) problem = MissingAttribute("member \"source\"");
            else if (!IsGiven(_type)) problem = MissingAttribute("member \"type\"");
            else if (Data.Kind != JsonTokenType.None && Base64.Kind != JsonTokenType.None)
                problem = new(RejectionReason.MalformedPayload, "The CloudEvent has both \"data\" and \"data_base64\"; expected one of them.");
            else return true;
            return false;
        }

        private static bool IsGiven(JsonMark mark) => mark.Kind == JsonTokenType.String && mark.End - mark.Start > 2;
    }
}
