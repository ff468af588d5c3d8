using System.Text;

namespace MtlStream.Events;

/// <summary>What a <c>content-type</c> header or attribute says, without allocating. Empty when there is none.</summary>
internal readonly ref struct ContentType(ReadOnlySpan<byte> value)
{
    // What a message may repeat of an event: names that are the same in every event.
    private static readonly string[] s_known =
    [
        "application/json", "text/json", "application/x-ndjson", "application/cloudevents", "application/cloudevents+json",
        "application/cloudevents+avro", "application/cloudevents+protobuf", "application/cloudevents+xml",
        "application/cloudevents-batch+json", "application/cloudevents-batch+avro", "application/cloudevents-batch+protobuf",
        "application/avro", "avro/binary", "application/vnd.apache.avro", "application/vnd.apache.avro+binary",
        "application/protobuf", "application/x-protobuf", "application/vnd.google.protobuf", "application/x-thrift", "application/cbor",
        "application/msgpack", "application/x-msgpack", "application/xml", "text/xml", "application/soap+xml", "application/octet-stream",
        "application/x-java-object", "application/x-java-serialized-object", "application/x-www-form-urlencoded", "application/pdf",
        "application/zip", "application/gzip", "application/yaml", "text/plain", "text/html", "text/csv", "text/markdown",
        "multipart/mixed", "multipart/form-data", "message/rfc822", "image/png", "image/jpeg", "image/gif", "audio/mpeg", "video/mp4",
    ];

    private static readonly string[] s_charsets =
    [
        "utf-16", "utf-16le", "utf-16be", "utf-32", "utf-7", "iso-8859-1", "iso-8859-15", "latin1", "windows-1252", "cp1252",
        "shift_jis", "euc-jp", "euc-kr", "gbk", "gb2312", "gb18030", "big5", "koi8-r", "windows-1251",
    ];

    private readonly ReadOnlySpan<byte> _value = value;
    private readonly ReadOnlySpan<byte> _media = value[..(value.IndexOf((byte)';') is >= 0 and var end ? end : value.Length)].Trim(" \t"u8);

    public bool IsAbsent => _media.IsEmpty;
    public bool IsCloudEvents => StartsWith("application/cloudevents"u8) && !IsCloudEventsBatch;
    public bool IsCloudEventsBatch => StartsWith("application/cloudevents-batch"u8);

    /// <summary>True for CloudEvents in the JSON format, which is the one meant when none is named.</summary>
    public bool IsJsonCloudEvent => (IsCloudEvents || IsCloudEventsBatch) && (IsJson || !_media.Contains((byte)'+'));

    /// <summary>True for <c>application/json</c>, with a schema's id behind a plus sign too, <c>text/json</c> and all that ends in <c>+json</c>.</summary>
    public bool IsJson => Is("application/json"u8) || Is("text/json"u8) || StartsWith("application/json+"u8)
        || (_media.Length > 5 && Ascii.EqualsIgnoreCase(_media[^5..], "+json"u8));

    public bool IsText => StartsWith("text/"u8) && !IsJson;

    /// <summary>True unless a character set other than UTF-8 or its subset ASCII is named.</summary>
    public bool IsUtf8
    {
        get
        {
            var charset = Charset;
            return charset.IsEmpty || Ascii.EqualsIgnoreCase(charset, "utf-8"u8) || Ascii.EqualsIgnoreCase(charset, "utf8"u8)
                || Ascii.EqualsIgnoreCase(charset, "us-ascii"u8);
        }
    }

    private ReadOnlySpan<byte> Charset
    {
        get
        {
            var parameters = _value;
            for (var at = parameters.IndexOf((byte)';'); at >= 0; at = parameters.IndexOf((byte)';'))
            {
                parameters = parameters[(at + 1)..].TrimStart(" \t"u8);
                if (parameters.Length <= 8 || !Ascii.EqualsIgnoreCase(parameters[..8], "charset="u8)) continue;
                var charset = parameters[8..];
                return charset[..(charset.IndexOf((byte)';') is >= 0 and var end ? end : charset.Length)].Trim(" \t\""u8);
            }
            return default;
        }
    }

    /// <summary>The last header of that name, Kafka's convention for one that is given twice; where there is none, a CloudEvent's attribute.</summary>
    public static ContentType Of(IReadOnlyList<EventHeader> headers)
    {
        for (var i = headers.Count - 1; i >= 0; i--)
            if (IsHeader(headers[i])) return new(HeaderValue.Of(headers[i]));
        for (var i = headers.Count - 1; i >= 0; i--)
            if (IsAttribute(headers[i])) return new(HeaderValue.Of(headers[i]));
        return default;
    }

    /// <summary>True for <c>content-type</c>, and for <c>contentType</c> as Spring spells it.</summary>
    public static bool IsHeader(EventHeader header) => header.Key.Length is 11 or 12 && HeaderValue.IsNamed(header.Key, "contenttype");

    /// <summary>True for <c>ce_datacontenttype</c>, which Spring writes beside the content type or in its place.</summary>
    public static bool IsAttribute(EventHeader header) => CloudEvent.AttributeOf(header) is "datacontenttype";

    /// <summary>As a message may say it: known names alone, because events choose what stands here.</summary>
    public override string ToString()
    {
        var media = Known(_media, s_known) ?? $"another one ({_media.Length} bytes)";
        if (IsUtf8) return media;
        return $"{media}; charset={Known(Charset, s_charsets) ?? $"another one ({Charset.Length} bytes)"}";
    }

    private static string? Known(ReadOnlySpan<byte> value, string[] names)
    {
        foreach (var name in names)
        {
            if (Ascii.EqualsIgnoreCase(value, name)) return name;
        }
        return null;
    }

    private bool Is(ReadOnlySpan<byte> media) => Ascii.EqualsIgnoreCase(_media, media);

    private bool StartsWith(ReadOnlySpan<byte> prefix) =>
        _media.Length >= prefix.Length && Ascii.EqualsIgnoreCase(_media[..prefix.Length], prefix);
}
