using System.Text.Json;
using Confluent.Kafka;
using MtlStream.Delivery;
using MtlStream.Events;

namespace MtlStream.Kafka.Diagnosis;

/// <summary>Reads some of the newest events as the worker would, and says where their text may be when it is not found. Quotes none of them.</summary>
internal sealed class InputSample(InputOptions input, params IReadOnlyList<PayloadCodec> codecs)
{
    /// <summary>Events of a partition that are looked at.</summary>
    public const int Each = 5;

    private const int MostPartitions = 10;
    private const int MostDepth = 4;
    private const int Few = 3;
    private const int LongestPointer = 100;
    private const double UsualShare = 0.1;

    /// <summary>Some partitions that have events, of every topic.</summary>
    public static IEnumerable<PartitionProgress> Choose(IEnumerable<PartitionProgress> partitions) =>
        partitions.Where(p => p.End > p.First).GroupBy(p => p.Topic).SelectMany(t => t.Index()).OrderBy(p => p.Index).Select(p => p.Item).Take(MostPartitions);

    /// <summary>What became of them; null when there are none but tombstones.</summary>
    public Finding? Find(IReadOnlyList<Message<byte[]?, byte[]?>> messages)
    {
        var decoder = new EventDecoder(input, codecs);
        var records = messages.Where(m => m.Value is not null).Select(ToRecord).ToList();
        if (records.Count == 0) return null;
        var reasons = records.Select(r => Reject(decoder, r)).OfType<RejectionReason>().ToList();
        if (reasons.Count == 0) return new(Severity.Ok, "events", $"the newest {records.Count} have a text that can be read");

        var counts = reasons.CountBy(r => r).OrderByDescending(r => r.Value).ToList();
        var found = $"{reasons.Count} of the newest {records.Count} would be rejected: {string.Join(", ", counts.Select(c => $"{c.Key.WireName()} {c.Value}"))}";
        var severity = Severity.Ok;
        if (reasons.Count >= records.Count * UsualShare) severity = Severity.Warning;
        if (reasons.Count == records.Count && records.Count >= Few) severity = Severity.Failure;
        return new(severity, "events", found, Remedy(counts[0].Key, records));
    }

    private static SourceRecord ToRecord(Message<byte[]?, byte[]?> message, int number)
    {
        IReadOnlyList<EventHeader> headers = message.Headers is null ? [] : [.. message.Headers.Select(h => new EventHeader(h.Key, h.GetValueBytes()))];
        return new(new("sample", 0, number, 0, number), message.Key, message.Value, headers, message.Timestamp.UnixTimestampMs, 0);
    }

    /// <summary>Why it would be rejected; null when it would not, or that has to wait.</summary>
    private static RejectionReason? Reject(EventDecoder decoder, SourceRecord record)
    {
        try
        {
            var decoded = decoder.Decode(record);
            decoded.Event?.Dispose();
            foreach (var one in decoded.Events ?? []) one.Dispose();
            return decoded.Rejection?.Reason;
        }
        catch (Exception bug) when (bug is not OperationCanceledException)
        {
            return RejectionReason.InternalError; // as the worker would say
        }
    }

    private string Remedy(RejectionReason reason, List<SourceRecord> records) => reason switch
    {
        RejectionReason.MissingText or RejectionReason.WrongType when Pointers(records) is { Count: > 0 } pointers =>
            $"Nothing can be read at {input.TextPointer}. Set Input:TextPointer to where the text is: {string.Join(", or ", pointers)}.",
        RejectionReason.MissingText or RejectionReason.WrongType => $"Set Input:TextPointer to where the text is; nothing can be read at {input.TextPointer}.",
        RejectionReason.MalformedPayload when input.Format != InputFormat.Text => "Where the whole payload is the text: Input:Format=Text. Else see what the producers write.",
        RejectionReason.PayloadTooLarge => "Raise Input:MaxPayloadBytes.",
        _ => "docs/events.md says what can be read.",
    };

    /// <summary>Up to two places of strings that look like text, the likeliest first.</summary>
    internal static IReadOnlyList<string> Pointers(IReadOnlyList<SourceRecord> records)
    {
        var places = new Dictionary<string, (int Count, int Spaced, long Length)>(StringComparer.Ordinal);
        foreach (var record in records)
        {
            if (TryParse(record.Payload!) is not { } document) continue;
            using (document) Walk(Read(() => TextHolder(document.RootElement)), "", 0, Note);
        }

        return [.. places.Where(p => p.Value.Count * 2 >= records.Count)
            .OrderByDescending(p => (double)p.Value.Spaced / records.Count).ThenByDescending(p => p.Value.Length / p.Value.Count)
            .Select(p => p.Key).Take(2)];

        void Note(string pointer, string text)
        {
            var (count, spaced, length) = places.GetValueOrDefault(pointer);
            places[pointer] = (count + 1, spaced + (text.Contains(' ', StringComparison.Ordinal) ? 1 : 0), length + text.Length);
        }
    }

    private static JsonElement TextHolder(JsonElement root)
    {
        var isCloudEvent = root.ValueKind == JsonValueKind.Object && root.TryGetProperty("specversion", out _) && root.TryGetProperty("data", out _);
        return isCloudEvent ? root.GetProperty("data") : root;
    }

    private static void Walk(JsonElement value, string pointer, int depth, Action<string, string> found)
    {
        if (value.ValueKind == JsonValueKind.String && pointer.Length is > 0 and <= LongestPointer && Read(() => value.GetString()) is { } text)
            found(pointer, text);
        if (value.ValueKind != JsonValueKind.Object || depth == MostDepth) return;
        foreach (var member in value.EnumerateObject())
        {
            if (Read(() => member.Name) is not { } raw) continue;
            var name = raw.Replace("~", "~0", StringComparison.Ordinal).Replace("/", "~1", StringComparison.Ordinal);
            Walk(member.Value, $"{pointer}/{name}", depth + 1, found);
        }
    }

    /// <summary>Nothing where there is half of a surrogate pair, which is well-formed JSON and no text that .NET reads.</summary>
    private static T? Read<T>(Func<T?> read)
    {
        try
        {
            return read();
        }
        catch (InvalidOperationException)
        {
            return default;
        }
    }

    private static JsonDocument? TryParse(byte[] payload)
    {
        try
        {
            return JsonDocument.Parse(payload);
        }
        catch (JsonException)
        {
            return null;
        }
    }
}
