using System.IO.Compression;
using System.Text;
using System.Text.Unicode;
using ZstdSharp;

namespace MtlStream.Events;

/// <summary>Values that their producer has compressed, told by the header <c>content-encoding</c> or by their first bytes.</summary>
/// <remarks>What comes out is as bounded as a payload is. Nothing is packed again: Kafka compresses batches by itself, and better.</remarks>
internal static class Packing
{
    /// <summary>Packed values in packed values: more layers are nobody's intention.</summary>
    private const int MostLayers = 3;

    /// <summary>Largest window that is set aside for a Zstandard value: 16 MiB, more than any level but the "ultra" ones takes.</summary>
    private const int WindowLog = 24;

    private const int PartBytes = 32 * 1024;

    private static readonly string[] s_codings = ["gzip", "x-gzip", "zstd", "deflate", "br"];

    private enum Packer
    {
        None,
        Gzip,
        Zstandard,
        Zlib,
        Deflate,
        Brotli,
    }

    /// <summary>True for a header that says how a value was packed.</summary>
    public static bool IsPacked(EventHeader header) => IsHeader(header) && CodingsOf(header).Exists(s_codings.Contains);

    /// <summary>Unpacks a value; one that is not packed is given back as it is.</summary>
    public static bool TryUnpack(SourceRecord source, byte[] payload, int maxBytes, bool isText, out byte[] bytes, out Problem problem)
    {
        bytes = payload;
        problem = default;
        if (source.Headers.Count > 0 && !TryUnpackAsTold(source.Headers, ref bytes, maxBytes, out problem)) return false;
        for (var layer = 0; layer < MostLayers; layer++)
        {
            var packer = Sniff(bytes, isText);
            if (packer == Packer.None) return true;
            var unpacked = Unpack(bytes, packer, maxBytes, out problem);
            // Two bytes may look like zlib's and be something else.
            if (unpacked is null && packer == Packer.Zlib && problem.Reason == RejectionReason.MalformedPayload)
            {
                problem = default;
                return true;
            }
            if (unpacked is null) return false;
            bytes = unpacked;
        }
        return true;
    }

    /// <summary>Inflates what a frame says is zlib's.</summary>
    public static byte[]? Inflate(byte[] packed, int maxBytes, out Problem problem) => Unpack(packed, Packer.Zlib, maxBytes, out problem);

    /// <summary>Unpacks what is known to be gzip's.</summary>
    public static byte[]? Gunzip(byte[] packed, int maxBytes, out Problem problem) => Unpack(packed, Packer.Gzip, maxBytes, out problem);

    private static bool TryUnpackAsTold(IReadOnlyList<EventHeader> headers, ref byte[] bytes, int maxBytes, out Problem problem)
    {
        problem = default;
        for (var i = headers.Count - 1; i >= 0; i--)
        {
            if (!IsHeader(headers[i])) continue;
            var codings = CodingsOf(headers[i]);
            for (var c = codings.Count - 1; c >= 0 && codings.Count <= MostLayers; c--)
            {
                var packer = PackerOf(codings[c], bytes);
                if (packer == Packer.None) continue;
                var unpacked = Unpack(bytes, packer, maxBytes, out problem);
                if (unpacked is null) return false;
                bytes = unpacked;
            }
            return true;
        }
        return true;
    }

    private static bool IsHeader(EventHeader header) => header.Key.Length is 15 or 16 && HeaderValue.IsNamed(header.Key, "contentencoding");

    private static List<string> CodingsOf(EventHeader header) =>
        [.. Encoding.UTF8.GetString(HeaderValue.Of(header)).Split(',').Select(c => c.Trim().ToLowerInvariant())];

    // A header may outlive what it says: where the value can be seen not to be packed, it is not.
    private static Packer PackerOf(string coding, byte[] bytes) => coding switch
    {
        "gzip" or "x-gzip" => Sniff(bytes, isText: true) is Packer.Gzip ? Packer.Gzip : Packer.None,
        "zstd" => Sniff(bytes, isText: true) is Packer.Zstandard ? Packer.Zstandard : Packer.None,
        "deflate" when IsZlib(bytes) => Packer.Zlib,
        "deflate" => Utf8.IsValid(bytes) ? Packer.None : Packer.Deflate, // without zlib's two bytes, as some clients send it
        "br" => Utf8.IsValid(bytes) ? Packer.None : Packer.Brotli,
        _ => Packer.None,
    };

    private static Packer Sniff(byte[] bytes, bool isText) => bytes switch
    {
        [0x1F, 0x8B, 0x08, ..] => Packer.Gzip,
        [0x28, 0xB5, 0x2F, 0xFD, ..] => Packer.Zstandard,
        [0x78, ..] when IsZlib(bytes) && !(isText && Utf8.IsValid(bytes)) => Packer.Zlib,
        _ => Packer.None,
    };

    // RFC 1950: method 8, a window of 32 KiB, and a check of both bytes.
    private static bool IsZlib(byte[] bytes) => bytes is [0x78, _, _, ..] && ((bytes[0] << 8) + bytes[1]) % 31 == 0;

    private static byte[]? Unpack(byte[] packed, Packer packer, int maxBytes, out Problem problem)
    {
        try
        {
            using var stream = Open(new(packed, writable: false), packer);
            problem = default;
            if (ReadAll(stream, maxBytes) is { } unpacked) return unpacked;
            problem = new(
                RejectionReason.PayloadTooLarge,
                $"The payload is {packed.Length} bytes of {NameOf(packer)} that unpack to more than {maxBytes} (Input:MaxPayloadBytes).");
            return null;
        }
        catch (Exception exception) when (exception is InvalidDataException or InvalidOperationException or ZstdException or IOException)
        {
            problem = new(
                RejectionReason.MalformedPayload,
                $"The payload is {packed.Length} bytes of {NameOf(packer)} that cannot be unpacked: they are damaged or cut off.");
            return null;
        }
    }

    /// <summary>Null where there is more. Read in parts: a buffer that grows would leave as much behind again.</summary>
    private static byte[]? ReadAll(Stream stream, int maxBytes)
    {
        var parts = new List<PooledArray<byte>>();
        try
        {
            long length = 0;
            while (true)
            {
                var part = new PooledArray<byte>(PartBytes);
                parts.Add(part);
                var read = stream.ReadAtLeast(part.Span, PartBytes, throwOnEndOfStream: false);
                length += read;
                if (length > maxBytes) return null;
                if (read < PartBytes) break;
            }
            var all = GC.AllocateUninitializedArray<byte>((int)length);
            for (var i = 0; i < parts.Count; i++)
            {
                var rest = all.AsSpan(i * PartBytes);
                parts[i].Span[..Math.Min(rest.Length, PartBytes)].CopyTo(rest);
            }
            return all;
        }
        finally
        {
            foreach (var part in parts) part.Dispose();
        }
    }

    private static Stream Open(MemoryStream packed, Packer packer)
    {
        switch (packer)
        {
            case Packer.Gzip: return new GZipStream(packed, CompressionMode.Decompress);
            case Packer.Zlib: return new ZLibStream(packed, CompressionMode.Decompress);
            case Packer.Deflate: return new DeflateStream(packed, CompressionMode.Decompress);
            case Packer.Brotli: return new BrotliStream(packed, CompressionMode.Decompress);
            default:
                var stream = new DecompressionStream(packed);
                stream.SetParameter(ZstdSharp.Unsafe.ZSTD_dParameter.ZSTD_d_windowLogMax, WindowLog);
                return stream;
        }
    }

    private static string NameOf(Packer packer) => packer switch
    {
        Packer.Gzip => "gzip data",
        Packer.Zstandard => "Zstandard data",
        Packer.Brotli => "Brotli data",
        _ => "deflate data",
    };
}
