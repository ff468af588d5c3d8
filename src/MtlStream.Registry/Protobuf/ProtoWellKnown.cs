using System.Globalization;
using System.Runtime.CompilerServices;
using System.Text;
using MtlStream.Json;
using MtlStream.Registry.Values;

namespace MtlStream.Registry.Protobuf;

/// <summary>The well-known types that Protobuf's JSON mapping writes in a way of their own. <c>Any</c> is written as the message that it is.</summary>
internal static class ProtoWellKnown
{
    private const string Package = "google.protobuf.";
    private const long FirstSecond = -62_135_596_800; // of the year 1
    private const long LastSecond = 253_402_300_799; // of the year 9999
    private const long MostSeconds = 315_576_000_000; // of a duration: ten thousand years

    /// <summary>False for a message that is written as any other, one of these whose numbers are out of range among them.</summary>
    /// <exception cref="BadValueException">It is no message, or too deep inside.</exception>
    public static bool TryWrite(ProtoMessage message, ByteReader bytes, Utf8Buffer output)
    {
        if (!message.FullName.StartsWith(Package, StringComparison.Ordinal)) return false;
        if (!RuntimeHelpers.TryEnsureSufficientExecutionStack()) throw new BadValueException("it is nested too deep");
        var items = ProtoJson.Gather(message, bytes);
        switch (message.FullName[Package.Length..])
        {
            case "Timestamp":
                return TryWriteTime(NumberOf(bytes, items, 1), NumberOf(bytes, items, 2), output);
            case "Duration":
                return TryWriteDuration(NumberOf(bytes, items, 1), NumberOf(bytes, items, 2), output);
            case "FieldMask":
                WriteMask(bytes, Of(items, 1), output);
                return true;
            case "Struct" or "ListValue":
                ProtoJson.WriteField(message.Fields[0], bytes, Of(items, 1), output);
                return true;
            case "Value":
                WriteAny(message, bytes, items, output);
                return true;
            case "DoubleValue" or "FloatValue" or "Int64Value" or "UInt64Value" or "Int32Value" or "UInt32Value" or "BoolValue" or "StringValue" or "BytesValue":
                if (Of(items, 1) is [.., var value]) ProtoJson.WriteValue(message.Fields[0], bytes, value, output);
                else ProtoJson.WriteDefault(message.Fields[0], output);
                return true;
            default:
                return false;
        }
    }

    private static List<ProtoItem> Of(SortedDictionary<int, List<ProtoItem>> items, int number) => items.GetValueOrDefault(number) ?? [];

    private static long NumberOf(ByteReader bytes, SortedDictionary<int, List<ProtoItem>> items, int number) =>
        Of(items, number) is [.., { Wire: 0 } last] ? (long)new ByteReader(bytes.Between(0, last.End), last.Start).ReadVarint() : 0;

    private static void WriteMask(ByteReader bytes, List<ProtoItem> paths, Utf8Buffer output)
    {
        var mask = new StringBuilder();
        foreach (var path in paths)
        {
            if (mask.Length > 0) mask.Append(',');
            mask.Append(Camel(Encoding.UTF8.GetString(bytes.Between(path.Start, path.End))));
        }
        output.WriteString(mask.ToString());
    }

    // Of its parts the one that comes last counts.
    private static void WriteAny(ProtoMessage message, ByteReader bytes, SortedDictionary<int, List<ProtoItem>> items, Utf8Buffer output)
    {
        var (chosen, place) = ((ProtoField?)null, default(ProtoItem));
        foreach (var field in message.Fields)
            if (Of(items, field.Number) is [.., var last] && (chosen is null || last.Start > place.Start)) (chosen, place) = (field, last);
        if (chosen is null || chosen.Name == "null_value") output.Write("null"u8);
        else ProtoJson.WriteValue(chosen, bytes, place, output);
    }

    private static bool TryWriteTime(long seconds, long nanos, Utf8Buffer output)
    {
        if (seconds is < FirstSecond or > LastSecond || nanos is < 0 or > 999_999_999) return false;
        var time = DateTimeOffset.FromUnixTimeSeconds(seconds).ToString("yyyy-MM-dd'T'HH:mm:ss", CultureInfo.InvariantCulture);
        output.WriteString($"{time}{Fraction(nanos)}Z");
        return true;
    }

    private static bool TryWriteDuration(long seconds, long nanos, Utf8Buffer output)
    {
        if (Math.Abs(seconds) > MostSeconds || Math.Abs(nanos) > 999_999_999 || Math.Sign(seconds) * Math.Sign(nanos) < 0) return false;
        var sign = seconds < 0 || nanos < 0 ? "-" : "";
        output.WriteString(string.Create(CultureInfo.InvariantCulture, $"{sign}{Math.Abs(seconds)}{Fraction(Math.Abs(nanos))}s"));
        return true;
    }

    /// <summary>None, three, six or nine digits.</summary>
    private static string Fraction(long nanos)
    {
        if (nanos == 0) return "";
        var digits = nanos.ToString("000000000", CultureInfo.InvariantCulture);
        if (nanos % 1_000_000 == 0) digits = digits[..3];
        else if (nanos % 1_000 == 0) digits = digits[..6];
        return "." + digits;
    }

    private static string Camel(string path)
    {
        var camel = new StringBuilder();
        for (var i = 0; i < path.Length; i++)
        {
            var isRaised = path[i] == '_' && i + 1 < path.Length;
            camel.Append(isRaised ? char.ToUpperInvariant(path[++i]) : path[i]);
        }
        return camel.ToString();
    }
}
