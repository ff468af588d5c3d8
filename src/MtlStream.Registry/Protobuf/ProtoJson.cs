using System.Globalization;
using System.Runtime.CompilerServices;
using System.Text;
using MtlStream.Json;
using MtlStream.Registry.Values;

namespace MtlStream.Registry.Protobuf;

/// <summary>A field as it stands in the bytes of a message.</summary>
/// <param name="Wire">Its wire type.</param>
/// <param name="Start">First byte of its value, behind the length where it has one.</param>
internal readonly record struct ProtoItem(int Wire, int Start, int End);

/// <summary>Messages as JSON, as Protobuf's own mapping has them.</summary>
internal static class ProtoJson
{
    /// <summary>Writes a message up to where one more member of its object can follow.</summary>
    /// <exception cref="BadValueException">A message inside it is none, or is too deep inside.</exception>
    public static void Write(ProtoMessage message, byte[] bytes, int start, Utf8Buffer output)
    {
        output.Write((byte)'{');
        if (WriteFields(message, new(bytes, start), output, "analysis")) output.Write((byte)',');
    }

    /// <param name="without">Name of a field that is left out; null for none.</param>
    /// <returns>Whether anything was written.</returns>
    private static bool WriteFields(ProtoMessage message, ByteReader bytes, Utf8Buffer output, string? without = null)
    {
        if (!RuntimeHelpers.TryEnsureSufficientExecutionStack()) throw new BadValueException("it is nested too deep");
        var items = Gather(message, bytes);
        var any = false;
        foreach (var field in message.Fields)
        {
            if (!items.TryGetValue(field.Number, out var found) || field.Name == without) continue;
            if (any) output.Write((byte)',');
            any = true;
            output.WriteString(field.JsonName);
            output.Write((byte)':');
            WriteField(field, bytes, found, output);
        }
        return any;
    }

    /// <summary>The fields that a message has and its schema knows, by their numbers, each in its order.</summary>
    public static SortedDictionary<int, List<ProtoItem>> Gather(ProtoMessage message, ByteReader bytes)
    {
        var items = new SortedDictionary<int, List<ProtoItem>>();
        while (!bytes.AtEnd)
        {
            var tag = bytes.ReadVarint();
            var number = (int)(tag >> 3);
            var wire = (int)(tag & 7);
            var (start, end) = Skip(ref bytes, wire, number);
            if (message.Fields.Find(f => f.Number == number) is not { } field || !field.Fits(wire)) continue;
            if (!items.TryGetValue(number, out var list)) items[number] = list = [];
            list.Add(new(wire, start, end));
        }
        return items;
    }

    /// <summary>Writes all that a message has of a field.</summary>
    public static void WriteField(ProtoField field, ByteReader bytes, List<ProtoItem> found, Utf8Buffer output)
    {
        if (field.IsMap) WriteMap(field, bytes, found, output);
        else if (field.IsRepeated) WriteList(field, bytes, found, output);
        else WriteValue(field, bytes, found[^1], output);
    }

    /// <summary>Writes the value of a field that is not there.</summary>
    public static void WriteDefault(ProtoField field, Utf8Buffer output) => output.Write(field.Kind switch
    {
        ProtoKind.String or ProtoKind.Bytes => "\"\""u8,
        ProtoKind.Message or ProtoKind.Group => "{}"u8,
        _ => field.Format == ProtoNumber.Boolean ? "false"u8 : IsWide(field) ? "\"0\""u8 : "0"u8,
    });

    private static (int Start, int End) Skip(ref ByteReader bytes, int wire, int number)
    {
        if (!RuntimeHelpers.TryEnsureSufficientExecutionStack()) throw new BadValueException("it is nested too deep");
        var start = bytes.At;
        switch (wire)
        {
            case 0:
                bytes.ReadVarint();
                return (start, bytes.At);
            case 1:
                bytes.Take(8, "a number");
                return (start, bytes.At);
            case 5:
                bytes.Take(4, "a number");
                return (start, bytes.At);
            case 2:
                start = bytes.Take((long)bytes.ReadVarint(), "a field");
                return (start, bytes.At);
            case not 3:
                throw new BadValueException($"the field before byte {bytes.At} has the wire type {wire}, which does not begin a field");
            default:
                while (true)
                {
                    var end = bytes.At;
                    var tag = bytes.ReadVarint();
                    if ((tag & 7) == 4 && (int)(tag >> 3) == number) return (start, end);
                    Skip(ref bytes, (int)(tag & 7), (int)(tag >> 3));
                }
        }
    }

    private static void WriteMap(ProtoField field, ByteReader bytes, List<ProtoItem> entries, Utf8Buffer output)
    {
        var (key, value) = (field.Message!.Fields.First(f => f.Number == 1), field.Message.Fields.First(f => f.Number == 2));
        output.Write((byte)'{');
        for (var i = 0; i < entries.Count; i++)
        {
            if (i > 0) output.Write((byte)',');
            var parts = Gather(field.Message, Inner(bytes, entries[i]));
            var isQuoted = key.Kind == ProtoKind.String || IsWide(key); // by itself
            if (!isQuoted) output.Write((byte)'"');
            if (parts.TryGetValue(1, out var keys)) WriteValue(key, bytes, keys[^1], output);
            else WriteDefault(key, output);
            output.Write(isQuoted ? ":"u8 : "\":"u8);
            if (parts.TryGetValue(2, out var values)) WriteValue(value, bytes, values[^1], output);
            else if (value.Kind == ProtoKind.Message) WriteValue(value, bytes, new(2, entries[i].End, entries[i].End), output);
            else WriteDefault(value, output);
        }
        output.Write((byte)'}');
    }

    private static void WriteList(ProtoField field, ByteReader bytes, List<ProtoItem> found, Utf8Buffer output)
    {
        var any = false;
        output.Write((byte)'[');
        foreach (var item in found)
        {
            var isPacked = item.Wire == 2 && field.Kind is ProtoKind.Varint or ProtoKind.Fixed32 or ProtoKind.Fixed64;
            var inner = Inner(bytes, item);
            do
            {
                if (isPacked && inner.AtEnd) break;
                if (any) output.Write((byte)',');
                any = true;
                if (!isPacked)
                {
                    WriteValue(field, bytes, item, output);
                    break;
                }
                var start = inner.At;
                if (field.Kind == ProtoKind.Varint) inner.ReadVarint();
                else inner.Take(field.Kind == ProtoKind.Fixed32 ? 4 : 8, "a number");
                WriteValue(field, bytes, new(0, start, inner.At), output);
            }
            while (true);
        }
        output.Write((byte)']');
    }

    private static ByteReader Inner(ByteReader bytes, ProtoItem item) => new(bytes.Between(0, item.End), item.Start);

    /// <summary>Writes one value.</summary>
    public static void WriteValue(ProtoField field, ByteReader bytes, ProtoItem item, Utf8Buffer output)
    {
        var inner = Inner(bytes, item);
        switch (field.Kind)
        {
            case ProtoKind.String:
                output.WriteString(Encoding.UTF8.GetString(bytes.Between(item.Start, item.End)));
                break;
            case ProtoKind.Bytes:
                output.Write((byte)'"');
                output.WriteBase64(bytes.Between(item.Start, item.End));
                output.Write((byte)'"');
                break;
            case ProtoKind.Message or ProtoKind.Group:
                if (ProtoWellKnown.TryWrite(field.Message!, inner, output)) break;
                output.Write((byte)'{');
                WriteFields(field.Message!, inner, output);
                output.Write((byte)'}');
                break;
            case ProtoKind.Fixed32:
                WriteNumber(field, field.Format == ProtoNumber.Unsigned ? (uint)inner.ReadInt32() : inner.ReadInt32(), isWide: false, output);
                break;
            case ProtoKind.Fixed64:
                WriteNumber(field, inner.ReadInt64(), isWide: true, output);
                break;
            default:
                var value = field.Format == ProtoNumber.ZigZag ? inner.ReadZigZag() : (long)inner.ReadVarint();
                WriteNumber(field, value, IsWide(field), output);
                break;
        }
    }

    private static bool IsWide(ProtoField field) => field.Format != ProtoNumber.Real && field.Type.EndsWith("64", StringComparison.Ordinal);

    // Numbers of 64 bits are strings in JSON, which many read as floating-point numbers.
    private static void WriteNumber(ProtoField field, long value, bool isWide, Utf8Buffer output)
    {
        if (field.Format == ProtoNumber.Real && isWide) RealNumber.Write(BitConverter.Int64BitsToDouble(value), output);
        else if (field.Format == ProtoNumber.Real) RealNumber.Write(BitConverter.Int32BitsToSingle((int)value), output);
        else if (field.Format == ProtoNumber.Boolean) output.Write(value != 0 ? "true"u8 : "false"u8);
        else if (field.Format == ProtoNumber.Enum && field.Symbols.TryGetValue((int)value, out var symbol)) output.WriteString(Encoding.UTF8.GetString(symbol));
        else if (!isWide) output.WriteNumber(field.Format == ProtoNumber.Unsigned ? (uint)value : (int)value);
        else output.WriteString(field.Format == ProtoNumber.Unsigned
            ? ((ulong)value).ToString(CultureInfo.InvariantCulture) : value.ToString(CultureInfo.InvariantCulture));
    }
}
