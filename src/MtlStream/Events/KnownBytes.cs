using System.Buffers.Binary;

namespace MtlStream.Events;

/// <summary>Formats that are told by their first bytes and not read: a rejection names them.</summary>
internal static class KnownBytes
{
    /// <summary>The name of the format; null where it is not known.</summary>
    public static string? NameOf(ReadOnlySpan<byte> bytes) => bytes switch
    {
        [0xFF, 0xFE, 0, 0, ..] or [0, 0, 0xFE, 0xFF, ..] => "UTF-32",
        [0xFF, 0xFE, ..] or [0xFE, 0xFF, ..] => "UTF-16",
        [0x04, 0x22, 0x4D, 0x18, ..] => "LZ4 data",
        [0xFF, 0x06, 0, 0, (byte)'s', (byte)'N', ..] or [0x82, (byte)'S', (byte)'N', (byte)'A', (byte)'P', ..] => "Snappy data",
        [(byte)'B', (byte)'Z', (byte)'h', >= (byte)'1' and <= (byte)'9', 0x31, 0x41, ..] => "bzip2 data",
        [0xFD, (byte)'7', (byte)'z', (byte)'X', (byte)'Z', 0, ..] => "xz data",
        [(byte)'P', (byte)'K', 3, 4, ..] => "a ZIP archive",
        [(byte)'O', (byte)'b', (byte)'j', 1, ..] => "an Avro file",
        [(byte)'P', (byte)'A', (byte)'R', (byte)'1', ..] => "a Parquet file",
        [0xAC, 0xED, 0, 5, ..] => "a serialized Java object",
        [(byte)'O', (byte)'R', (byte)'C', < 0x20, ..] => "an ORC file",
        [(byte)'%', (byte)'P', (byte)'D', (byte)'F', (byte)'-', ..] => "a PDF file",
        [0x89, (byte)'P', (byte)'N', (byte)'G', ..] or [0xFF, 0xD8, 0xFF, ..] or [(byte)'G', (byte)'I', (byte)'F', (byte)'8', ..] => "an image",
        [(byte)'<', (byte)'?' or (byte)'!' or (>= (byte)'A' and <= (byte)'Z') or (>= (byte)'a' and <= (byte)'z'), ..] => "XML or HTML",
        [>= 0x81 and <= 0x8F, >= 0xA1 and <= 0xBF, ..] => "MessagePack",
        [>= 0xA1 and <= 0xB7, >= 0x61 and <= 0x77, ..] => "CBOR",
        [_, _, _, 0, > 0 and <= 0x13, >= 0x20 and < 0x7F, ..] when BinaryPrimitives.ReadInt32LittleEndian(bytes) == bytes.Length => "BSON",
        _ => IsUtf16(bytes) ? "UTF-16" : null,
    };

    /// <summary>True for ASCII in two bytes a character, without a byte order mark: every other byte is 0, and the others are not.</summary>
    public static bool IsUtf16(ReadOnlySpan<byte> bytes)
    {
        if (bytes.Length < 4 || bytes.Length % 2 != 0) return false;
        var zero = bytes[0] == 0 ? 0 : 1;
        for (var i = 0; i < Math.Min(bytes.Length, 8); i++)
            if (bytes[i] == 0 != (i % 2 == zero) || bytes[i] >= 0x80) return false;
        return true;
    }
}
