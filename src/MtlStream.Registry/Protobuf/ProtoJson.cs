using System.Globalization;
using System.Runtime.CompilerServices;
using System.Text;
using MtlStream.Json;
using MtlStream.Registry.Values;

namespace MtlStream.Registry.Protobuf;

/// <summary>Messages as JSON, as Protobuf's own mapping has them; well-known types as the messages that they are.</summary>
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
        var items = new SortedDictionary<int, List<(int Wire, int Start, int End)>>();
        Gather(bytes, items);
        var any = false;
        foreach (var field in message.Fields)
        {
            if (!items.TryGetValue(field.Number, out var found) || field.Name == without) continue;
            if (any) output.Write((byte)',');
            any = true;
            output.WriteString(field.JsonName);
            output.Write((byte)':');
            if (field.IsMap) WriteMap(field, bytes, found, output);
            else if (field.IsRepeated) WriteList(field, bytes, found, output);
            else WriteValue(field, bytes, found[^1], output);
        }
        return any;
    }

    private static void Gather(ByteReader bytes, SortedDictionary<int, List<(int Wire, int Start, int End)>> items)
    {
        while (!bytes.AtEnd)
        {
            var tag = bytes.ReadVarint();
            var number = (int)(tag >> 3);
            var wire = (int)(tag & 7);
            var (start, end) = Skip(ref bytes, wire, number);
            if (!items.TryGetValue(number, out var list)) items[number] = list = [];
            list.Add((wire, start, end));
        }
    }

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

    private static void WriteMap(ProtoField field, ByteReader bytes, List<(int Wire, int Start, int End)> entries, Utf8Buffer output)
    {
        var (key, value) = (field.Message!.Fields.First(f => f.Number == 1), field.Message.Fields.First(f => f.Number == 2));
        output.Write((byte)'{');
        for (var i = 0; i < entries.Count; i++)
        {
            if (i > 0) output.Write((byte)',');
            var parts = new SortedDictionary<int, List<(int Wire, int Start, int End)>>();
            Gather(Inner(bytes, entries[i]), parts);
            if (key.Kind != ProtoKind.String) output.Write((byte)'"');
            if (parts.TryGetValue(1, out var keys)) WriteValue(key, bytes, keys[^1], output);
            else output.Write(key.Kind == ProtoKind.String ? "\"\""u8 : key.Format == ProtoNumber.Boolean ? "false"u8 : "0"u8);
            output.Write(key.Kind != ProtoKind.String ? "\":"u8 : ":"u8);
            if (parts.TryGetValue(2, out var values)) WriteValue(value, bytes, values[^1], output);
            else output.Write(value.Kind == ProtoKind.Message ? "{}"u8 : value.Kind is ProtoKind.String or ProtoKind.Bytes ? "\"\""u8 : "0"u8);
        }
        output.Write((byte)'}');
    }

    private static void WriteList(ProtoField field, ByteReader bytes, List<(int Wire, int Start, int End)> found, Utf8Buffer output)
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
                WriteValue(field, bytes, (0, start, inner.At), output);
            }
            while (true);
        }
        output.Write((byte)']');
    }

    private static ByteReader Inner(ByteReader bytes, (int Wire, int Start, int End) item) => new(bytes.Between(0, item.End), item.Start);

    private static void WriteValue(ProtoField field, ByteReader bytes, (int Wire, int Start, int End) item, Utf8Buffer output)
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
                WriteNumber(field, value, isWide: field.Type.EndsWith("64", StringComparison.Ordinal), output);
                break;
        }
    }

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
