using System.Buffers;
using System.IO.Compression;
using System.IO.Pipelines;
using System.Text.Json;

namespace MtlStream.Host.Lines;

/// <summary>A file, unpacked and without byte order mark, and what it begins with.</summary>
/// <param name="Head">From the first byte: the first line at least, unless that is very long or of no interest.</param>
internal sealed record InputContent(Stream Stream, byte[] Head)
{
    private const int LongestHead = 1 << 20;

    /// <summary>The bytes of the first line, without its end.</summary>
    public ReadOnlySpan<byte> FirstLine => Head.AsSpan()[..^Rest.Length].TrimEnd((byte)'\r');

    /// <summary>The first byte that is no white space; 0 where there is none.</summary>
    public byte First => Head.AsSpan().TrimStart(" \t\r\n"u8) is [var first, ..] ? first : (byte)0;

    private ReadOnlySpan<byte> Rest
    {
        get
        {
            var end = Head.AsSpan().IndexOf((byte)'\n');
            return end < 0 ? default : Head.AsSpan(end);
        }
    }

    /// <summary>Whether all of it is one JSON array, not an array on each line.</summary>
    public bool IsOneArray => First == (byte)'[' && (IsBlank(Rest) || !IsJson(FirstLine));

    /// <summary>Reads as far as it has to, to tell what the file is.</summary>
    public static async Task<InputContent> OpenAsync(Stream input, CancellationToken stopping)
    {
        var pipe = PipeReader.Create(input, new(bufferSize: 1 << 16));
        var first = await pipe.ReadAtLeastAsync(2, stopping).AsTask().WaitAsync(stopping);
        var zipped = Bytes(first, 2) is [0x1F, 0x8B];
        pipe.AdvanceTo(first.Buffer.Start);
        if (zipped) pipe = PipeReader.Create(new GZipStream(pipe.AsStream(), CompressionMode.Decompress), new(bufferSize: 1 << 16));
        while (true)
        {
            var read = await pipe.ReadAsync(stopping).AsTask().WaitAsync(stopping);
            var head = Bytes(read, LongestHead);
            if (!read.IsCompleted && head.Length < LongestHead && !IsEnough(head))
            {
                pipe.AdvanceTo(read.Buffer.Start, read.Buffer.End);
                continue;
            }

            var mark = head.AsSpan().StartsWith("\uFEFF"u8) ? 3 : 0;
            pipe.AdvanceTo(read.Buffer.GetPosition(mark));
            return new(pipe.AsStream(), head[mark..]);
        }
    }

    // Who waits at a pipe for the answer to a first line must not have to send another.
    private static bool IsEnough(byte[] head)
    {
        var content = new InputContent(Stream.Null, head);
        if (content.First == (byte)'{') return true;
        return content.First == (byte)'[' ? !IsBlank(content.Rest) : content.Rest.Length > 0;
    }

    private static bool IsBlank(ReadOnlySpan<byte> bytes) => bytes.Trim(" \t\r\n"u8).IsEmpty;

    private static bool IsJson(ReadOnlySpan<byte> line)
    {
        var reader = new Utf8JsonReader(line);
        try
        {
            while (reader.Read())
            {
                // to the end
            }

            return true;
        }
        catch (JsonException)
        {
            return false;
        }
    }

    private static byte[] Bytes(ReadResult read, int most) => read.Buffer.Slice(0, Math.Min(read.Buffer.Length, most)).ToArray();
}
