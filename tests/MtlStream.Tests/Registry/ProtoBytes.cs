using System.Text;
using Google.Protobuf;

namespace MtlStream.Tests.Registry;

/// <summary>Messages, field by field, by Google's own library.</summary>
internal sealed class ProtoBytes : IDisposable
{
    private readonly MemoryStream _bytes = new();
    private readonly CodedOutputStream _output;

    public ProtoBytes() => _output = new(_bytes);

    public void Dispose()
    {
        _output.Dispose();
        _bytes.Dispose();
    }

    public byte[] All
    {
        get
        {
            _output.Flush();
            return _bytes.ToArray();
        }
    }

    public ProtoBytes Text(int number, string text) => Bytes(number, Encoding.UTF8.GetBytes(text));

    public ProtoBytes Bytes(int number, byte[] bytes)
    {
        _output.WriteTag(number, WireFormat.WireType.LengthDelimited);
        _output.WriteBytes(ByteString.CopyFrom(bytes));
        return this;
    }

    public ProtoBytes Message(int number, ProtoBytes inner) => Bytes(number, inner.All);

    public ProtoBytes Varint(int number, long value)
    {
        _output.WriteTag(number, WireFormat.WireType.Varint);
        _output.WriteInt64(value);
        return this;
    }

    public ProtoBytes Double(int number, double value)
    {
        _output.WriteTag(number, WireFormat.WireType.Fixed64);
        _output.WriteDouble(value);
        return this;
    }

    public ProtoBytes Group(int number, ProtoBytes inner)
    {
        _output.WriteTag(number, WireFormat.WireType.StartGroup);
        _output.WriteRawTagless(inner.All);
        _output.WriteTag(number, WireFormat.WireType.EndGroup);
        return this;
    }
}

internal static class RawOutput
{
    /// <summary>Bytes without a tag and without their length.</summary>
    public static void WriteRawTagless(this CodedOutputStream output, byte[] bytes)
    {
        foreach (var one in bytes) output.WriteRawTag(one);
    }
}
