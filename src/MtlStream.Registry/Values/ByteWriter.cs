using System.Buffers.Binary;

namespace MtlStream.Registry.Values;

/// <summary>A growing buffer that a thread uses again for every answer. Not thread-safe.</summary>
internal sealed class ByteWriter
{
    private const int MaxKeptBytes = 1 << 20;

    [ThreadStatic]
    private static ByteWriter? _threadWriter;

    private byte[] _bytes = new byte[4096];

    public int Length { get; private set; }

    public ReadOnlySpan<byte> Written => _bytes.AsSpan(0, Length);

    /// <summary>This thread's writer, empty. Valid until the thread asks again.</summary>
    public static ByteWriter ForThisThread()
    {
        var writer = _threadWriter ??= new();
        if (writer._bytes.Length > MaxKeptBytes) writer._bytes = new byte[4096];
        writer.Length = 0;
        return writer;
    }

    public void Write(byte value)
    {
        Room(1)[0] = value;
        Length++;
    }

    public void Write(ReadOnlySpan<byte> bytes)
    {
        bytes.CopyTo(Room(bytes.Length));
        Length += bytes.Length;
    }

    public void WriteVarint(ulong value)
    {
        while (value >= 0x80)
        {
            Write((byte)(value | 0x80));
            value >>= 7;
        }
        Write((byte)value);
    }

    public void WriteZigZag(long value) => WriteVarint((ulong)((value << 1) ^ (value >> 63)));

    public void WriteDouble(double value)
    {
        BinaryPrimitives.WriteDoubleLittleEndian(Room(8), value);
        Length += 8;
    }

    /// <summary>Room of at least as many bytes; <see cref="Advance"/> says how many were written.</summary>
    public Span<byte> Room(int bytes)
    {
        if (_bytes.Length - Length < bytes) Array.Resize(ref _bytes, Math.Max(_bytes.Length * 2, checked(Length + bytes)));
        return _bytes.AsSpan(Length);
    }

    public void Advance(int bytes) => Length += bytes;

    /// <summary>Puts a number before what was written since a length; it is known only then.</summary>
    public void InsertVarint(int at, ulong value)
    {
        var digits = 1;
        for (var rest = value >> 7; rest > 0; rest >>= 7) digits++;
        Room(digits);
        _bytes.AsSpan(at, Length - at).CopyTo(_bytes.AsSpan(at + digits));
        var end = Length + digits;
        Length = at;
        WriteVarint(value);
        Length = end;
    }
}
