using System.IO.Compression;
using System.Text;
using MtlStream.Events;
using ZstdSharp;
using static MtlStream.Tests.Events.Codec;

namespace MtlStream.Tests.Events;

/// <summary>Values that are compressed, framed, or both.</summary>
public sealed class PackedPayloadTests
{
    private const string Json = """{"id":7,"text":"It rained all day long, all day long, all day long."}""";
    private const string Answered = """{"id":7,"text":"It rained all day long, all day long, all day long.",@}""";

    public static TheoryData<string, string, bool> Packings => new()
    {
        { "gzip", "content-encoding", true }, { "gzip", "Content-Encoding", true }, { "x-gzip", "contentEncoding", true }, { "gzip", "", false },
        { "zstd", "content-encoding", true }, { "zstd", "", false },
        { "deflate", "content-encoding", true }, { "deflate", "", false },
        { "raw deflate", "content-encoding", true }, { "br", "content-encoding", true },
    };

    [Theory]
    [MemberData(nameof(Packings))]
    public void A_compressed_value_is_read_by_its_header_or_by_its_content_and_answered_as_it_is(string coding, string header, bool told)
    {
        EventHeader[] headers = told ? [Header(header, coding.Replace("raw ", "", StringComparison.Ordinal)), Header("a", "1")] : [Header("a", "1")];

        var output = Encode(Decode(Pack(Encoding.UTF8.GetBytes(Json), coding), headers: headers));

        Assert.Equal(Answered, Around(output.Payload));
        Assert.Equal(["a=1"], EventEncoderTests.Lines(output.Headers));
    }

    [Fact]
    public void Several_codings_are_undone_from_the_last_to_the_first()
    {
        var twice = Pack(Pack(Encoding.UTF8.GetBytes(Json), "deflate"), "gzip");

        Assert.Equal(Answered, Around(Encode(Decode(twice, headers: Header("content-encoding", "deflate, gzip"))).Payload));
    }

    [Theory]
    [InlineData("gzip")]
    [InlineData("zstd")]
    [InlineData("deflate")]
    [InlineData("br")]
    [InlineData("utf-8")]
    [InlineData("snappy")]
    public void A_header_that_outlives_the_packing_does_no_harm(string coding) =>
        Assert.Equal(Answered, Around(Encode(Decode(Json, headers: Header("content-encoding", coding))).Payload));

    [Theory]
    [InlineData("utf-8", true)]
    [InlineData("identity", true)]
    [InlineData("gzip", false)]
    public void Of_content_encoding_only_what_is_undone_is_left_out(string coding, bool kept) =>
        Assert.Equal(kept ? 1 : 0, Encode(Decode(Json, headers: Header("content-encoding", coding))).Headers.Count);

    [Fact]
    public void Plain_text_is_unpacked_as_well_and_what_only_looks_packed_is_text()
    {
        Assert.Equal(Json, Text(Decode(Pack(Encoding.UTF8.GetBytes(Json), "gzip"), InputFormat.Text)));
        Assert.Equal(Json, Text(Decode(Pack(Encoding.UTF8.GetBytes(Json), "deflate"), InputFormat.Text)));
        Assert.Equal("x^2 is a power", TextOf("x^2 is a power", InputFormat.Text));
    }

    [Theory]
    [InlineData("gzip")]
    [InlineData("zstd")]
    [InlineData("deflate")]
    [InlineData("br")]
    public void A_value_that_unpacks_to_more_than_a_payload_may_be_is_rejected_before_it_is_unpacked(string coding)
    {
        var bomb = Pack(new byte[64 << 20], coding);
        var before = GC.GetAllocatedBytesForCurrentThread();

        var outcome = new EventDecoder(new() { MaxPayloadBytes = 1 << 20 }).Decode(Record(bomb, Header("content-encoding", coding)));

        Assert.Equal(RejectionReason.PayloadTooLarge, outcome.Rejection?.Reason);
        Assert.Contains($"{bomb.Length} bytes", outcome.Rejection?.Message, StringComparison.Ordinal);
        Assert.Contains("more than 1048576", outcome.Rejection?.Message, StringComparison.Ordinal);
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 16 << 20);
    }

    [Theory]
    [InlineData("gzip")]
    [InlineData("zstd")]
    [InlineData("br")]
    public void A_damaged_or_torn_value_says_so(string coding)
    {
        var packed = Pack(Encoding.UTF8.GetBytes(Json), coding);
        byte[] damaged = [.. packed];
        damaged[packed.Length / 2] ^= 0xFF;

        foreach (var payload in new[] { damaged, packed[..(packed.Length / 2)] })
        {
            var rejection = Reject(payload, headers: Header("content-encoding", coding));
            Assert.Equal(RejectionReason.MalformedPayload, rejection.Reason);
            Assert.Contains("damaged or cut off", rejection.Message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void A_place_in_an_unpacked_value_is_said_to_be_there()
    {
        var rejection = Reject(Pack("""{"text":5}"""u8.ToArray(), "gzip"));

        Assert.Contains("byte 8 of the unpacked payload", rejection.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("confluent")]
    [InlineData("confluent guid")]
    [InlineData("apicurio")]
    [InlineData("glue")]
    [InlineData("glue zlib")]
    [InlineData("apicurio with byte order mark")]
    [InlineData("confluent with byte order mark")]
    public void JSON_behind_the_frame_of_a_registry_is_read_and_the_frame_is_left_out(string kind)
    {
        var json = Encoding.UTF8.GetBytes(Json);
        var mark = "\uFEFF"u8.ToArray();
        byte[] framed = kind switch
        {
            "confluent" => [0, 0, 0, 1, 7, .. json],
            "confluent guid" => [1, .. Guid.NewGuid().ToByteArray(), .. json],
            "apicurio" => [0, 0, 0, 0, 0, 0, 0, 1, 7, .. json],
            "glue" => [3, 0, .. Guid.NewGuid().ToByteArray(), .. json],
            "glue zlib" => [3, 5, .. Guid.NewGuid().ToByteArray(), .. Pack(json, "deflate")],
            "confluent with byte order mark" => [0, 0, 0, 1, 7, .. mark, .. json],
            _ => [0, 0, 0, 0, 0, 0, 0, 1, 7, .. mark, .. json],
        };

        Assert.Equal(Answered, Around(Encode(Decode(framed)).Payload));
    }

    [Theory]
    [InlineData(new byte[] { 0, 0, 0, 0, 7, 0x22, (byte)'h', (byte)'i' }, "schema id 7")]
    [InlineData(new byte[] { 0, 0, 0, 0, 7, 0x5B, 2, 3 }, "schema id 7")]
    [InlineData(new byte[] { 0, 0, 0, 0, 0, 0, 0, 0, 7, 2, 0xE9, 8 }, "schema registry's frame")]
    public void What_is_framed_and_no_JSON_is_named(byte[] payload, string said)
    {
        var rejection = Reject(payload);

        Assert.Equal(RejectionReason.UnsupportedEncoding, rejection.Reason);
        Assert.Contains(said, rejection.Message, StringComparison.Ordinal);
        Assert.Contains("Avro and Protobuf", rejection.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("utf-16", RejectionReason.InvalidUtf8)]
    [InlineData("utf-16BE", RejectionReason.UnsupportedEncoding)]
    [InlineData("utf-16LE", RejectionReason.UnsupportedEncoding)]
    public void UTF_16_is_named(string charset, RejectionReason reason)
    {
        var encoding = Encoding.GetEncoding(charset);
        byte[] payload = [.. charset == "utf-16" ? encoding.GetPreamble() : [], .. encoding.GetBytes(Json)];

        foreach (var format in new[] { InputFormat.Auto, InputFormat.Text })
        {
            var rejection = Reject(payload, format);
            Assert.Equal(reason, rejection.Reason);
            Assert.Contains("UTF-16", rejection.Message, StringComparison.Ordinal);
        }
    }

    [Theory]
    [InlineData(new byte[] { 0x04, 0x22, 0x4D, 0x18, 0x64, 0x40, 0xA7 }, "LZ4")]
    [InlineData(new byte[] { 0x82, (byte)'S', (byte)'N', (byte)'A', (byte)'P', (byte)'P', (byte)'Y', 0 }, "Snappy")]
    [InlineData(new byte[] { (byte)'O', (byte)'b', (byte)'j', 1, 4, 0x16, 0xFF }, "an Avro file")]
    [InlineData(new byte[] { 0xAC, 0xED, 0, 5, 0x74 }, "a serialized Java object")]
    public void Other_formats_are_named(byte[] payload, string name) =>
        Assert.Contains($"it looks like {name}", Reject(payload).Message, StringComparison.Ordinal);

    private static string Text(TextEvent decoded)
    {
        using (decoded) return decoded.Text.ToString();
    }

    internal static byte[] Pack(byte[] bytes, string coding)
    {
        using var packed = new MemoryStream();
        using (Stream stream = coding switch
        {
            "gzip" or "x-gzip" => new GZipStream(packed, CompressionLevel.Optimal, leaveOpen: true),
            "zstd" => Checked(new(packed, leaveOpen: true)),
            "deflate" => new ZLibStream(packed, CompressionLevel.Optimal, leaveOpen: true),
            "br" => new BrotliStream(packed, CompressionLevel.Optimal, leaveOpen: true),
            _ => new DeflateStream(packed, CompressionLevel.Optimal, leaveOpen: true),
        })
            stream.Write(bytes);
        return packed.ToArray();
    }

    private static CompressionStream Checked(CompressionStream stream)
    {
        stream.SetParameter(ZstdSharp.Unsafe.ZSTD_cParameter.ZSTD_c_checksumFlag, 1);
        return stream;
    }
}
