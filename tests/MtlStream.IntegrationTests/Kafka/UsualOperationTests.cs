using System.Globalization;
using System.Text.Json;
using Confluent.Kafka;

namespace MtlStream.IntegrationTests.Kafka;

/// <summary>What operators do to a cluster that works, and what other programs do on it: none of it costs an event.</summary>
[Trait("Category", "RealKafka")]
public sealed class UsualOperationTests : IClassFixture<RealKafkaFixture>, IDisposable
{
    private const int Partitions = 3;

    private readonly RealKafka _kafka = null!;
    private readonly Topics _topics = null!;
    private readonly string _input = Topics.Unique("input");
    private readonly string _output = Topics.Unique("output");
    private readonly string _letters = Topics.Unique("letters");
    private readonly string _group = Topics.Unique("group");
    private readonly List<WorkerProcess> _workers = [];

    public UsualOperationTests(RealKafkaFixture fixture)
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
    [InlineData("ExactlyOnce", "consumer")]
    public async Task Partitions_that_are_added_to_the_input_are_read_from_their_start(string guarantee, string protocol)
    {
        var settings = Settings(guarantee);
        settings["Kafka:Consumer:group.protocol"] = protocol;
        settings["Kafka:Consumer:topic.metadata.refresh.interval.ms"] = "500";
        settings["Kafka:Consumer:metadata.max.age.ms"] = "1000";
        Write(_input, 0, 300, Partitions);
        var worker = Start(settings);
        await Answered(worker, _input, Partitions, 300);

        await _topics.GrowAsync(_input, Partitions + 2);
        await Wait.Until(() => _topics.PartitionCount(_input) == Partitions + 2);
        Write(_input, 300, 500, Partitions + 2);

        await Answered(worker, _input, Partitions + 2, 800);
        await Stop(worker);
        Assert.Equal(Enumerable.Range(0, 800), Ids(_output));
    }

    [RealKafkaFact]
    public async Task Offsets_that_the_tool_resets_are_where_the_next_run_begins()
    {
        Write(_input, 0, 200, Partitions);
        var first = Start(Settings("AtLeastOnce"));
        await Answered(first, _input, Partitions, 200);
        await Stop(first);

        _kafka.Command(
            "run", "--", "org.apache.kafka.tools.consumer.group.ConsumerGroupCommand", "--bootstrap-server", _kafka.BootstrapServers,
            "--group", _group, "--topic", _input, "--reset-offsets", "--to-earliest", "--execute");
        var second = Start(Settings("AtLeastOnce"));

        _topics.Read(_output, 400);
        await Stop(second);
        Assert.Equal(Enumerable.Range(0, 200).SelectMany(id => new[] { id, id }), Ids(_output));
    }

    [RealKafkaFact]
    [Trait("Category", "Faults")]
    public async Task A_compacted_input_with_tombstones_and_aborted_transactions_gives_what_is_valid()
    {
        var compacted = Topics.Unique("compacted");
        _kafka.CreateTopic(compacted, 1, "cleanup.policy=compact");
        Write(compacted, 0, 10, 1);
        _topics.Write(new(compacted, 0), new() { Key = Topics.Bytes("k3"), Value = null });
        _topics.Flush();
        Transaction(compacted, 10, commits: false);
        Transaction(compacted, 11, commits: true);
        Transaction(compacted, 12, commits: false);
        Write(compacted, 13, 1, 1);
        var settings = Settings("ExactlyOnce");
        settings["Kafka:InputTopics:0"] = compacted;
        var worker = Start(settings);

        var read = _topics.Read(_output, 13);
        await Stop(worker);

        Assert.Equal([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 11, 13], Ids(_output));
        Assert.Equal("k3", Topics.Text(Assert.Single(read, r => r.Message.Value is null).Message.Key));
    }

    [RealKafkaFact]
    [Trait("Category", "Faults")]
    public async Task Two_pipelines_that_share_a_group_by_mistake_each_read_their_own_topic()
    {
        var (otherInput, otherOutput) = (Topics.Unique("input"), Topics.Unique("output"));
        _topics.Create([otherInput, otherOutput], Partitions);
        var settings = Settings("AtLeastOnce");
        settings["Kafka:InputTopics:0"] = otherInput;
        settings["Kafka:OutputTopic"] = otherOutput;
        Write(_input, 0, 200, Partitions);
        Write(otherInput, 500, 200, Partitions);

        var (one, other) = (Start(Settings("AtLeastOnce")), Start(settings));

        await Answered(one, _input, Partitions, 200);
        await Answered(other, otherInput, Partitions, 200);
        await Stop(one);
        await Stop(other);
        Assert.Equal(Enumerable.Range(0, 200), Ids(_output).Distinct());
        Assert.Equal(Enumerable.Range(500, 200), Ids(otherOutput).Distinct());
    }

    [RealKafkaFact]
    [Trait("Category", "Faults")]
    public async Task A_signal_at_any_point_of_the_start_ends_it_with_0()
    {
        for (var lines = 1; lines <= 12; lines++)
        {
            var worker = Start(Settings("AtLeastOnce"));
            await Wait.Until(() => worker.Lines >= lines || worker.IsReady() || worker.HasExited, log: () => worker.Log);
            worker.SendTerminate();

            Assert.True(await worker.EndedAsync() == 0, $"after {lines} lines:\n{worker.Log}");
        }
    }

    [RealKafkaFact]
    public async Task A_burst_after_an_idle_time_comes_out_whole_without_a_home_and_over_IPv6()
    {
        var environment = new Dictionary<string, string> { ["HOME"] = "/nonexistent", ["TZ"] = "Asia/Kathmandu" };
        var worker = WorkerProcess.Start(Settings("ExactlyOnce"), environment: environment, listen: "http://[::1]:0");
        _workers.Add(worker);
        await Wait.Until(worker.IsReady, log: () => worker.Log);

        Write(_input, 0, 5000, Partitions);

        await Answered(worker, _input, Partitions, 5000);
        await Stop(worker);
        Assert.Equal(Enumerable.Range(0, 5000), Ids(_output));
    }

    private static async Task Stop(WorkerProcess worker)
    {
        worker.SendTerminate();
        Assert.True(await worker.EndedAsync() == 0, worker.Log);
    }

    private async Task Answered(WorkerProcess worker, string topic, int partitions, int events) => await Wait.Until(
        () => _topics.Committed(_group, topic, partitions).Sum(o => Math.Max(0, o)) >= events, log: () => worker.Log);

    private WorkerProcess Start(Dictionary<string, string> settings)
    {
        var worker = WorkerProcess.Start(settings);
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

    private static Message<byte[]?, byte[]?> Event(int id) => new()
    {
        Key = Topics.Bytes($"k{id}"),
        Value = Topics.Bytes($"{{\"id\":{id.ToString(CultureInfo.InvariantCulture)},\"text\":\"event {id}\"}}"),
    };

    private void Write(string topic, int from, int count, int partitions)
    {
        for (var id = from; id < from + count; id++) _topics.Write(new(topic, id % partitions), Event(id));
        _topics.Flush();
    }

    private void Transaction(string topic, int id, bool commits)
    {
        using var producer = new ProducerBuilder<byte[]?, byte[]?>(
            new ProducerConfig { BootstrapServers = _kafka.BootstrapServers, TransactionalId = Topics.Unique("another") }).Build();
        producer.InitTransactions(TimeSpan.FromMinutes(1));
        producer.BeginTransaction();
        producer.Produce(new TopicPartition(topic, 0), Event(id));
        producer.Flush(TimeSpan.FromMinutes(1));
        if (commits) producer.CommitTransaction();
        else producer.AbortTransaction();
    }

    private IEnumerable<int> Ids(string topic) =>
        _topics.ReadAll(topic).Where(r => r.Message.Value is not null).Select(IdOf).Order();

    private static int IdOf(ConsumeResult<byte[]?, byte[]?> result)
    {
        using var json = JsonDocument.Parse(result.Message.Value!);
        return json.RootElement.GetProperty("id").GetInt32();
    }
}
