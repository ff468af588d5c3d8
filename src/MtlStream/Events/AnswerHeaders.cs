namespace MtlStream.Events;

/// <summary>The headers of an answer: the event's own, without those that say what its value no longer is.</summary>
internal static class AnswerHeaders
{
    /// <summary>
    /// Left out: how the value was packed, for an answer is not; and which schema of which registry describes it, for with one more
    /// member none does. Headers about the key stay.
    /// </summary>
    /// <param name="becomesJson">Whether the answer is JSON where the event was not: its content type then says so.</param>
    public static IReadOnlyList<EventHeader> Of(IReadOnlyList<EventHeader> headers, bool becomesJson = false)
    {
        if (!becomesJson && !AnyOutdated(headers)) return headers;
        var result = new List<EventHeader>(headers.Count + 1);
        var typed = false;
        foreach (var header in headers)
        {
            if (IsOutdated(header)) continue;
            var isType = becomesJson && (ContentType.IsHeader(header) || ContentType.IsAttribute(header));
            if (!isType)
            {
                result.Add(header);
                continue;
            }
            if (!typed || ContentType.IsAttribute(header)) result.Add(AsJson(header));
            typed |= ContentType.IsHeader(header);
        }
        if (becomesJson && !typed) result.Add(new("content-type", "application/json"u8.ToArray()));
        return result;
    }

    // In the name and in the quotes that it came with.
    private static EventHeader AsJson(EventHeader header)
    {
        var quoted = header.Value is [(byte)'"', .., (byte)'"'];
        var name = header.Key.Equals("content-type", StringComparison.OrdinalIgnoreCase) ? "content-type" : header.Key;
        return new(name, quoted ? "\"application/json\""u8.ToArray() : "application/json"u8.ToArray());
    }

    private static bool AnyOutdated(IReadOnlyList<EventHeader> headers)
    {
        for (var i = 0; i < headers.Count; i++)
            if (IsOutdated(headers[i])) return true;
        return false;
    }

    private static bool IsOutdated(EventHeader header) => header.Key.Length > 0 && header.Key[0] switch
    {
        '_' => header.Key == "__value_schema_id", // Confluent
        'a' => header.Key.StartsWith("apicurio.value.", StringComparison.Ordinal),
        's' => header.Key == "schemaId", // Azure Schema Registry
        'v' => header.Key.StartsWith("value.schema.", StringComparison.Ordinal), // Cloudera Schema Registry
        'c' or 'C' => IsOutdatedContent(header) || header.Key.StartsWith("com.ibm.eventstreams.schemaregistry.", StringComparison.Ordinal),
        _ => false,
    };

    // What bridges from HTTP carry along.
    private static bool IsOutdatedContent(EventHeader header) =>
        Packing.IsPacked(header)
        || (header.Key.Length is >= 10 and <= 14
            && (HeaderValue.IsNamed(header.Key, "contentlength") || HeaderValue.IsNamed(header.Key, "contentmd5")
                || HeaderValue.IsNamed(header.Key, "contentdigest")));
}
