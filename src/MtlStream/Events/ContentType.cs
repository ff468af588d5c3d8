using System.Text;

namespace MtlStream.Events;

/// <summary>What a <c>content-type</c> header or attribute says, without allocating. Empty when there is none.</summary>
internal readonly ref struct ContentType(ReadOnlySpan<byte> value)
{
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
            var parameters = _value;
            for (var at = parameters.IndexOf((byte)';'); at >= 0; at = parameters.IndexOf((byte)';'))
            {
                parameters = parameters[(at + 1)..].TrimStart(" \t"u8);
                if (parameters.Length <= 8 || !Ascii.EqualsIgnoreCase(parameters[..8], "charset="u8)) continue;
                var charset = parameters[8..];
                charset = charset[..(charset.IndexOf((byte)';') is >= 0 and var end ? end : charset.Length)].Trim(" \t\""u8);
                return Ascii.EqualsIgnoreCase(charset, "utf-8"u8) || Ascii.EqualsIgnoreCase(charset, "utf8"u8)
                    || Ascii.EqualsIgnoreCase(charset, "us-ascii"u8);
            }
            return true;
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

    public override string ToString() => HeaderValue.Quoted(_value);

    private bool Is(ReadOnlySpan<byte> media) => Ascii.EqualsIgnoreCase(_media, media);

    private bool StartsWith(ReadOnlySpan<byte> prefix) =>
        _media.Length >= prefix.Length && Ascii.EqualsIgnoreCase(_media[..prefix.Length], prefix);
}
