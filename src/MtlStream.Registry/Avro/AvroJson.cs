using System.Text;
using MtlStream.Json;
using MtlStream.Registry.Values;

namespace MtlStream.Registry.Avro;

/// <summary>Values of Avro as JSON: the specification's encoding, but for unions, which are written without their branch's name.</summary>
internal static class AvroJson
{
    /// <summary>Writes a value that was walked through already, up to where one more member of its object can follow.</summary>
    public static void Write(AvroNode root, byte[] bytes, int start, Utf8Buffer output)
    {
        var reader = new ByteReader(bytes, start);
        var node = root;
        if (node.Kind == AvroKind.Union) node = node.Branches[(int)reader.ReadZigZag()];
        output.Write((byte)'{');
        if (node.Kind == AvroKind.Record) WriteFields(node, ref reader, output, withoutAnalysis: true);
        else
        {
            output.Write(node.Kind == AvroKind.String ? "\"text\":"u8 : "\"value\":"u8);
            Write(node, ref reader, output);
            output.Write((byte)',');
        }
    }

    private static void Write(AvroNode node, ref ByteReader bytes, Utf8Buffer output)
    {
        switch (node.Kind)
        {
            case AvroKind.Null:
                output.Write("null"u8);
                break;
            case AvroKind.Boolean:
                var flag = bytes.Take(1, "a boolean");
                output.Write(bytes.Between(flag, bytes.At)[0] == 0 ? "false"u8 : "true"u8);
                break;
            case AvroKind.Int or AvroKind.Long:
                output.WriteNumber(bytes.ReadZigZag());
                break;
            case AvroKind.Float:
                RealNumber.Write(BitConverter.Int32BitsToSingle(bytes.ReadInt32()), output);
                break;
            case AvroKind.Double:
                RealNumber.Write(BitConverter.Int64BitsToDouble(bytes.ReadInt64()), output);
                break;
            case AvroKind.String:
                var text = bytes.Take(bytes.ReadZigZag(), "a string");
                output.WriteString(Encoding.UTF8.GetString(bytes.Between(text, bytes.At)));
                break;
            case AvroKind.Bytes:
                WriteBytes(bytes.Take(bytes.ReadZigZag(), "bytes"), ref bytes, output);
                break;
            case AvroKind.Fixed:
                WriteBytes(bytes.Take(node.Size, "a fixed"), ref bytes, output);
                break;
            case AvroKind.Enum:
                output.WriteString(Encoding.UTF8.GetString(node.Symbols[(int)bytes.ReadZigZag()]));
                break;
            case AvroKind.Union:
                Write(node.Branches[(int)bytes.ReadZigZag()], ref bytes, output);
                break;
            case AvroKind.Record:
                output.Write((byte)'{');
                WriteFields(node, ref bytes, output, withoutAnalysis: false);
                output.Write((byte)'}');
                break;
            default:
                WriteItems(node, ref bytes, output);
                break;
        }
    }

    /// <param name="withoutAnalysis">Whether another member follows, and one of its name is left out.</param>
    private static void WriteFields(AvroNode record, ref ByteReader bytes, Utf8Buffer output, bool withoutAnalysis)
    {
        var any = false;
        foreach (var field in record.Fields)
        {
            if (withoutAnalysis && field.Name == AvroSchema.Analysis)
            {
                var skipped = new Utf8Buffer();
                Write(field.Type, ref bytes, skipped);
                continue;
            }
            if (any) output.Write((byte)',');
            any = true;
            output.WriteString(field.Name);
            output.Write((byte)':');
            Write(field.Type, ref bytes, output);
        }
        if (any && withoutAnalysis) output.Write((byte)',');
    }

    private static void WriteItems(AvroNode node, ref ByteReader bytes, Utf8Buffer output)
    {
        var isMap = node.Kind == AvroKind.Map;
        var any = false;
        output.Write(isMap ? (byte)'{' : (byte)'[');
        while (bytes.ReadZigZag() is var count && count != 0)
        {
            if (count < 0) bytes.ReadZigZag(); // the block's size
            for (var left = Math.Abs(count); left > 0; left--)
            {
                if (any) output.Write((byte)',');
                any = true;
                if (isMap)
                {
                    var key = bytes.Take(bytes.ReadZigZag(), "a key");
                    output.WriteString(Encoding.UTF8.GetString(bytes.Between(key, bytes.At)));
                    output.Write((byte)':');
                }
                Write(node.Item!, ref bytes, output);
            }
        }
        output.Write(isMap ? (byte)'}' : (byte)']');
    }

    // Each byte is the character of that number.
    private static void WriteBytes(int start, ref ByteReader bytes, Utf8Buffer output) =>
        output.WriteString(Encoding.Latin1.GetString(bytes.Between(start, bytes.At)));
}
