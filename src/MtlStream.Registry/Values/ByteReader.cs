using System.Buffers.Binary;

namespace MtlStream.Registry.Values;

/// <summary>A value that is not what its schema says.</summary>
/// <param name="message">What was found, what was expected, and at which byte; no text of the event.</param>
internal sealed class BadValueException(string message) : Exception(message);

/// <summary>Reads the integers of Avro and Protobuf, and never beyond the end.</summary>
/// <param name="at">First byte to read.</param>
internal ref struct ByteReader(ReadOnlySpan<byte> bytes, int at)
{
    private readonly ReadOnlySpan<byte> _bytes = bytes;

    public int At { get; private set; } = at;

    public readonly int End => _bytes.Length;

    public readonly bool AtEnd => At == _bytes.Length;

    public readonly ReadOnlySpan<byte> Between(int start, int end) => _bytes[start..end];

    /// <summary>A number of up to 64 bits, seven in each byte, the lowest first.</summary>
    public ulong ReadVarint()
    {
        if (At < _bytes.Length && _bytes[At] < 0x80) return _bytes[At++];
        var value = 0UL;
        var start = At;
        for (var shift = 0; shift < 70; shift += 7)
        {
            if (At == _bytes.Length) throw Cut("a number", start);
            var next = _bytes[At++];
            value |= (ulong)(next & 0x7F) << shift;
            if (next < 0x80) return value;
        }
        throw new BadValueException($"the number at byte {start} has more than ten bytes");
    }

    /// <summary>As <see cref="ReadVarint"/>, with the sign in the lowest bit.</summary>
    public long ReadZigZag()
    {
        var value = ReadVarint();
        return (long)(value >> 1) ^ -(long)(value & 1);
    }

    /// <summary>Takes as many bytes; says where they start.</summary>
    /// <param name="what">What they are, for messages.</param>
    public int Take(long length, string what)
    {
        if (length < 0) throw new BadValueException($"the length of {what} before byte {At} is {length}, expected none below zero");
        if (length > _bytes.Length - At)
            throw new BadValueException($"{what} at byte {At} has {length} bytes, and the value ends after {_bytes.Length - At}");
        var start = At;
        At += (int)length;
        return start;
    }

    public int ReadInt32() => BinaryPrimitives.ReadInt32LittleEndian(_bytes[Take(4, "a number")..]);

    public long ReadInt64() => BinaryPrimitives.ReadInt64LittleEndian(_bytes[Take(8, "a number")..]);

    private static BadValueException Cut(string what, int start) => new($"{what} at byte {start} is cut off by the end of the value");
}
