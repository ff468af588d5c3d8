using System.IO.Compression;
using System.Text;
using MtlStream.Events;

namespace MtlStream.Tests.Events;

public sealed class LineReaderTests
{
    [Theory]
    [InlineData("", "")]
    [InlineData("a", "a")]
    [InlineData("a\n", "a")]
    [InlineData("a\nb", "a|b")]
    [InlineData("a\r\nb\r\n", "a|b")]
    [InlineData("a\rb\n", "a\rb")]
    [InlineData("a\r\r\n", "a\r")]
    [InlineData("\n\n", "|")]
    [InlineData("\uFEFFa\nb\n", "a|b")]
    [InlineData("a\n\uFEFFb\n", "a|\uFEFFb")]
    [InlineData("\uFEFF", "")]
    public async Task Lines_end_with_a_line_feed_and_a_carriage_return_before_it_belongs_to_the_ending(string content, string lines)
    {
        foreach (var atOnce in new[] { 1, 2, 3, 1000 })
        {
            foreach (var zipped in new[] { false, true })
                Assert.Equal(lines, string.Join('|', await ReadAsync(Bytes(content, zipped), atOnce)));
        }
    }

    [Fact]
    public async Task A_long_line_is_read_whole()
    {
        var line = new string('x', 3_000_000);

        Assert.Equal([line, "y"], await ReadAsync(Bytes(line + "\ny", zipped: true), 8192));
    }

    [Fact]
    public async Task Gzip_files_one_after_the_other_are_one_file()
    {
        byte[] two = [.. Bytes("a\n", zipped: true), .. Bytes("b\n", zipped: true)];

        Assert.Equal(["a", "b"], await ReadAsync(two, 1000));
    }

    [Fact]
    public async Task Damaged_gzip_is_an_error()
    {
        var bytes = Bytes(string.Concat(Enumerable.Range(0, 1000).Select(i => $"{i * 7919}\n")), zipped: true);
        bytes[bytes.Length / 2] ^= 0xFF;

        await Assert.ThrowsAsync<InvalidDataException>(() => ReadAsync(bytes, 1000));
    }

    [Fact]
    public async Task Gzip_that_was_cut_off_is_an_error()
    {
        var bytes = Bytes(string.Concat(Enumerable.Range(0, 1000).Select(i => $"{i * 7919}\n")), zipped: true);

        await Assert.ThrowsAsync<InvalidDataException>(() => ReadAsync(bytes[..(bytes.Length / 2)], 1000));
    }

    private static byte[] Bytes(string content, bool zipped)
    {
        var plain = Encoding.UTF8.GetBytes(content);
        if (!zipped) return plain;
        using var output = new MemoryStream();
        using (var gzip = new GZipStream(output, CompressionLevel.Fastest)) gzip.Write(plain);
        return output.ToArray();
    }

    private static async Task<List<string>> ReadAsync(byte[] content, int atOnce)
    {
        var lines = new List<string>();
        await using var reader = new LineReader(new SlowStream(content, atOnce));
        while (await reader.ReadAsync(CancellationToken.None) is { Count: > 0 } some) lines.AddRange(some.Select(l => Encoding.UTF8.GetString(l)));
        return lines;
    }

    /// <summary>Gives a few bytes at a time, as pipes do.</summary>
    private sealed class SlowStream(byte[] content, int atOnce) : MemoryStream(content)
    {
        public override int Read(byte[] buffer, int offset, int count) => base.Read(buffer, offset, Math.Min(count, atOnce));

        public override int Read(Span<byte> buffer) => base.Read(buffer[..Math.Min(buffer.Length, atOnce)]);

        public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default) =>
            ValueTask.FromResult(Read(buffer.Span));
    }
}
