using System.Globalization;
using System.Text.Json;
using Confluent.Kafka;

namespace MtlStream.IntegrationTests.Kafka;

/// <summary>The worker's own process against a real Kafka.</summary>
[Trait("Category", "RealKafka")]
public sealed class WorkerOnRealKafkaTests : IClassFixture<RealKafkaFixture>, IDisposable
{
    private const int Partitions = 4;

    private readonly RealKafka _kafka = null!;
    private readonly Topics _topics = null!;
    private readonly string _input = Topics.Unique("input");
    private readonly string _output = Topics.Unique("output");
    private readonly string _letters = Topics.Unique("letters");
    private readonly string _group = Topics.Unique("group");
    private readonly List<WorkerProcess> _workers = [];

    public WorkerOnRealKafkaTests(RealKafkaFixture fixture)
    {
        if (fixture.Kafka is null) return; // every test is skipped
        _kafka = fixture.Kafka;
        _topics = new(_kafka.BootstrapServers);
        _topics.Create([_input, _output, _letters], Partitions);
    }

    public void Dispose()
    {
        foreach (var worker in _workers) worker.Dispose();
        _topics?.Dispose();
    }

    [RealKafkaTheory]
    [InlineData("AtLeastOnce", "classic")]
    [InlineData("ExactlyOnce", "classic")]
    [InlineData("AtLeastOnce", "consumer")]
    [InlineData("ExactlyOnce", "consumer")]
    public async Task Every_event_is_enriched_once_and_a_stop_commits_and_exits_0(string guarantee, string protocol)
    {
        WriteEvents(0, 4000);
        var worker = Start(guarantee, protocol);

        await Wait.Until(() => _topics.Committed(_group, _input, Partitions).Sum() >= 4000, log: () => worker.Log);
        Assert.True(worker.IsReady());
        worker.SendTerminate();

        Assert.True(await worker.EndedAsync() == 0, worker.Log);
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
        worker.SendTerminate();
        Assert.True(await worker.EndedAsync() == 0, worker.Log);
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
        foreach (var topic in new[] { "Kafka:InputTopics:0", "Kafka:OutputTopic", "Kafka:DeadLetterTopic" })
            _kafka.CreateTopic(settings[topic], Partitions, $"max.message.bytes={HostileEvents.MaxMessageBytes}");
        var written = HostileEvents.Write(_topics, settings["Kafka:InputTopics:0"], Partitions);
        var worker = Start(settings, WorkerProcess.ToyModel);

        await Wait.Until(() => _topics.Committed(_group, settings["Kafka:InputTopics:0"], Partitions).Sum() >= written, log: () => worker.Log);
        worker.SendTerminate();

        Assert.True(await worker.EndedAsync() == 0, worker.Log);
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
        worker.SendTerminate();
        Assert.True(await worker.EndedAsync() == 0, worker.Log);

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
        WriteEvents(0, 100);
        var settings = Settings("ExactlyOnce");
        var secure = _kafka.SaslSsl("SCRAM-SHA-512");
        settings["Kafka:BootstrapServers"] = secure["bootstrap.servers"];
        foreach (var (name, value) in secure.Where(s => s.Key != "bootstrap.servers")) settings[$"Kafka:Client:{name}"] = value;
        (settings["Kafka:OutputTopic"], settings["Kafka:DeadLetterTopic"], settings["Kafka:CreateTopics"]) = (output, letters, "true");
        settings["Kafka:InputTopics:1"] = missing;
        var worker = Start(settings);

        await Wait.Until(() => _topics.Committed(_group, _input, Partitions).Sum() >= 100, log: () => worker.Log);
        await Wait.Until(() => worker.Log.Contains(missing, StringComparison.Ordinal), log: () => worker.Log);
        Assert.False(worker.IsReady());
        _topics.Create([missing], 1);
        await Wait.Until(worker.IsReady, log: () => worker.Log);
        worker.SendTerminate();

        Assert.True(await worker.EndedAsync() == 0, worker.Log);
        Assert.Equal(100, _topics.ReadAll(output).Count);
        Assert.Equal(Partitions, _topics.PartitionCount(letters));
        Assert.DoesNotContain("tester-secret", worker.Log, StringComparison.Ordinal);
    }

    [RealKafkaFact]
    public async Task A_result_too_large_for_its_topic_is_a_dead_letter_and_its_neighbours_are_not()
    {
        var small = Topics.Unique("small");
        _kafka.CreateTopic(small, Partitions, "max.message.bytes=20000");
        var settings = Settings("ExactlyOnce");
        settings["Kafka:OutputTopic"] = small;
        WriteEvents(0, 500);
        _topics.Write(new(_input, 0), new() { Value = Topics.Bytes($"{{\"id\":-1,\"text\":\"short\",\"more\":\"{new string('x', 30_000)}\"}}") });
        _topics.Write(new(_input, 0), new() { Value = Topics.Bytes($"{{\"id\":-2,\"text\":\"short\",\"more\":\"{new string('x', 19_700)}\"}}") }); // with its labels over the limit
        WriteEvents(500, 500);
        var worker = Start(settings);

        await Wait.Until(() => _topics.Committed(_group, _input, Partitions).Sum() >= 1002, log: () => worker.Log);
        worker.SendTerminate();

        Assert.True(await worker.EndedAsync() == 0, worker.Log);
        Assert.Equal(Enumerable.Range(0, 1000), _topics.ReadAll(small).Select(IdOf).Order());
        Assert.Equal([-2, -1], _topics.ReadAll(_letters).Select(IdOf).Order());
    }

    [RealKafkaFact]
    public async Task An_event_as_large_as_a_topic_takes_by_default_passes_with_default_settings()
    {
        WriteEvents(0, 100);
        _topics.Write(new(_input, 0), new() { Value = Topics.Bytes($"{{\"id\":-1,\"text\":\"short\",\"more\":\"{new string('x', 1_030_000)}\"}}") });
        _topics.Write(new(_input, 1), new() { Value = Topics.Bytes($"{{\"id\":-2,\"text\":{new string('x', 1_040_000)}") });
        WriteEvents(100, 100);
        var worker = Start("AtLeastOnce");

        await Wait.Until(() => _topics.Committed(_group, _input, Partitions).Sum() >= 202, log: () => worker.Log);
        worker.SendTerminate();

        Assert.True(await worker.EndedAsync() == 0, worker.Log);
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
        WriteEvents(0, 400);
        _topics.Write(new(_input, 1), new() { Value = Topics.Bytes(poison) });
        WriteEvents(400, 400);
        var settings = Settings(guarantee);
        settings["Kafka:Consumer:session.timeout.ms"] = "6000"; // the failed worker is missed soon
        var worker = Start(settings);

        Assert.True(await worker.EndedAsync() == 1, worker.Log);
        Assert.Contains("A dead letter cannot be written", worker.Log, StringComparison.Ordinal);
        Assert.True(_topics.Committed(_group, _input, Partitions)[1] <= 100); // the poison's own offset
        Assert.Empty(_topics.ReadAll(_letters));

        await _topics.SetAsync(_letters, "max.message.bytes", "100000");
        var next = Start(settings);
        await Wait.Until(() => _topics.Committed(_group, _input, Partitions).Sum() >= 801, log: () => next.Log);
        next.SendTerminate();
        Assert.True(await next.EndedAsync() == 0, next.Log);
        Assert.Equal(poison, Topics.Text(Assert.Single(_topics.ReadAll(_letters)).Message.Value));
        AssertEvents(800, exact: guarantee == "ExactlyOnce");
    }

    [RealKafkaTheory]
    [InlineData("AtLeastOnce")]
    [InlineData("ExactlyOnce")]
    public async Task Killed_in_the_middle_nothing_is_lost_and_exactly_once_means_that(string guarantee)
    {
        const int Events = 32_000;
        var settings = Settings(guarantee);
        settings["Kafka:Consumer:session.timeout.ms"] = "6000"; // a killed worker is missed soon
        for (var i = 0; i < 3; i++)
        {
            WriteEvents(i * 8000, 8000); // each has something to do, however fast the one before it was
            var doomed = Start(settings);
            var before = _topics.Committed(_group, _input, Partitions).Sum(o => Math.Max(0, o));
            await Wait.Until(() => _topics.Committed(_group, _input, Partitions).Sum(o => Math.Max(0, o)) > before, TimeSpan.FromMinutes(3), () => doomed.Log);
            doomed.SendKill();
            await doomed.EndedAsync();
        }

        WriteEvents(24_000, 8000);
        var last = Start(settings);
        await Wait.Until(last.IsReady, TimeSpan.FromMinutes(3), () => last.Log); // perhaps there is nothing left to do for it
        await Wait.Until(() => _topics.Committed(_group, _input, Partitions).Sum() >= Events, TimeSpan.FromMinutes(3), () => last.Log);
        last.SendTerminate();

        Assert.True(await last.EndedAsync() == 0, last.Log);
        AssertEvents(Events, exact: guarantee == "ExactlyOnce");
    }

    [RealKafkaTheory]
    [InlineData("AtLeastOnce", "classic")]
    [InlineData("AtLeastOnce", "consumer")]
    [InlineData("ExactlyOnce", "classic")]
    [InlineData("ExactlyOnce", "consumer")]
    public async Task From_one_worker_to_four_and_back_under_load(string guarantee, string protocol)
    {
        var written = 0;
        void Load(int count) => WriteEvents((written += count) - count, count);
        var committed = () => _topics.Committed(_group, _input, Partitions).Sum(o => Math.Max(0, o));

        Load(4000);
        var first = Start(guarantee, protocol);
        await Wait.Until(() => committed() > 0, TimeSpan.FromMinutes(3), () => first.Log);
        var others = new List<WorkerProcess>();
        for (var i = 0; i < 3; i++)
        {
            Load(4000);
            others.Add(Start(guarantee, protocol));
            await Wait.Until(() => others[^1].Log.Contains("Assigned: ", StringComparison.Ordinal), TimeSpan.FromMinutes(3), () => others[^1].Log);
        }

        Load(4000);
        foreach (var other in others)
        {
            Load(4000);
            other.SendTerminate();
            Assert.True(await other.EndedAsync() == 0, other.Log);
        }

        await Wait.Until(() => committed() >= written, TimeSpan.FromMinutes(3), () => first.Log);
        first.SendTerminate();

        Assert.True(await first.EndedAsync() == 0, first.Log);
        AssertEvents(written, exact: true); // handing partitions over in order costs no duplicate even at least once
    }

    [RealKafkaFact]
    public async Task Two_workers_with_one_transactional_id_are_told_so()
    {
        var settings = Settings("ExactlyOnce");
        settings["Delivery:TransactionalId"] = _group;
        var (one, two) = (Start(settings), Start(settings));
        for (var from = 0; !one.HasExited && !two.HasExited && from < 200_000; from += 1000)
        {
            WriteEvents(from, 1000);
            await Wait.Until(() => one.HasExited || two.HasExited || _topics.Committed(_group, _input, Partitions).Sum(o => Math.Max(0, o)) >= from, TimeSpan.FromMinutes(3));
        }

        var loser = one.HasExited ? one : two;
        Assert.Equal(1, await loser.EndedAsync());
        Assert.Contains($"'{_group}'", loser.Log, StringComparison.Ordinal);
        Assert.Contains("Delivery:TransactionalId", loser.Log, StringComparison.Ordinal);
    }

    /// <summary>What Kafka's own console consumer prints of a topic: headers, keys and values.</summary>
    private string Print(string topic, int messages) => _kafka.Command(
        "run", "--", "org.apache.kafka.tools.consumer.ConsoleConsumer", "--bootstrap-server", _kafka.BootstrapServers, "--topic", topic, "--from-beginning",
        "--max-messages", $"{messages}", "--timeout-ms", "120000", "--property", "print.headers=true", "--property", "print.key=true");

    [RealKafkaFact]
    public async Task Two_workers_with_one_instance_id_are_told_so()
    {
        var settings = Settings("AtLeastOnce");
        settings["Kafka:Consumer:group.instance.id"] = "the-same";
        var first = Start(settings);
        await Wait.Until(first.IsReady, TimeSpan.FromMinutes(3), () => first.Log);
        var second = Start(settings);

        Assert.Equal(1, await first.EndedAsync(TimeSpan.FromMinutes(3)));
        Assert.Contains("group.instance.id 'the-same'", first.Log, StringComparison.Ordinal);
        await Wait.Until(second.IsReady, TimeSpan.FromMinutes(3), () => second.Log);
    }

    private WorkerProcess Start(string guarantee, string protocol = "classic")
    {
        var settings = Settings(guarantee);
        if (protocol == "consumer") settings["Kafka:Consumer:group.protocol"] = "consumer";
        return Start(settings);
    }

    private WorkerProcess Start(Dictionary<string, string> settings, string? model = null)
    {
        var worker = WorkerProcess.Start(settings, model);
        _workers.Add(worker);
        return worker;
    }

    private Dictionary<string, string> Settings(string guarantee) => new()
    {
        ["Kafka:BootstrapServers"] = _kafka.BootstrapServers,
        ["Kafka:GroupId"] = _group,
        ["Kafka:InputTopics:0"] = _input,
        ["Kafka:OutputTopic"] = _output,
        ["Kafka:DeadLetterTopic"] = _letters,
        ["Delivery:Guarantee"] = guarantee,
    };

    private void WriteEvents(int from, int count)
    {
        for (var id = from; id < from + count; id++)
            _topics.Write(new(_input, id % Partitions), new() { Value = Topics.Bytes($"{{\"id\":{id.ToString(CultureInfo.InvariantCulture)},\"text\":\"event {id}\"}}") });
        _topics.Flush();
    }

    private void AssertEvents(int count, bool exact)
    {
        var read = _topics.ReadAll(_output);
        var ids = read.Select(IdOf).ToList();
        Assert.Equal(Enumerable.Range(0, count), ids.Distinct().Order());
        if (exact) Assert.Equal(count, ids.Count);
        foreach (var partition in read.GroupBy(r => r.Partition))
        {
            var first = partition.Select(IdOf).Distinct().ToList();
            Assert.Equal(first.Order(), first);
        }
    }

    private static int IdOf(ConsumeResult<byte[]?, byte[]?> result)
    {
        using var json = JsonDocument.Parse(result.Message.Value!);
        return json.RootElement.GetProperty("id").GetInt32();
    }
}
