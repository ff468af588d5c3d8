using System.Text;

namespace MtlStream.Events;

/// <summary>What a <c>content-type</c> header or attribute says, without allocating. Empty when there is none.</summary>
internal readonly ref struct ContentType(ReadOnlySpan<byte> value)
{
    public const string HeaderName = "content-type";

    private static readonly EventHeader s_json = new(HeaderName, "application/json"u8.ToArray());

    private readonly ReadOnlySpan<byte> _value = value;
    private readonly ReadOnlySpan<byte> _media = value[..(value.IndexOf((byte)';') is >= 0 and var end ? end : value.Length)].Trim(" \t"u8);

    public bool IsAbsent => _media.IsEmpty;
    public bool IsCloudEvents => StartsWith("application/cloudevents"u8) && !IsCloudEventsBatch;
    public bool IsCloudEventsBatch => StartsWith("application/cloudevents-batch"u8);

    /// <summary>True for a single event in the JSON format, which is the one meant when none is named.</summary>
    public bool IsJsonCloudEvent => IsCloudEvents && (IsJson || !_media.Contains((byte)'+'));

    /// <summary>True for <c>application/json</c>, <c>text/json</c> and everything that ends in <c>+json</c>.</summary>
    public bool IsJson => Is("application/json"u8) || Is("text/json"u8)
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

    /// <summary>The last header of that name: Kafka's convention for one that is given twice.</summary>
    public static ContentType Of(IReadOnlyList<EventHeader> headers)
    {
        for (var i = headers.Count - 1; i >= 0; i--)
            if (IsHeader(headers[i])) return new(headers[i].Value);
        return default;
    }

    public static bool IsHeader(EventHeader header) => string.Equals(header.Key, HeaderName, StringComparison.OrdinalIgnoreCase);

    /// <summary>These headers with the content type <c>application/json</c> in place of their own.</summary>
    public static IReadOnlyList<EventHeader> BecomesJson(IReadOnlyList<EventHeader> headers)
    {
        var result = new List<EventHeader>(headers.Count + 1);
        var replaced = false;
        foreach (var header in headers)
        {
            if (!IsHeader(header)) result.Add(header);
            else if (!replaced) result.Add(s_json);
            replaced |= IsHeader(header);
        }
        if (!replaced) result.Add(s_json);
        return result;
    }

    public override string ToString() => Encoding.UTF8.GetString(_value[..Math.Min(_value.Length, 100)]);

    private bool Is(ReadOnlySpan<byte> media) => Ascii.EqualsIgnoreCase(_media, media);

    private bool StartsWith(ReadOnlySpan<byte> prefix) =>
        _media.Length >= prefix.Length && Ascii.EqualsIgnoreCase(_media[..prefix.Length], prefix);
}
