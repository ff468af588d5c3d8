using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Text;
using System.Text.Unicode;
using MtlStream.Events;
using MtlStream.Json;

namespace MtlStream.Results;

/// <summary>A refused event, as the dead-letter topic and <c>dead-letter.v1</c> lines carry it.</summary>
/// <param name="Topic">Topic it came from; for <paramref name="Line"/>, the file.</param>
/// <param name="Timestamp">The event's, milliseconds since the Unix epoch; negative when unknown.</param>
/// <param name="Headers">The original event's alone.</param>
/// <param name="Line">Number of the line it was read from, from 1; null for one that came from a topic.</param>
/// <param name="Missing">What the payload was that the dead-letter topic did not take; key and headers may be missing too.</param>
public sealed record DeadLetter(
    RejectionReason Reason, string Stage, string Message, string Topic, int Partition, long Offset, long Timestamp,
    byte[]? Key, IReadOnlyList<EventHeader> Headers, byte[]? Payload, long? Line = null, MissingPayload? Missing = null)
{
    /// <summary>Longest message in UTF-16 units; headers count against the topic's size limit.</summary>
    private const int MaxMessageLength = 2000;

    private const string Prefix = "__connect.errors.";
    private const string TopicHeader = Prefix + "topic";
    private const string PartitionHeader = Prefix + "partition";
    private const string OffsetHeader = Prefix + "offset";
    private const string StageHeader = Prefix + "stage";
    private const string ClassHeader = Prefix + "exception.class.name";
    private const string MessageHeader = Prefix + "exception.message";
    internal const string ReasonHeader = "mtlstream.reason";
    private const string TimestampHeader = "mtlstream.timestamp";

    internal static readonly string[] Names =
        [TopicHeader, PartitionHeader, OffsetHeader, StageHeader, ClassHeader, MessageHeader, ReasonHeader, TimestampHeader];

    /// <summary>The dead letter that a rejection becomes.</summary>
    public static DeadLetter Of(Rejection rejection)
    {
        var (source, position) = (rejection.Source, rejection.Source.Position);
        return new(
            rejection.Reason, rejection.Stage, rejection.Message, position.Topic, position.Partition, position.Offset,
            source.Timestamp, source.Key, source.Headers, source.Payload);
    }

    /// <summary>The dead letter that a record on its way to the dead-letter topic is.</summary>
    /// <exception cref="ArgumentException">The record is no dead letter.</exception>
    public static DeadLetter Of(OutboundRecord record) =>
        TryRead(record.Key, record.Headers, record.Payload, record.Source.Timestamp, out var letter, out var problem)
            ? letter
            : throw new ArgumentException(problem, nameof(record));

    /// <summary>The original's headers and those that say where and why it failed, in UTF-8 text.</summary>
    /// <remarks>Headers of these names that were there before, from an earlier failure, stay where they are; the last one counts.</remarks>
    public static IReadOnlyList<EventHeader> HeadersOf(Rejection rejection)
    {
        var position = rejection.Source.Position;
        var message = rejection.Message.Length <= MaxMessageLength ? rejection.Message : rejection.Message[..MaxMessageLength];
        return
        [
            .. rejection.Source.Headers,
            Text(TopicHeader, position.Topic),
            Text(PartitionHeader, position.Partition.ToString(CultureInfo.InvariantCulture)),
            Text(OffsetHeader, position.Offset.ToString(CultureInfo.InvariantCulture)),
            Text(StageHeader, rejection.Stage),
            Text(ClassHeader, $"{typeof(RejectionReason).FullName}.{rejection.Reason}"),
            Text(MessageHeader, message),
            Text(ReasonHeader, rejection.Reason.WireName()),
            Text(TimestampHeader, rejection.Source.Timestamp.ToString(CultureInfo.InvariantCulture)),
        ];
    }

    /// <summary>Reads a message of the dead-letter topic; its own headers are taken off again.</summary>
    /// <param name="timestamp">The message's, for one without the header that tells the event's.</param>
    /// <param name="problem">Which header is missing or not what it should be: such a message is not from this program.</param>
    public static bool TryRead(
        byte[]? key, IReadOnlyList<EventHeader> headers, byte[]? payload, long timestamp,
        [NotNullWhen(true)] out DeadLetter? letter, [NotNullWhen(false)] out string? problem)
    {
        letter = null;
        problem = null;
        var places = new int[Names.Length];
        Array.Fill(places, -1);
        for (var i = 0; i < headers.Count; i++)
        {
            var name = Array.IndexOf(Names, headers[i].Key);
            if (name >= 0) places[name] = i;
        }
        string Value(string name)
        {
            var place = places[Array.IndexOf(Names, name)];
            return place < 0 || headers[place].Value is not { } value ? "" : Encoding.UTF8.GetString(value);
        }
        RejectionReason reason = default;
        int partition = 0;
        long offset = 0;
        if (Value(TopicHeader).Length == 0) problem = Unexpected(TopicHeader, "", "the name of a topic");
        else if (!int.TryParse(Value(PartitionHeader), NumberStyles.None, CultureInfo.InvariantCulture, out partition))
            problem = Unexpected(PartitionHeader, Value(PartitionHeader), "a number");
        else if (!long.TryParse(Value(OffsetHeader), NumberStyles.None, CultureInfo.InvariantCulture, out offset))
            problem = Unexpected(OffsetHeader, Value(OffsetHeader), "a number");
        else if (!RejectionReasons.TryParse(Value(ReasonHeader), out reason))
            problem = Unexpected(ReasonHeader, Value(ReasonHeader), string.Join(", ", RejectionReasons.WireNames));
        if (problem is not null) return false;
        if (long.TryParse(Value(TimestampHeader), NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var told)) timestamp = told;

        var behind = places.Max() + 1; // headers of a smaller form; those of an earlier failure are before
        var smaller = SmallerLetter.HeadersIn(headers, behind);
        if (!SmallerLetter.TryRead(smaller, ref payload, out var missing, out problem)) return false;
        var original = new List<EventHeader>(headers.Count);
        for (var i = 0; i < headers.Count; i++)
            if (Array.IndexOf(places, i) < 0 && (i < behind || !smaller.Contains(headers[i]))) original.Add(headers[i]);
        letter = new(
            reason, Value(StageHeader), Value(MessageHeader), Value(TopicHeader), partition, offset, timestamp, key, original, payload, Missing: missing);
        return true;
    }

    /// <summary>One object of schema <c>dead-letter.v1</c>, on one line, without a line end.</summary>
    /// <param name="rejected">When it was written to the dead-letter topic, milliseconds since the Unix epoch; null or negative when that is not known.</param>
    /// <param name="stored">Its own place in the dead-letter topic. With it come times and the payload as people read them.</param>
    /// <param name="replayed">When it was replayed last, milliseconds since the Unix epoch; null when it was not.</param>
    public byte[] ToJson(long? rejected = null, (int Partition, long Offset)? stored = null, long? replayed = null)
    {
        var output = Utf8Buffer.ForThisThread();
        output.Write("{\"schema\":\"dead-letter.v1\",\"reason\":"u8);
        output.WriteString(Reason.WireName());
        output.Write(",\"stage\":"u8);
        output.WriteString(Stage);
        output.Write(",\"message\":"u8);
        output.WriteString(Message);
        if (Line is { } line)
        {
            output.Write(",\"line\":"u8);
            output.WriteNumber(line);
        }
        else
        {
            output.Write(",\"topic\":"u8);
            output.WriteString(Topic);
            output.Write(",\"partition\":"u8);
            output.WriteNumber(Partition);
            output.Write(",\"offset\":"u8);
            output.WriteNumber(Offset);
            output.Write(",\"timestamp\":"u8);
            if (Timestamp < 0) output.Write("null"u8);
            else output.WriteNumber(Timestamp);
        }
        if (rejected is >= 0)
        {
            output.Write(",\"rejected\":"u8);
            output.WriteNumber(rejected.Value);
        }
        if (stored is { } place)
        {
            output.Write(",\"stored\":{\"partition\":"u8);
            output.WriteNumber(place.Partition);
            output.Write(",\"offset\":"u8);
            output.WriteNumber(place.Offset);
            output.Write((byte)'}');
            WriteTime(",\"eventTime\":"u8, Timestamp, output);
            WriteTime(",\"rejectedTime\":"u8, rejected ?? -1, output);
            WriteTime(",\"replayedTime\":"u8, replayed ?? -1, output);
        }
        output.Write(",\"key\":"u8);
        WriteBase64(Key, output);
        output.Write(",\"headers\":["u8);
        for (var i = 0; i < Headers.Count; i++)
        {
            output.Write(i == 0 ? "{\"key\":"u8 : ",{\"key\":"u8);
            output.WriteString(Headers[i].Key);
            output.Write(",\"value\":"u8);
            WriteBase64(Headers[i].Value, output);
            output.Write((byte)'}');
        }
        output.Write("],\"payload\":"u8);
        WriteBase64(Payload, output);
        if (stored is not null && Payload is not null && Utf8.IsValid(Payload))
        {
            output.Write(",\"payloadText\":"u8);
            output.WriteString(Encoding.UTF8.GetString(Payload));
        }
        if (Missing is { } missing)
        {
            output.Write(",\"missing\":{\"bytes\":"u8);
            output.WriteNumber(missing.Bytes);
            output.Write(",\"sha256\":"u8);
            output.WriteString(missing.Sha256);
            output.Write((byte)'}');
        }
        output.Write((byte)'}');
        return output.Written.ToArray();
    }

    // Left out where it is unknown, or further away than a calendar goes: some producers write microseconds.
    private static void WriteTime(ReadOnlySpan<byte> member, long milliseconds, Utf8Buffer output)
    {
        if (milliseconds < 0 || milliseconds > DateTimeOffset.MaxValue.ToUnixTimeMilliseconds()) return;
        output.Write(member);
        output.WriteString(DateTimeOffset.FromUnixTimeMilliseconds(milliseconds).ToString("yyyy-MM-dd'T'HH:mm:ss.fff'Z'", CultureInfo.InvariantCulture));
    }

    private static EventHeader Text(string name, string value) => new(name, Encoding.UTF8.GetBytes(value));

    private static string Unexpected(string header, string found, string expected) => found.Length == 0
        ? $"The message has no header {header}; expected {expected}."
        : $"The header {header} is \"{found[..Math.Min(found.Length, 60)]}\"; expected {expected}.";

    private static void WriteBase64(byte[]? bytes, Utf8Buffer output)
    {
        if (bytes is null)
        {
            output.Write("null"u8);
            return;
        }
        output.Write((byte)'"');
        output.WriteBase64(bytes);
        output.Write((byte)'"');
    }
}
