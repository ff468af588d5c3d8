using System.Text.Json;
using Confluent.Kafka;

namespace MtlStream.IntegrationTests.Kafka;

/// <summary>The worker's own process against a real Kafka.</summary>
public sealed class WorkerOnRealKafkaTests() : OnRealKafka(Partitions)
{
    private const int Partitions = 4;

    [RealKafkaTheory]
    [InlineData("AtLeastOnce", "classic")]
    [InlineData("ExactlyOnce", "classic")]
    [InlineData("AtLeastOnce", "consumer")]
    [InlineData("ExactlyOnce", "consumer")]
    public async Task Every_event_is_enriched_once_and_a_stop_commits_and_exits_0(string guarantee, string protocol)
    {
        WriteEvents(_input, 0, 4000, Partitions);
        var worker = Start(guarantee, protocol);

        await Wait.Until(() => Committed(Partitions) >= 4000, log: () => worker.Log);
        Assert.True(worker.IsReady());
        await worker.StopAsync();
        AssertEvents(4000, exact: true);
    }

    [RealKafkaFact]
    public async Task Raw_events_of_another_client_come_back_enriched_or_as_dead_letters()
    {
        var worker = Start("AtLeastOnce");
        _kafka.Command(
            "{\"text\": \"Angela Merkel visited Paris.\", \"id\": 1}\nnot json\n{\"text\": \"\"}\n",
            ["run", "--", "org.apache.kafka.tools.ConsoleProducer", "--bootstrap-server", _kafka.BootstrapServers, "--topic", _input]);

        var enriched = Assert.Single(_topics.Read(_output, 1));
        var letters = _topics.Read(_letters, 2);
        await worker.StopAsync();
        var printed = Print(_letters, 2);
        Assert.Contains("mtlstream.reason:malformed_payload", printed, StringComparison.Ordinal);
        Assert.Contains($"__connect.errors.topic:{_input}", printed, StringComparison.Ordinal);
        Assert.Contains("not json", printed, StringComparison.Ordinal);
        Assert.Contains("\"schema\":\"enriched-event.v1\"", Print(_output, 1), StringComparison.Ordinal);

        using var json = JsonDocument.Parse(enriched.Message.Value!);
        Assert.Equal(1, json.RootElement.GetProperty("id").GetInt32());
        Assert.Equal("enriched-event.v1", json.RootElement.GetProperty("analysis").GetProperty("schema").GetString());
        Assert.Equal(
            ["empty_text", "malformed_payload"], letters.Select(l => Topics.Text(l.Message.Headers.GetLastBytes("mtlstream.reason"))).Order());
        Assert.All(letters, l => Assert.Equal(_input, Topics.Text(l.Message.Headers.GetLastBytes("__connect.errors.topic"))));
        Assert.Contains(letters, l => Topics.Text(l.Message.Value) == "not json");
    }

    [RealKafkaFact]
    public async Task Each_hostile_event_becomes_what_it_should_and_none_loses_a_neighbour()
    {
        var settings = new Dictionary<string, string>([.. Settings("AtLeastOnce"), .. HostileEvents.RaisedLimits])
        {
            ["Kafka:InputTopics:0"] = Topics.Unique("in"),
            ["Kafka:OutputTopic"] = Topics.Unique("out"),
            ["Kafka:DeadLetterTopic"] = Topics.Unique("dead"),
            ["Model:Device"] = "cpu",
        };
        _topics.Create(
            [settings["Kafka:InputTopics:0"], settings["Kafka:OutputTopic"], settings["Kafka:DeadLetterTopic"]], Partitions,
            ("max.message.bytes", $"{HostileEvents.MaxMessageBytes}"));
        var written = HostileEvents.Write(_topics, settings["Kafka:InputTopics:0"], Partitions);
        var worker = Start(settings, WorkerProcess.ToyModel);

        await Wait.Until(() => _topics.Committed(_group, settings["Kafka:InputTopics:0"], Partitions).Sum() >= written, log: () => worker.Log);
        await worker.StopAsync();
        HostileEvents.AssertAnswered(
            written, Partitions, _topics.ReadAll(settings["Kafka:OutputTopic"]), _topics.ReadAll(settings["Kafka:DeadLetterTopic"]));
    }

    [RealKafkaFact]
    public async Task Keys_headers_timestamps_and_tombstones_survive()
    {
        var headers = new Headers();
        for (var i = 0; i < 1000; i++) headers.Add($"h{i}", i % 2 == 0 ? Topics.Bytes($"{i}") : null);
        var at = new Timestamp(1_700_000_000_123, TimestampType.CreateTime);
        _topics.Write(new(_input, 1), new() { Key = null, Value = Topics.Bytes("{\"text\":\"no key\"}"), Headers = headers, Timestamp = at });
        _topics.Write(new(_input, 2), new() { Key = [], Value = Topics.Bytes("{\"text\":\"empty key\"}"), Timestamp = at });
        _topics.Write(new(_input, 3), new() { Key = Topics.Bytes("gone"), Value = null, Timestamp = at });
        _topics.Flush();
        var worker = Start("ExactlyOnce");

        var read = _topics.Read(_output, 3);
        await worker.StopAsync();

        Assert.All(read, r => Assert.Equal(at.UnixTimestampMs, r.Message.Timestamp.UnixTimestampMs));
        var keyless = Assert.Single(read, r => r.Message.Key is null);
        Assert.Equal(1, keyless.Partition.Value);
        Assert.Equal(1000, keyless.Message.Headers.Count(h => h.Key.StartsWith('h')));
        Assert.Null(keyless.Message.Headers.Single(h => h.Key == "h999").GetValueBytes());
        Assert.Single(read, r => r.Message.Key is { Length: 0 });
        Assert.Null(Assert.Single(read, r => Topics.Text(r.Message.Key) == "gone").Message.Value);
    }

    [RealKafkaFact]
    public async Task Over_SASL_SSL_and_CreateTopics_the_worker_makes_its_output_topics_but_never_the_input()
    {
        var (output, letters, missing) = (Topics.Unique("made"), Topics.Unique("made"), Topics.Unique("not-made"));
        WriteEvents(_input, 0, 100, Partitions);
        var settings = Settings("ExactlyOnce");
        var secure = _kafka.SaslSsl("SCRAM-SHA-512");
        settings["Kafka:BootstrapServers"] = secure["bootstrap.servers"];
        foreach (var (name, value) in secure.Where(s => s.Key != "bootstrap.servers")) settings[$"Kafka:Client:{name}"] = value;
        (settings["Kafka:OutputTopic"], settings["Kafka:DeadLetterTopic"], settings["Kafka:CreateTopics"]) = (output, letters, "true");
        settings["Kafka:InputTopics:1"] = missing;
        var worker = Start(settings);

        await Wait.Until(() => Committed(Partitions) >= 100, log: () => worker.Log);
        await Wait.Until(() => worker.Log.Contains(missing, StringComparison.Ordinal), log: () => worker.Log);
        Assert.False(worker.IsReady());
        _topics.Create([missing], 1);
        await Wait.Until(worker.IsReady, log: () => worker.Log);
        await worker.StopAsync();
        Assert.Equal(100, _topics.ReadAll(output).Count);
        Assert.Equal(Partitions, _topics.PartitionCount(letters));
        Assert.DoesNotContain("tester-secret", worker.Log, StringComparison.Ordinal);
    }

    [RealKafkaFact]
    public async Task A_result_too_large_for_its_topic_is_a_dead_letter_and_its_neighbours_are_not()
    {
        var small = Topics.Unique("small");
        _topics.Create([small], Partitions, ("max.message.bytes", "20000"));
        var settings = Settings("ExactlyOnce");
        settings["Kafka:OutputTopic"] = small;
        WriteEvents(_input, 0, 500, Partitions);
        _topics.Write(new(_input, 0), new() { Value = Topics.Bytes($"{{\"id\":-1,\"text\":\"short\",\"more\":\"{new string('x', 30_000)}\"}}") });
        _topics.Write(new(_input, 0), new() { Value = Topics.Bytes($"{{\"id\":-2,\"text\":\"short\",\"more\":\"{new string('x', 19_700)}\"}}") }); // with its labels over the limit
        WriteEvents(_input, 500, 500, Partitions);
        var worker = Start(settings);

        await Wait.Until(() => Committed(Partitions) >= 1002, log: () => worker.Log);
        await worker.StopAsync();
        Assert.Equal(Enumerable.Range(0, 1000), _topics.ReadAll(small).Select(IdOf).Order());
        Assert.Equal([-2, -1], _topics.ReadAll(_letters).Select(IdOf).Order());
    }

    [RealKafkaFact]
    public async Task An_event_as_large_as_a_topic_takes_by_default_passes_with_default_settings()
    {
        WriteEvents(_input, 0, 100, Partitions);
        _topics.Write(new(_input, 0), new() { Value = Topics.Bytes($"{{\"id\":-1,\"text\":\"short\",\"more\":\"{new string('x', 1_030_000)}\"}}") });
        _topics.Write(new(_input, 1), new() { Value = Topics.Bytes($"{{\"id\":-2,\"text\":{new string('x', 1_040_000)}") });
        WriteEvents(_input, 100, 100, Partitions);
        var worker = Start("AtLeastOnce");

        await Wait.Until(() => Committed(Partitions) >= 202, log: () => worker.Log);
        await worker.StopAsync();
        Assert.Equal(201, _topics.ReadAll(_output).Count);
        Assert.Single(_topics.ReadAll(_output), r => Topics.Text(r.Message.Value).Contains(new string('x', 1_030_000), StringComparison.Ordinal));
        Assert.StartsWith("{\"id\":-2", Topics.Text(Assert.Single(_topics.ReadAll(_letters)).Message.Value), StringComparison.Ordinal);
    }

    [RealKafkaTheory]
    [InlineData("AtLeastOnce")]
    [InlineData("ExactlyOnce")]
    public async Task A_dead_letter_that_cannot_be_written_stops_the_worker_and_is_written_when_it_can(string guarantee)
    {
        var poison = $"poison {new string('x', 2000)}";
        await _topics.SetAsync(_letters, "max.message.bytes", "300"); // not even one without its payload
        WriteEvents(_input, 0, 400, Partitions);
        _topics.Write(new(_input, 1), new() { Value = Topics.Bytes(poison) });
        WriteEvents(_input, 400, 400, Partitions);
        var settings = Settings(guarantee);
        settings["Kafka:Consumer:session.timeout.ms"] = "6000"; // the failed worker is missed soon
        var worker = Start(settings);

        Assert.True(await worker.EndedAsync() == 1, worker.Log);
        Assert.Contains("A dead letter cannot be written", worker.Log, StringComparison.Ordinal);
        Assert.True(_topics.Committed(_group, _input, Partitions)[1] <= 100); // the poison's own offset
        Assert.Empty(_topics.ReadAll(_letters));

        await _topics.SetAsync(_letters, "max.message.bytes", "100000");
        var next = Start(settings);
        await Wait.Until(() => Committed(Partitions) >= 801, log: () => next.Log);
        await next.StopAsync();
        Assert.Equal(poison, Topics.Text(Assert.Single(_topics.ReadAll(_letters)).Message.Value));
        AssertEvents(800, exact: guarantee == "ExactlyOnce");
    }

    /// <summary>What Kafka's own console consumer prints of a topic: headers, keys and values.</summary>
    private string Print(string topic, int messages) => _kafka.Command(
        "run", "--", "org.apache.kafka.tools.consumer.ConsoleConsumer", "--bootstrap-server", _kafka.BootstrapServers, "--topic", topic, "--from-beginning",
        "--max-messages", $"{messages}", "--timeout-ms", "120000", "--property", "print.headers=true", "--property", "print.key=true");
}
