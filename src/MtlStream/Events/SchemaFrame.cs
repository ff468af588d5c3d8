using System.Buffers.Binary;

namespace MtlStream.Events;

/// <summary>What serializers of a schema registry write in front of JSON.</summary>
internal static class SchemaFrame
{
    // Confluent: byte 0 and an id of four bytes, or byte 1 and a GUID. Apicurio: byte 0 and an id of eight bytes.
    private const int IdFrame = 5;
    private const int LongIdFrame = 9;
    private const int GuidFrame = 17;

    // AWS Glue: byte 3, how the rest is packed (0 not, 5 by zlib), and the 16 bytes of the schema version's id.
    private const int GlueFrame = 18;
    private const byte GluePacked = 5;

    /// <summary>A payload and where the JSON in it begins.</summary>
    /// <param name="Bytes">The payload, or what its frame says is packed in it.</param>
    /// <param name="IsFramed">Whether there is a frame before it.</param>
    internal readonly record struct Opened(byte[] Bytes, int Start, bool IsFramed);

    /// <summary>Finds the JSON behind a frame, or at the start where there is none.</summary>
    public static bool TryOpen(in Payload payload, out Opened opened, out Problem problem)
    {
        var bytes = payload.Bytes;
        opened = new(bytes, 0, false);
        problem = default;
        if (bytes.Length == 0 || bytes[0] is not (0 or 1 or 3)) return true;
        if (KnownBytes.IsUtf16(bytes)) return true; // of which the first byte may be 0; it is said to be what it is
        var frame = FrameOf(bytes);
        if (frame > 0 && bytes[0] == 3 && bytes[1] == GluePacked)
        {
            var unpacked = Packing.Inflate(bytes[frame..], payload.MaxBytes, out problem);
            if (unpacked is null) return false;
            opened = new(unpacked, 0, true);
            if (BeginsJson(unpacked)) return true;
        }
        else if (frame > 0)
        {
            opened = new(bytes, frame, true);
            return true;
        }
        if (frame == 0 && (bytes[0] != 0 || bytes.Length < IdFrame)) return true;
        problem = NotJson(new(bytes, 0, true));
        return false;
    }

    /// <summary>The JSON that is packed behind a frame; null where none is.</summary>
    public static byte[]? Unpack(byte[] bytes, int maxBytes) =>
        bytes is [3, GluePacked, ..] && bytes.Length >= GlueFrame && Packing.Inflate(bytes[GlueFrame..], maxBytes, out _) is { } unpacked && BeginsJson(unpacked)
            ? unpacked : null;

    /// <summary>Says that what is behind a frame is something else.</summary>
    public static Problem NotJson(Opened opened)
    {
        var bytes = opened.Bytes;
        var frame = bytes.Length >= IdFrame && bytes[0] == 0
            ? $"byte 0 and the schema id {BinaryPrimitives.ReadUInt32BigEndian(bytes.AsSpan(1))}, a schema registry's frame"
            : "a schema registry's frame";
        return new(
            RejectionReason.UnsupportedEncoding,
            $"The payload starts with {frame}, but what follows is no JSON: framed Avro and Protobuf are not supported, expected framed JSON.");
    }

    /// <summary>Length of the frame that JSON follows; 0 where there is none.</summary>
    private static int FrameOf(byte[] bytes)
    {
        if (bytes[0] == 0 && BeginsJson(bytes.AsSpan(Math.Min(IdFrame, bytes.Length)))) return IdFrame;
        if (bytes[0] == 0 && BeginsJson(bytes.AsSpan(Math.Min(LongIdFrame, bytes.Length)))) return LongIdFrame;
        if (bytes[0] == 1 && BeginsJson(bytes.AsSpan(Math.Min(GuidFrame, bytes.Length)))) return GuidFrame;
        if (bytes[0] != 3 || bytes.Length < GlueFrame) return 0;
        return bytes[1] == GluePacked || (bytes[1] == 0 && BeginsJson(bytes.AsSpan(GlueFrame))) ? GlueFrame : 0;
    }

    private static bool BeginsJson(ReadOnlySpan<byte> bytes)
    {
        if (bytes.StartsWith("\uFEFF"u8)) bytes = bytes[3..];
        return bytes.TrimStart(" \t\r\n"u8) is [(byte)'{' or (byte)'[' or (byte)'"', ..];
    }
}
