using System.Text.Json;
using System.Text.RegularExpressions;
using System.Text;
using Confluent.Kafka;
using MtlStream.Events;
using MtlStream.Kafka;
using MtlStream.Results;
using MtlStream.Tests.Schemas;

namespace MtlStream.Tests.Host;

public sealed class DeadLettersCommandTests : IDisposable
{
    private static readonly DateTimeOffset s_start = new(2026, 1, 31, 8, 0, 0, TimeSpan.Zero);

    private readonly MockCluster _cluster = new();

    public DeadLettersCommandTests()
    {
        _cluster.CreateTopic("in", 3);
        _cluster.CreateTopic("dead", 2);
        Produce("dead", 0, Letter(0, RejectionReason.MalformedPayload, "a"));
        Produce("dead", 1, Letter(1, RejectionReason.InferenceFailed, null));
        Produce("dead", 0, new Message<byte[]?, byte[]?> { Value = "not ours"u8.ToArray() });
        Produce("dead", 0, Letter(2, RejectionReason.InferenceFailed, "c"));
    }

    public void Dispose() => _cluster.Dispose();

    [Fact]
    public async Task The_list_shows_every_dead_letter_once_and_names_what_is_none()
    {
        var result = await RunAsync("list");

        Assert.True(result.ExitCode == 0, result.Error);
        var letters = result.Lines.Select(l => JsonSerializer.Deserialize<JsonElement>(l)).OrderBy(l => l.GetProperty("offset").GetInt64()).ToList();
        Assert.Equal([0, 1, 2], letters.Select(l => l.GetProperty("offset").GetInt32()));
        Assert.All(letters, l => Assert.Equal("in", l.GetProperty("topic").GetString()));
        Assert.Equal([0, 1, 2], letters.Select(l => (l.GetProperty("rejected").GetInt64() - s_start.ToUnixTimeMilliseconds()) / 60_000.0));
        Assert.Equal("payload 1", Encoding.UTF8.GetString(letters[1].GetProperty("payload").GetBytesFromBase64()));
        Assert.Equal("h", Assert.Single(letters[0].GetProperty("headers").EnumerateArray()).GetProperty("key").GetString());
        Assert.Contains("skipped dead [0] at offset 1", result.Error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("--reason inference_failed", 2)]
    [InlineData("--reason inference_failed --reason malformed_payload", 3)]
    [InlineData("--reason empty_text", 0)]
    [InlineData("--since 2026-01-31T08:01:00Z", 2)]
    [InlineData("--until 2026-01-31T08:01:00Z", 1)]
    [InlineData("--since 2026-01-31T09:01:00+01:00 --until 2026-01-31T08:02:00", 1)]
    [InlineData("--since 1m", 0)]
    [InlineData("--since 999999d", 3)]
    [InlineData("--limit 2", 2)]
    public async Task Reason_time_and_number_choose(string options, int count)
    {
        var result = await RunAsync(["list", .. options.Split(' ')]);

        Assert.True(result.ExitCode == 0, result.Error);
        Assert.Equal(count, result.Lines.Count);
    }

    [Fact]
    public async Task A_replay_sends_the_original_to_where_it_came_from()
    {
        var result = await RunAsync("replay", "--reason", "inference_failed");

        Assert.True(result.ExitCode == 0, result.Error);
        Assert.Contains("2 events replayed", result.Error, StringComparison.Ordinal);
        Assert.Empty(result.Lines);
        var replayed = Consume("in", 3).OrderBy(r => Encoding.UTF8.GetString(r.Message.Value!)).ToList();
        Assert.Equal(["payload 1", "payload 2"], replayed.Select(r => Encoding.UTF8.GetString(r.Message.Value!)));
        Assert.Equal([null, "c"], replayed.Select(r => r.Message.Key is { } key ? Encoding.UTF8.GetString(key) : null));
        Assert.Equal(1, replayed[0].Partition.Value);
        Assert.All(replayed, r => Assert.Equal(["h"], r.Message.Headers.Select(h => h.Key)));
    }

    [Fact]
    public async Task A_letter_that_was_packed_is_replayed_as_its_event_was_and_one_without_payload_is_counted()
    {
        _cluster.CreateTopic("small", 1);
        Produce("small", 0, Letter(0, RejectionReason.MalformedPayload, "a", form: LetterForm.Packed));
        Produce("small", 0, Letter(1, RejectionReason.MalformedPayload, "a", form: LetterForm.Bare));
        Produce("small", 0, Letter(2, RejectionReason.MalformedPayload, "a", form: LetterForm.Bare));

        var result = await RunAsync("replay", "--Kafka:DeadLetterTopic=small");

        Assert.True(result.ExitCode == 0, result.Error);
        Assert.Contains("1 events replayed", result.Error, StringComparison.Ordinal);
        Assert.Contains("no room for their payloads: 2, the first at 0:1.", result.Error, StringComparison.Ordinal);
        var replayed = Assert.Single(Consume("in", 3)).Message;
        Assert.StartsWith("payload 0", Encoding.UTF8.GetString(replayed.Value!), StringComparison.Ordinal);
        Assert.Equal(["h"], replayed.Headers.Select(h => h.Key));
        var listed = (await RunAsync("list", "--Kafka:DeadLetterTopic=small")).Lines;
        Assert.Equal([false, true, true], listed.Select(l => JsonSerializer.Deserialize<JsonElement>(l).TryGetProperty("missing", out _)));
    }

    [Fact]
    public async Task A_line_says_where_it_lies_and_when_as_people_read_it_and_shows_the_payload_that_is_text()
    {
        var result = await RunAsync("list", "--at", "0:2");

        Assert.True(result.ExitCode == 0, result.Error);
        var line = JsonSerializer.Deserialize<JsonElement>(Assert.Single(result.Lines));
        Assert.Equal((0, 2), (line.GetProperty("stored").GetProperty("partition").GetInt32(), line.GetProperty("stored").GetProperty("offset").GetInt32()));
        Assert.Equal("2026-01-31T08:02:00.000Z", line.GetProperty("rejectedTime").GetString());
        Assert.Equal("2026-01-31T07:02:00.000Z", line.GetProperty("eventTime").GetString());
        Assert.Equal("payload 2", line.GetProperty("payloadText").GetString());
        Assert.Empty(SchemaFiles.Strict("dead-letter.v1").Problems(line));
    }

    [Fact]
    public async Task Counts_say_how_many_there_are_for_each_reason()
    {
        var result = await RunAsync("list", "--counts");

        Assert.True(result.ExitCode == 0, result.Error);
        Assert.Equal(["{\"reason\":\"inference_failed\",\"letters\":2,\"replayed\":0}", "{\"reason\":\"malformed_payload\",\"letters\":1,\"replayed\":0}"], result.Lines);
    }

    [Fact]
    public async Task What_has_no_key_and_came_from_a_partition_that_is_gone_is_replayed_to_one_that_is_there()
    {
        _cluster.CreateTopic("odd", 1);
        Produce("odd", 0, Letter(0, RejectionReason.InferenceFailed, null, partition: 7)); // "in" has three

        var result = await RunAsync("replay", "--Kafka:DeadLetterTopic=odd");

        Assert.True(result.ExitCode == 0, result.Error);
        Assert.Equal(1, Assert.Single(Consume("in", 3)).Partition.Value);
    }

    [Fact]
    public async Task What_was_replayed_is_marked_and_another_replay_leaves_it_out()
    {
        Assert.Contains("2 events replayed", (await RunAsync("replay", "--reason", "inference_failed")).Error, StringComparison.Ordinal);

        var second = await RunAsync("replay");
        var again = await RunAsync("replay", "--again", "--reason", "inference_failed");

        Assert.Contains("1 events replayed", second.Error, StringComparison.Ordinal); // the third letter, of another reason
        Assert.Matches("replayed before: 2, the first at [01]:[0-9]. --again takes them too", second.Error);
        Assert.Contains("2 events replayed", again.Error, StringComparison.Ordinal);
        Assert.Equal(
            ["payload 0", "payload 1", "payload 1", "payload 2", "payload 2"],
            Consume("in", 3).Select(r => Encoding.UTF8.GetString(r.Message.Value!)).Order());
    }

    [Fact]
    public async Task A_list_tells_what_was_replayed_and_when_and_shows_no_mark()
    {
        await RunAsync("replay", "--at", "0:2");

        var listed = await RunAsync("list");
        var counted = await RunAsync("list", "--counts");

        Assert.DoesNotContain("skipped dead [0] at offset 3", listed.Error, StringComparison.Ordinal);
        var letters = listed.Lines.Select(l => JsonSerializer.Deserialize<JsonElement>(l)).ToList();
        Assert.Equal(3, letters.Count);
        var replayed = Assert.Single(letters, l => l.TryGetProperty("replayedTime", out _));
        Assert.Equal(2, replayed.GetProperty("offset").GetInt32());
        Assert.InRange((DateTimeOffset.UtcNow - replayed.GetProperty("replayedTime").GetDateTimeOffset()).TotalHours, 0, 1);
        Assert.Empty(SchemaFiles.Strict("dead-letter.v1").Problems(replayed));
        Assert.Equal(
            [
                "{\"reason\":\"inference_failed\",\"letters\":2,\"replayed\":1}",
                "{\"reason\":\"malformed_payload\",\"letters\":1,\"replayed\":0}",
            ],
            counted.Lines);
    }

    [Fact]
    public async Task A_dry_run_shows_only_what_a_replay_would_send()
    {
        _cluster.CreateTopic("mixed", 1);
        Produce("mixed", 0, Letter(0, RejectionReason.MalformedPayload, "a"));
        Produce("mixed", 0, Letter(1, RejectionReason.MalformedPayload, "a", form: LetterForm.Bare));
        await RunAsync("replay", "--Kafka:DeadLetterTopic=mixed");
        Produce("mixed", 0, Letter(2, RejectionReason.MalformedPayload, "a"));

        var result = await RunAsync("replay", "--dry-run", "--Kafka:DeadLetterTopic=mixed");

        Assert.True(result.ExitCode == 0, result.Error);
        Assert.Equal("payload 2", Payload(Assert.Single(result.Lines)));
        Assert.Contains("no room for their payloads: 1, the first at 0:1.", result.Error, StringComparison.Ordinal);
        Assert.Contains("replayed before: 1, the first at 0:0.", result.Error, StringComparison.Ordinal);
        Assert.Single(Consume("in", 3));
    }

    [Fact]
    public async Task Where_no_mark_can_be_written_the_replay_is_done_and_says_so()
    {
        _cluster.CreateTopic("sealed", 1);
        Produce("sealed", 0, Letter(0, RejectionReason.InferenceFailed, null));
        _cluster.FailNext(MockRequest.Produce, ErrorCode.NoError, ErrorCode.TopicAuthorizationFailed);

        var result = await RunAsync("replay", "--Kafka:DeadLetterTopic=sealed");

        Assert.True(result.ExitCode == 0, result.Error);
        Assert.Contains("could not be marked as replayed", result.Error, StringComparison.Ordinal);
        Assert.Contains("1 events replayed", result.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_dry_run_shows_and_sends_nothing()
    {
        var result = await RunAsync("replay", "--dry-run", "--limit", "1");

        Assert.True(result.ExitCode == 0, result.Error);
        Assert.Single(result.Lines);
        Assert.Empty(Consume("in", 3));
    }

    [Theory]
    [InlineData("--since yesterday")]
    [InlineData("--reason bad_luck")]
    [InlineData("--limit 0")]
    [InlineData("--from 0")]
    [InlineData("--from 0:1,0:2")]
    [InlineData("--at 0:1,1:2")]
    public async Task What_cannot_be_chosen_by_is_wrong_usage(string options) =>
        Assert.Equal(2, (await RunAsync(["list", .. options.Split(' ')])).ExitCode);

    [Fact]
    public async Task When_it_was_rejected_decides_whatever_time_the_event_had()
    {
        _cluster.CreateTopic("late", 1);
        var times = new long[] { 1_700_000_000_000_000, 0, -1 }; // microseconds, which some producers write; long ago; unknown
        foreach (var (number, time) in times.Index()) Produce("late", 0, Letter(number, RejectionReason.MalformedPayload, "d", time, s_start.AddMinutes(number)));

        Assert.Equal(3, (await ListAsync("--since", "2026-01-31T08:00:00Z")).Count);
        Assert.Equal(["payload 1", "payload 2"], (await ListAsync("--since", "2026-01-31T08:01:00Z")).Select(Payload));
        Assert.Equal(["payload 0"], (await ListAsync("--until", "2026-01-31T08:01:00Z")).Select(Payload));
        Assert.Equal(["payload 2"], (await ListAsync("--from", "0:2")).Select(Payload));

        async Task<IReadOnlyList<string>> ListAsync(params string[] options) => (await RunAsync(["list", .. options, "--Kafka:DeadLetterTopic=late"])).Lines;
    }

    [Fact]
    public async Task A_replay_that_fails_says_what_was_delivered_and_where_to_go_on()
    {
        _cluster.CreateTopic("half", 1);
        for (var i = 0; i < 3; i++) Produce("half", 0, Letter(i, RejectionReason.InferenceFailed, null, partition: i));
        _cluster.FailNext(MockRequest.Produce, ErrorCode.NoError, ErrorCode.TopicAuthorizationFailed, ErrorCode.TopicAuthorizationFailed);

        var failed = await RunAsync("replay", "--Kafka:DeadLetterTopic=half");

        Assert.Equal(1, failed.ExitCode);
        Assert.Matches("1 of [23] events were delivered", failed.Error);
        Assert.Contains("could not be replayed", failed.Error, StringComparison.Ordinal);
        _cluster.StopFailing(MockRequest.Produce);
        var from = Regex.Match(failed.Error, "--from ([0-9:,]+);").Groups[1].Value;
        Assert.True((await RunAsync("replay", "--Kafka:DeadLetterTopic=half", "--from", from)).ExitCode == 0, from);
        Assert.Equal(["payload 0", "payload 1", "payload 2"], Consume("in", 3).Select(r => Encoding.UTF8.GetString(r.Message.Value!)).Distinct().Order());
    }

    [Fact]
    public async Task A_replay_that_is_stopped_says_what_was_delivered_and_where_to_go_on()
    {
        _cluster.CreateTopic("gone", 1);
        Produce("dead", 0, Letter(3, RejectionReason.EmptyText, "d", topic: "gone"));
        Produce("dead", 0, new Message<byte[]?, byte[]?> { Value = "not ours"u8.ToArray() }); // it tells when the letter before is on its way
        _cluster.SetTopicError("gone", ErrorCode.LeaderNotAvailable);

        using var process = Cli.Start(
            "dead-letters", "replay", "--reason", "empty_text", "--from", "0:3,1:1", "--since", "2026-01-31T08:00:00Z", $"--Kafka:BootstrapServers={_cluster.BootstrapServers}", "--Kafka:DeadLetterTopic=dead");
        var skipped = await process.StandardError.ReadLineAsync().WaitAsync(TimeSpan.FromMinutes(2));
        Cli.Signal(process, "INT");
        var error = await process.StandardError.ReadToEndAsync().WaitAsync(TimeSpan.FromMinutes(2));
        await process.WaitForExitAsync();

        Assert.Contains("skipped dead [0] at offset 4", skipped, StringComparison.Ordinal);
        Assert.Contains("0 of 1 events were delivered. To go on: the same command with --from 0:3,1:1 --since 2026-01-31T08:00:00.000Z;", error, StringComparison.Ordinal);
        Assert.Equal(1, process.ExitCode);
    }

    private Task<CliResult> RunAsync(params string[] arguments) => Cli.RunAsync(
        "", ["dead-letters", arguments[0], $"--Kafka:BootstrapServers={_cluster.BootstrapServers}", "--Kafka:DeadLetterTopic=dead", .. arguments[1..]]);

    private static string Payload(string line) =>
        Encoding.UTF8.GetString(JsonSerializer.Deserialize<JsonElement>(line).GetProperty("payload").GetBytesFromBase64());

    /// <param name="timestamp">The event's; an hour before it is rejected when null.</param>
    /// <param name="rejected">As many minutes after the start as the number says when null.</param>
    private static Message<byte[]?, byte[]?> Letter(
        int number, RejectionReason reason, string? key, long? timestamp = null, DateTimeOffset? rejected = null, string topic = "in", int partition = 1,
        LetterForm form = LetterForm.Whole)
    {
        var at = (rejected ?? s_start.AddMinutes(number)).ToUnixTimeMilliseconds();
        var source = new SourceRecord(
            new(topic, partition, number, 0, number), key is null ? null : Encoding.UTF8.GetBytes(key),
            Encoding.UTF8.GetBytes(form == LetterForm.Whole ? $"payload {number}" : $"payload {number}{new string(' ', 1000)}"),
            [new("h", "v"u8.ToArray())], timestamp ?? at - 3_600_000, 0);
        var record = EventEncoder.EncodeDeadLetter(new(reason, "score", "a reason", source));
        while (record.Form != form) record = EventEncoder.EncodeUnpublished(record, RejectionReason.OutputTooLarge, "too large")!;
        var headers = new Headers();
        foreach (var header in record.Headers) headers.Add(header.Key, header.Value);
        return new() { Key = source.Key, Value = record.Payload, Headers = headers, Timestamp = new(at, TimestampType.CreateTime) };
    }

    private void Produce(string topic, int partition, Message<byte[]?, byte[]?> message)
    {
        using var producer = new ProducerBuilder<byte[]?, byte[]?>(new ProducerConfig { BootstrapServers = _cluster.BootstrapServers }).Build();
        producer.Produce(new TopicPartition(topic, partition), message);
        Assert.Equal(0, producer.Flush(TimeSpan.FromMinutes(2)));
    }

    /// <summary>Everything that is in a topic.</summary>
    private List<ConsumeResult<byte[]?, byte[]?>> Consume(string topic, int partitions)
    {
        using var consumer = new ConsumerBuilder<byte[]?, byte[]?>(
            new ConsumerConfig { BootstrapServers = _cluster.BootstrapServers, GroupId = "test", EnablePartitionEof = true, FetchWaitMaxMs = 10 }).Build();
        consumer.Assign(Enumerable.Range(0, partitions).Select(p => new TopicPartitionOffset(topic, p, Offset.Beginning)));
        var (results, ended) = (new List<ConsumeResult<byte[]?, byte[]?>>(), 0);
        while (ended < partitions)
        {
            var result = consumer.Consume(TimeSpan.FromMinutes(2)) ?? throw new TimeoutException($"{topic} cannot be read.");
            if (result.IsPartitionEOF) ended++;
            else results.Add(result);
        }

        return results;
    }
}
