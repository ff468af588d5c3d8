using System.Buffers.Binary;
using MtlStream.Events;

namespace MtlStream.Registry.Schemas;

/// <summary>How a message says which schema its value has.</summary>
internal enum FrameForm
{
    /// <summary>Byte 0 and an id of four bytes before the value: Confluent.</summary>
    Id,

    /// <summary>Byte 0 and an id of eight bytes before the value: Apicurio.</summary>
    LongId,

    /// <summary>Byte 1 and a GUID before the value: Confluent.</summary>
    Guid,

    /// <summary>The same in the header <c>__value_schema_id</c>.</summary>
    GuidHeader,

    /// <summary>Byte 0 and an id of four bytes in that header.</summary>
    IdHeader,

    /// <summary>An id of eight bytes in a header of Apicurio.</summary>
    ApicurioHeader,

    /// <summary>Byte 3, how the rest is packed, and a GUID before the value: AWS Glue.</summary>
    Glue,
}

/// <summary>What says which schema a value has.</summary>
/// <param name="Start">First byte behind the frame.</param>
/// <param name="Indexes">What follows the id in a header: Protobuf's message indexes; null where they stand before the value.</param>
internal readonly record struct Frame(FrameForm Form, SchemaKey Key, byte[] Bytes, int Start, byte[]? Indexes = null, string? Header = null);

/// <summary>Finds frames in messages.</summary>
/// <remarks>Sources: Confluent's wire format; Apicurio Registry's and AWS Glue's serializers.</remarks>
internal static class SchemaFrames
{
    public const string ConfluentHeader = "__value_schema_id";

    private const int GlueFrame = 18;
    private const byte GluePacked = 5;

    private static readonly string[] s_apicurio = ["apicurio.value.globalId", "apicurio.value.contentId"];

    /// <summary>False where nothing names a schema.</summary>
    /// <param name="problem">Says why what a frame packs cannot be unpacked.</param>
    public static bool TryFind(in Payload payload, out Frame frame, out Problem? problem)
    {
        problem = null;
        if (payload.Source.Headers.Count > 0 && TryFindInHeaders(payload.Source.Headers, payload.Bytes, out frame)) return true;
        return TryFindBefore(payload, out frame, out problem);
    }

    private static bool TryFindInHeaders(IReadOnlyList<EventHeader> headers, byte[] bytes, out Frame frame)
    {
        for (var i = headers.Count - 1; i >= 0; i--)
        {
            var (name, value) = (headers[i].Key, headers[i].Value);
            if (value is null || name.Length < ConfluentHeader.Length || name[0] is not ('_' or 'a')) continue;
            if (name == ConfluentHeader && value is [1, ..] && value.Length >= 17)
            {
                frame = new(FrameForm.GuidHeader, SchemaKey.Of(new Guid(value.AsSpan(1, 16), bigEndian: true)), bytes, 0, value[17..]);
                return true;
            }
            if (name == ConfluentHeader && value is [0, ..] && value.Length >= 5)
            {
                frame = new(FrameForm.IdHeader, SchemaKey.Of(BinaryPrimitives.ReadUInt32BigEndian(value.AsSpan(1))), bytes, 0, value[5..]);
                return true;
            }
            if (!s_apicurio.Contains(name) || value.Length != 8) continue;
            frame = new(FrameForm.ApicurioHeader, NumberOf(value), bytes, 0, Header: name);
            return true;
        }
        frame = default;
        return false;
    }

    private static bool TryFindBefore(in Payload payload, out Frame frame, out Problem? problem)
    {
        var bytes = payload.Bytes;
        problem = null;
        frame = default;
        if (bytes is [3, 0 or GluePacked, ..] && bytes.Length >= GlueFrame) return TryFindGlue(payload, out frame, out problem);
        if (bytes is [1, ..] && bytes.Length >= 17)
        {
            frame = new(FrameForm.Guid, SchemaKey.Of(new Guid(bytes.AsSpan(1, 16), bigEndian: true)), bytes, 17);
            return true;
        }
        if (bytes is not [0, ..] || bytes.Length < 5 || bytes is [0, (byte)'{' or (byte)'[' or (byte)'"', 0, ..]) return false; // UTF-16
        var id = BinaryPrimitives.ReadUInt32BigEndian(bytes.AsSpan(1));
        // No registry gives the id 0: such a one is the upper half of eight bytes.
        frame = id == 0 && bytes.Length >= 9
            ? new(FrameForm.LongId, NumberOf(bytes.AsSpan(1, 8)), bytes, 9)
            : new(FrameForm.Id, SchemaKey.Of(id), bytes, 5);
        return true;
    }

    private static bool TryFindGlue(in Payload payload, out Frame frame, out Problem? problem)
    {
        var bytes = payload.Bytes;
        problem = null;
        var key = SchemaKey.Of(new Guid(bytes.AsSpan(2, 16), bigEndian: true));
        frame = new(FrameForm.Glue, key, bytes, GlueFrame);
        if (bytes[1] != GluePacked) return true;
        var unpacked = Packing.Inflate(bytes[GlueFrame..], payload.MaxBytes, out var found);
        if (unpacked is null) problem = found;
        frame = new(FrameForm.Glue, key, unpacked ?? bytes, 0);
        return true;
    }

    // Beyond what any registry gives: it is said not to be there.
    private static SchemaKey NumberOf(ReadOnlySpan<byte> bytes)
    {
        var number = BinaryPrimitives.ReadUInt64BigEndian(bytes);
        return SchemaKey.Of(number > long.MaxValue ? long.MaxValue : (long)number);
    }
}
