using System.Buffers.Binary;

namespace MtlStream.Events;

/// <summary>What serializers of a schema registry write in front of JSON.</summary>
internal static class SchemaFrame
{
    /// <summary>Magic byte 0 and a schema id of four bytes, big-endian, as Confluent's serializers write them.</summary>
    private const int FrameBytes = 5;

    /// <summary>Finds where the JSON begins: behind the frame, or at the start where there is none.</summary>
    public static bool TrySkip(byte[] payload, out int start, out Problem problem)
    {
        start = 0;
        problem = default;
        if (payload.Length < FrameBytes || payload[0] != 0) return true;
        if (payload.AsSpan(FrameBytes).TrimStart(" \t\r\n"u8) is [(byte)'{', ..])
        {
            start = FrameBytes;
            return true;
        }
        problem = new(
            RejectionReason.UnsupportedEncoding,
            $"The payload starts with byte 0 and the schema id {BinaryPrimitives.ReadUInt32BigEndian(payload.AsSpan(1))}, " +
            $"a schema registry's frame, but byte {FrameBytes} does not open a JSON object; " +
            "framed Avro and Protobuf are not supported, expected framed JSON.");
        return false;
    }
}
