using System.Security.Cryptography;
using System.Text;
using MtlStream.Events;
using MtlStream.Results;
using MtlStream.Tests.Schemas;
using static MtlStream.Tests.Events.Codec;

namespace MtlStream.Tests.Events;

public sealed class SmallerLetterTests
{
    private static readonly byte[] s_payload = Encoding.UTF8.GetBytes($"not json {new string('x', 100_000)}");

    [Fact]
    public void At_first_the_payload_is_packed_and_can_be_read_back_to_what_it_was()
    {
        var rejection = Rejected(s_payload, Header("a", "1"), Header("content-encoding", "identity"));

        var packed = Smaller(EventEncoder.EncodeDeadLetter(rejection))!;

        Assert.Equal(LetterForm.Packed, packed.Form);
        Assert.InRange(packed.Payload!.Length, 1, 1000);
        Assert.Equal(packed.Source.Key, packed.Key);
        Assert.Equal(
            ["content-encoding=gzip", "mtlstream.payload.bytes=100009", $"mtlstream.payload.sha256={Hash(s_payload)}"],
            EventEncoderTests.Lines(packed.Headers.TakeLast(3)));
        Assert.Equivalent(DeadLetter.Of(rejection), DeadLetter.Of(packed), strict: true);
    }

    [Fact]
    public void A_worker_that_reads_the_dead_letter_topic_finds_the_text_of_a_packed_letter()
    {
        var packed = Smaller(EventEncoder.EncodeDeadLetter(Rejected(Encoding.UTF8.GetBytes($$"""{"text":"a good day","more":"{{new string('x', 5000)}}"}"""))))!;

        var decoded = new EventDecoder(new()).Decode(Record(packed.Payload!, [.. packed.Headers]));

        using var text = decoded.Event!;
        Assert.Equal("a good day", text.Text.ToString());
    }

    [Fact]
    public void At_last_the_payload_is_left_out_and_its_size_and_hash_are_there()
    {
        var rejection = Rejected(s_payload, Header("a", "1"));

        var bare = Smaller(Smaller(EventEncoder.EncodeDeadLetter(rejection))!)!;

        Assert.Equal(LetterForm.Bare, bare.Form);
        Assert.Null(bare.Payload);
        Assert.Equivalent(
            DeadLetter.Of(rejection) with { Payload = null, Missing = new(100_009, Hash(s_payload)) }, DeadLetter.Of(bare), strict: true);
        Assert.Null(Smaller(bare));
    }

    [Fact]
    public void A_payload_that_gzip_does_not_make_smaller_is_left_out_at_once()
    {
        var random = RandomNumberGenerator.GetBytes(10_000);

        Assert.Equal(LetterForm.Bare, Smaller(EventEncoder.EncodeDeadLetter(Rejected(random)))!.Form);
        Assert.Equal(LetterForm.Bare, Smaller(EventEncoder.EncodeDeadLetter(Rejected(null)))!.Form);
    }

    [Fact]
    public void A_key_and_headers_that_are_large_themselves_are_left_out_with_the_payload()
    {
        var rejection = Rejected([], new EventHeader("large", new byte[1 << 20]));
        var message = new string('x', 100_000);

        var bare = Smaller(EventEncoder.EncodeDeadLetter(rejection with { Message = message }))!;

        Assert.Null(bare.Key);
        Assert.InRange(bare.Headers.Sum(h => h.Key.Length + h.Value!.Length), 1, 4000);
        Assert.Equal(("in", 3, 41L), (DeadLetter.Of(bare).Topic, DeadLetter.Of(bare).Partition, DeadLetter.Of(bare).Offset));
    }

    [Fact]
    public void Only_size_makes_a_dead_letter_smaller()
    {
        var letter = EventEncoder.EncodeDeadLetter(Rejected(s_payload));

        Assert.Null(EventEncoder.EncodeUnpublished(letter, RejectionReason.OutputRefused, "no key"));
    }

    [Fact]
    public void A_smaller_letter_that_fails_again_keeps_its_headers_and_is_read_as_the_event_that_it_is_now()
    {
        var packed = Smaller(EventEncoder.EncodeDeadLetter(Rejected(s_payload)))!;
        var again = EventEncoder.EncodeDeadLetter(new(RejectionReason.WrongType, "decode", "again", Record(packed.Payload!, [.. packed.Headers])));

        var letter = DeadLetter.Of(again);

        Assert.Same(packed.Payload, letter.Payload);
        Assert.Equal(packed.Headers, letter.Headers);
        Assert.Null(letter.Missing);
    }

    [Theory]
    [InlineData("mtlstream.payload.bytes", "many")]
    [InlineData("mtlstream.payload.bytes", "5")]
    [InlineData("mtlstream.payload.sha256", "0000")]
    public void A_packed_letter_that_is_not_what_its_headers_say_is_no_letter(string name, string value)
    {
        var packed = Smaller(EventEncoder.EncodeDeadLetter(Rejected(s_payload)))!;
        List<EventHeader> headers = [.. packed.Headers.Select(h => h.Key == name ? Header(name, value) : h)];

        Assert.False(DeadLetter.TryRead(null, headers, packed.Payload, 0, out _, out var problem));
        Assert.NotEmpty(problem);
    }

    [Fact]
    public void As_JSON_a_letter_says_what_is_missing()
    {
        var bare = Smaller(Smaller(EventEncoder.EncodeDeadLetter(Rejected(s_payload)))!)!;

        var json = SchemaFiles.Parse(DeadLetter.Of(bare).ToJson());

        Assert.Empty(SchemaFiles.Strict("dead-letter.v1").Problems(json));
        Assert.Equal(100_009, json.GetProperty("missing").GetProperty("bytes").GetInt32());
        Assert.Equal(Hash(s_payload), json.GetProperty("missing").GetProperty("sha256").GetString());
    }

    private static Rejection Rejected(byte[]? payload, params EventHeader[] headers) =>
        new(RejectionReason.MalformedPayload, "decode", "why", Record([], headers) with { Payload = payload });

    private static OutboundRecord? Smaller(OutboundRecord letter) =>
        EventEncoder.EncodeUnpublished(letter, RejectionReason.OutputTooLarge, "too large");

    private static string Hash(byte[] payload) => Convert.ToHexStringLower(SHA256.HashData(payload));
}
