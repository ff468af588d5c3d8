using System.Buffers;
using System.IO.Compression;
using System.IO.Pipelines;

namespace MtlStream.Events;

/// <summary>Cuts a stream into lines, as bytes. Gzip is recognised by its first bytes, a leading byte order mark is skipped.</summary>
/// <remarks>Lines end with LF; a CR before it belongs to the ending. What follows the last LF is a line unless it is empty. Not thread-safe.</remarks>
public sealed class LineReader(Stream input) : IAsyncDisposable
{
    /// <summary>Longest line that is read; the pipeline rejects shorter ones by <c>Input:MaxPayloadBytes</c>.</summary>
    public const int MaxLineBytes = 1 << 28;

    private Stream? _content;
    private byte[] _buffer = new byte[1 << 16];
    private int _start; // of what is not handed out yet
    private int _searched; // of it, no line ends before here
    private int _end; // of what has been read
    private long _lines;
    private bool _ended;

    /// <summary>Reads on and returns the lines that became complete; several at a time, empty only at the end of the input.</summary>
    /// <exception cref="InvalidDataException">The gzip data are damaged, or a line is longer than <see cref="MaxLineBytes"/>.</exception>
    /// <exception cref="OperationCanceledException"><paramref name="stopping"/> was cancelled; what had been read is lost.</exception>
    public async Task<IReadOnlyList<byte[]>> ReadAsync(CancellationToken stopping)
    {
        _content ??= await OpenAsync(stopping);
        while (true)
        {
            var lines = TakeLines();
            if (lines.Count > 0 || _ended) return lines;
            MakeRoom();
            var read = await ReadSomeAsync(_content, _buffer.AsMemory(_end), stopping);
            _end += read;
            _ended = read == 0;
        }
    }

    public async ValueTask DisposeAsync()
    {
        if (_content is not null) await _content.DisposeAsync();
        await input.DisposeAsync();
    }

    private async Task<Stream> OpenAsync(CancellationToken stopping)
    {
        var pipe = PipeReader.Create(input, new(bufferSize: 1 << 16, leaveOpen: true));
        var first = await pipe.ReadAtLeastAsync(2, stopping).AsTask().WaitAsync(stopping);
        var zipped = IsGzip(first);
        pipe.AdvanceTo(first.Buffer.Start);
        Stream content = zipped ? new GZipStream(pipe.AsStream(), CompressionMode.Decompress) : pipe.AsStream();

        while (_end < 3 && await ReadSomeAsync(content, _buffer.AsMemory(_end), stopping) is var read and > 0)
        {
            _end += read;
            if (_buffer[0] != 0xEF) break;
        }

        if (_buffer.AsSpan(0, _end).StartsWith("\uFEFF"u8)) _start = _searched = 3;
        return content;
    }

    private static bool IsGzip(ReadResult first)
    {
        Span<byte> magic = stackalloc byte[2];
        if (first.Buffer.Length < 2) return false;
        first.Buffer.Slice(0, 2).CopyTo(magic);
        return magic is [0x1F, 0x8B];
    }

    // A read from a terminal or a pipe cannot be called off: it is left behind, and ends with the process.
    private static Task<int> ReadSomeAsync(Stream content, Memory<byte> room, CancellationToken stopping) =>
        content.ReadAsync(room, CancellationToken.None).AsTask().WaitAsync(stopping);

    private void MakeRoom()
    {
        if (_start > 0)
        {
            _buffer.AsSpan(_start, _end - _start).CopyTo(_buffer);
            _searched -= _start;
            _end -= _start;
            _start = 0;
        }

        if (_end < _buffer.Length) return;
        if (_buffer.Length > MaxLineBytes) throw new InvalidDataException($"Line {_lines + 1} is longer than {MaxLineBytes} bytes.");
        Array.Resize(ref _buffer, _buffer.Length * 2);
    }

    private List<byte[]> TakeLines()
    {
        var lines = new List<byte[]>();
        for (int found; (found = _buffer.AsSpan(_searched, _end - _searched).IndexOf((byte)'\n')) >= 0; _start = _searched += found + 1)
            lines.Add(Trim(_buffer.AsSpan(_start, _searched + found - _start)));
        _searched = _end;
        if (_ended && _start < _end)
        {
            lines.Add(Trim(_buffer.AsSpan(_start, _end - _start)));
            _start = _end;
        }

        _lines += lines.Count;
        return lines;
    }

    private static byte[] Trim(ReadOnlySpan<byte> line) => (line is [.., (byte)'\r'] ? line[..^1] : line).ToArray();
}
