using System.Text.Json;

namespace MtlStream.Events;

/// <summary>Where the members of a structured CloudEvent lie.</summary>
internal struct CloudEventMembers
{
    private JsonMark _specVersion;
    private JsonMark _id;
    private JsonMark _source;
    private JsonMark _type;

    public JsonMark Data { get; private set; }

    public JsonMark Base64 { get; private set; }

    /// <summary>Where the name of the member <c>data_base64</c> begins.</summary>
    public int Base64Name { get; private set; }

    public JsonMark ContentType { get; private set; }

    /// <summary>Reads the object that the reader stands at, and beyond; in <c>data</c>, if that is an object, the text is looked for.</summary>
    /// <returns>The envelope of the data, if that is an object.</returns>
    /// <exception cref="JsonException">The document is not well-formed.</exception>
    public Envelope Read(ref JsonTextScan scan)
    {
        var envelope = default(Envelope);
        while (scan.Reader.Read() && scan.Reader.TokenType == JsonTokenType.PropertyName)
        {
            var nameStart = (int)scan.Reader.TokenStartIndex;
            var member = Which(in scan);
            scan.Reader.Read();
            if (member == Member.Data && scan.Reader.TokenType == JsonTokenType.StartObject)
            {
                var start = (int)scan.Reader.TokenStartIndex;
                envelope = scan.ReadObject();
                Data = new(JsonTokenType.StartObject, start, (int)scan.Reader.BytesConsumed);
                continue;
            }
            Set(member, nameStart, scan.Mark());
        }
        scan.Reader.Read(); // on, so that anything behind the object is found
        return envelope;
    }

    /// <summary>What an event lacks; null when all that makes one is there.</summary>
    public readonly Problem? ProblemWithAttributes(ReadOnlySpan<byte> json)
    {
        if (Lack(_specVersion, "specversion") is { } noVersion) return noVersion;
        var version = _specVersion.ContentsIn(json);
        if (!version.SequenceEqual("1.0"u8)) return CloudEvent.OtherVersion(version);
        if ((Lack(_id, "id") ?? Lack(_source, "source") ?? Lack(_type, "type")) is { } lack) return lack;
        if (Data.Kind == JsonTokenType.None || Base64.Kind == JsonTokenType.None) return null;
        return new(RejectionReason.MalformedPayload, "The CloudEvent has both \"data\" and \"data_base64\"; expected one of them.");
    }

    private static Problem? Lack(JsonMark mark, string name)
    {
        if (mark.Kind == JsonTokenType.String && mark.End - mark.Start > 2) return null;
        var found = mark.Kind == JsonTokenType.None ? "is missing" : mark.Kind == JsonTokenType.String ? "is empty" : $"is {mark.Name}";
        return CloudEvent.WithoutAttribute($"member \"{name}\"", found);
    }

    private static Member Which(ref readonly JsonTextScan scan) =>
        scan.NameIs("data"u8, "data") ? Member.Data
        : scan.NameIs("data_base64"u8, "data_base64") ? Member.Base64
        : scan.NameIs("datacontenttype"u8, "datacontenttype") ? Member.ContentType
        : scan.NameIs("specversion"u8, "specversion") ? Member.SpecVersion
        : scan.NameIs("id"u8, "id") ? Member.Id
        : scan.NameIs("source"u8, "source") ? Member.Source
        : scan.NameIs("type"u8, "type") ? Member.Type
        : Member.Other;

    private void Set(Member member, int nameStart, JsonMark value)
    {
        switch (member)
        {
            case Member.Data: Data = value; break;
            case Member.ContentType: ContentType = value; break;
            case Member.SpecVersion: _specVersion = value; break;
            case Member.Id: _id = value; break;
            case Member.Source: _source = value; break;
            case Member.Type: _type = value; break;
            case Member.Base64:
                Base64 = value;
                Base64Name = nameStart;
                break;
        }
    }

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
}
