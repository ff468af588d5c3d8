using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.IO.Compression;
using System.Security.Cryptography;
using System.Text;
using MtlStream.Events;

namespace MtlStream.Results;

/// <summary>The payload that a dead letter had no room for.</summary>
/// <param name="Bytes">Its size.</param>
/// <param name="Sha256">Its hash, in lower-case hexadecimal digits.</param>
public sealed record MissingPayload(long Bytes, string Sha256);

/// <summary>Dead letters for a topic that does not take the event: first with the payload as gzip, at last without it.</summary>
/// <remarks>Both say behind their other headers how large the payload was, and its hash.</remarks>
internal static class SmallerLetter
{
    private const string EncodingHeader = "content-encoding";
    private const string BytesHeader = "mtlstream.payload.bytes";
    private const string HashHeader = "mtlstream.payload.sha256";

    /// <summary>Most bytes of key and original headers that a letter without payload keeps; of more it keeps none.</summary>
    private const int MostKept = 4096;

    private static readonly string[] s_names = [EncodingHeader, BytesHeader, HashHeader];

    /// <summary>The next smaller form of a dead letter; null when there is none.</summary>
    public static OutboundRecord? Of(OutboundRecord letter)
    {
        var source = letter.Source;
        if (letter.Form == LetterForm.Bare) return null;
        if (letter.Form == LetterForm.Whole && source.Payload is { } payload && Pack(payload) is { } packed)
        {
            EventHeader encoding = new(EncodingHeader, "gzip"u8.ToArray());
            return letter with { Form = LetterForm.Packed, Payload = packed, Headers = [.. letter.Headers, encoding, .. Describe(payload)] };
        }
        var kept = (source.Key?.Length ?? 0) + source.Headers.Sum(h => h.Key.Length + (h.Value?.Length ?? 0)) <= MostKept;
        var why = letter.Headers.Skip(source.Headers.Count).Take(DeadLetter.Names.Length);
        return letter with
        {
            Form = LetterForm.Bare,
            Key = kept ? source.Key : null,
            Payload = null,
            Headers = [.. kept ? source.Headers : [], .. why, .. Describe(source.Payload ?? [])],
        };
    }

    /// <summary>The headers of a smaller form, in the order of encoding, size and hash; empty for a whole letter.</summary>
    /// <param name="from">Index behind the last header that says where and why the event failed.</param>
    public static IReadOnlyList<EventHeader> HeadersIn(IReadOnlyList<EventHeader> headers, int from)
    {
        var found = headers.Skip(from).Where(h => s_names.Contains(h.Key)).OrderBy(h => Array.IndexOf(s_names, h.Key)).ToList();
        return found.Exists(h => h.Key == BytesHeader) ? found : [];
    }

    /// <summary>Gives a packed payload back as it was, or says what is missing.</summary>
    /// <param name="headers">Of <see cref="HeadersIn"/>.</param>
    /// <param name="problem">What is wrong with the headers, or with the payload.</param>
    public static bool TryRead(
        IReadOnlyList<EventHeader> headers, ref byte[]? payload, out MissingPayload? missing, [NotNullWhen(false)] out string? problem)
    {
        missing = null;
        problem = null;
        if (headers.Count == 0) return true;
        var hash = Value(headers, HashHeader);
        if (!int.TryParse(Value(headers, BytesHeader), NumberStyles.None, CultureInfo.InvariantCulture, out var bytes))
        {
            problem = $"The header {BytesHeader} is no number of bytes.";
            return false;
        }
        if (payload is null)
        {
            missing = new(bytes, hash);
            return true;
        }
        payload = Packing.Gunzip(payload, bytes, out var damage);
        if (payload is null) problem = damage.Message;
        else if (HashOf(payload) != hash) problem = $"The payload is not the one that the header {HashHeader} tells.";
        return problem is null;
    }

    /// <summary>Null where it would not be smaller.</summary>
    private static byte[]? Pack(byte[] payload)
    {
        var packed = new MemoryStream();
        using (var gzip = new GZipStream(packed, CompressionLevel.Optimal)) gzip.Write(payload);
        var bytes = packed.ToArray();
        return bytes.Length < payload.Length ? bytes : null;
    }

    private static EventHeader[] Describe(byte[] payload) =>
    [
        new(BytesHeader, Encoding.ASCII.GetBytes(payload.Length.ToString(CultureInfo.InvariantCulture))),
        new(HashHeader, Encoding.ASCII.GetBytes(HashOf(payload))),
    ];

    private static string HashOf(byte[] payload) => Convert.ToHexStringLower(SHA256.HashData(payload));

    private static string Value(IReadOnlyList<EventHeader> headers, string name) =>
        headers.FirstOrDefault(h => h.Key == name).Value is { } value ? Encoding.UTF8.GetString(value) : "";
}
