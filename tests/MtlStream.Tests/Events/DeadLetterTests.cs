using System.Text.Json;
using System.Text;
using MtlStream.Events;
using MtlStream.Results;
using static MtlStream.Tests.Events.Codec;

namespace MtlStream.Tests.Events;

public sealed class DeadLetterTests
{
    private static readonly byte[] Raw = [0xFF, 0x00, .. "not json"u8];

    private static readonly EventHeader[] Original =
    [
        Header("a", "1"), new("binary", [0xFE, 0x00]), new("null", null), Header("a", "2"),
        Header("traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"),
    ];

    [Fact]
    public void A_dead_letter_has_the_original_key_bytes_and_headers_and_those_of_Kafka_Connect()
    {
        var source = Record(Raw, Original);

        var letter = EventEncoder.EncodeDeadLetter(new(RejectionReason.InvalidUtf8, "decode", "Found 0xFF — expected UTF-8.", source));

        Assert.Equal(Destination.DeadLetters, letter.Destination);
        Assert.Same(source.Payload, letter.Payload);
        Assert.Same(source, letter.Source);
        Assert.Equal(Original, letter.Headers.Take(Original.Length));
        Assert.Equal(
            [
                "__connect.errors.topic=in", "__connect.errors.partition=3", "__connect.errors.offset=41", "__connect.errors.stage=decode",
                "__connect.errors.exception.class.name=MtlStream.Events.RejectionReason.InvalidUtf8",
                "__connect.errors.exception.message=Found 0xFF — expected UTF-8.", "mtlstream.reason=invalid_utf8",
                "mtlstream.timestamp=1700000000123",
            ],
            EventEncoderTests.Lines(letter.Headers.Skip(Original.Length)));
    }

    [Fact]
    public void A_message_of_the_dead_letter_topic_is_read_back_to_what_it_was()
    {
        foreach (var reason in Enum.GetValues<RejectionReason>())
        {
            var rejection = new Rejection(reason, "score", "why", Record(Raw, Original));
            var message = EventEncoder.EncodeDeadLetter(rejection);

            Assert.True(DeadLetter.TryRead("key"u8.ToArray(), message.Headers, message.Payload, 1_700_000_000_123, out var letter, out _));

            Assert.Equal(Original, letter.Headers);
            Assert.Equivalent(DeadLetter.Of(rejection), letter, strict: true);
            Assert.Equivalent(letter, DeadLetter.Of(message), strict: true);
        }
    }

    [Fact]
    public void An_event_that_failed_before_keeps_the_headers_of_then_and_is_read_by_those_of_now()
    {
        var first = EventEncoder.EncodeDeadLetter(new(RejectionReason.MissingText, "decode", "first", Record(Raw, Original)));
        var second = EventEncoder.EncodeDeadLetter(
            new(RejectionReason.WrongType, "decode", "second", Record(Raw, [.. first.Headers]) with { Position = new("other", 1, 2, 1, 0) }));

        var letter = DeadLetter.Of(second);

        Assert.Equal(("other", 1, 2, RejectionReason.WrongType, "second"), (letter.Topic, letter.Partition, letter.Offset, letter.Reason, letter.Message));
        Assert.Equal(first.Headers, letter.Headers);
    }

    [Fact]
    public void A_letter_that_is_replayed_and_fails_again_does_not_grow()
    {
        IReadOnlyList<EventHeader> headers = Original;
        for (var round = 0; round < 3; round++)
        {
            var message = EventEncoder.EncodeDeadLetter(new(RejectionReason.MissingText, "decode", $"round {round}", Record(Raw, [.. headers])));
            Assert.Equal(Original.Length + 8, message.Headers.Count);

            Assert.True(DeadLetter.TryRead(null, message.Headers, message.Payload, 0, out var letter, out _));
            headers = letter.Headers;
        }

        Assert.Equal(Original, headers);
    }

    [Theory]
    [InlineData("__connect.errors.topic", null)]
    [InlineData("__connect.errors.partition", "x")]
    [InlineData("__connect.errors.partition", "-1")]
    [InlineData("__connect.errors.offset", "")]
    [InlineData("mtlstream.reason", "unheard_of")]
    [InlineData("mtlstream.reason", null)]
    public void A_message_of_another_program_is_named_by_the_header_that_is_wrong(string name, string? value)
    {
        var message = EventEncoder.EncodeDeadLetter(new(RejectionReason.MissingText, "decode", "why", Record(Raw)));
        var headers = message.Headers.Where(h => h.Key != name || value is not null)
            .Select(h => h.Key == name ? Header(name, value!) : h).ToList();

        Assert.False(DeadLetter.TryRead(null, headers, null, 0, out var letter, out var problem));
        Assert.Null(letter);
        Assert.Contains(name, problem, StringComparison.Ordinal);
    }

    [Fact]
    public void A_long_message_is_cut_so_that_the_headers_stay_small()
    {
        var letter = EventEncoder.EncodeDeadLetter(new(RejectionReason.InferenceFailed, "score", new string('x', 100_000), Record(Raw)));

        Assert.InRange(letter.Headers.Sum(h => h.Key.Length + h.Value!.Length), 2000, 3000);
    }

    [Fact]
    public void As_JSON_it_is_one_line_with_everything_in_it()
    {
        var rejection = new Rejection(RejectionReason.EmptyText, "decode", "Found \"\n\" there.", Record(Raw, Original[..3]));

        Assert.Equal(
            Line("'topic':'in','partition':3,'offset':41,'timestamp':1700000000123,'key':'a2V5'"),
            Encoding.UTF8.GetString(DeadLetter.Of(rejection).ToJson()));
        Assert.Equal(
            Line("'line':12,'key':null"),
            Encoding.UTF8.GetString((DeadLetter.Of(rejection) with { Line = 12, Key = null }).ToJson()));
        Assert.Equal(
            Line("'topic':'in','partition':3,'offset':41,'timestamp':1700000000123,'rejected':1700003600456,'key':'a2V5'"),
            Encoding.UTF8.GetString(DeadLetter.Of(rejection).ToJson(rejected: 1_700_003_600_456)));

        static string Line(string place) =>
            ("{'schema':'dead-letter.v1','reason':'empty_text','stage':'decode','message':'Found \\'\\n\\' there.'," + place +
            ",'headers':[{'key':'a','value':'MQ=='},{'key':'binary','value':'/gA='},{'key':'null','value':null}],'payload':'/wBub3QganNvbg=='}").Replace('\'', '"');
    }

    [Fact]
    public void An_unknown_timestamp_and_a_large_payload_are_written()
    {
        var payload = new byte[3_000_000];
        Random.Shared.NextBytes(payload);
        var rejection = new Rejection(RejectionReason.PayloadTooLarge, "decode", "large", Record(payload) with { Timestamp = -1 });

        using var json = JsonDocument.Parse(DeadLetter.Of(rejection).ToJson());

        Assert.Equal(JsonValueKind.Null, json.RootElement.GetProperty("timestamp").ValueKind);
        Assert.Equal(payload, json.RootElement.GetProperty("payload").GetBytesFromBase64());
    }
}
