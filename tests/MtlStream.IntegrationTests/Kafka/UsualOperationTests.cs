using Confluent.Kafka;

namespace MtlStream.IntegrationTests.Kafka;

/// <summary>What operators do to a cluster that works, and what other programs do on it: none of it costs an event.</summary>
public sealed class UsualOperationTests() : OnRealKafka(Partitions)
{
    private const int Partitions = 3;

    [RealKafkaTheory]
    [InlineData("AtLeastOnce", "classic")]
    [InlineData("ExactlyOnce", "consumer")]
    public async Task Partitions_that_are_added_to_the_input_are_read_from_their_start(string guarantee, string protocol)
    {
        var settings = Settings(guarantee, protocol);
        settings["Kafka:Consumer:topic.metadata.refresh.interval.ms"] = "500";
        settings["Kafka:Consumer:metadata.max.age.ms"] = "1000";
        WriteEvents(_input, 0, 300, Partitions);
        var worker = Start(settings);
        await Answered(worker, _input, Partitions, 300);

        await _topics.GrowAsync(_input, Partitions + 2);
        await Wait.Until(() => _topics.PartitionCount(_input) == Partitions + 2);
        WriteEvents(_input, 300, 500, Partitions + 2);

        await Answered(worker, _input, Partitions + 2, 800);
        await worker.StopAsync();
        Assert.Equal(Enumerable.Range(0, 800), Ids(_output));
    }

    [RealKafkaFact]
    public async Task Offsets_that_the_tool_resets_are_where_the_next_run_begins()
    {
        WriteEvents(_input, 0, 200, Partitions);
        var first = Start("AtLeastOnce");
        await Answered(first, _input, Partitions, 200);
        await first.StopAsync();

        _kafka.Command(
            "run", "--", "org.apache.kafka.tools.consumer.group.ConsumerGroupCommand", "--bootstrap-server", _kafka.BootstrapServers,
            "--group", _group, "--topic", _input, "--reset-offsets", "--to-earliest", "--execute");
        var second = Start("AtLeastOnce");

        _topics.Read(_output, 400);
        await second.StopAsync();
        Assert.Equal(Enumerable.Range(0, 200).SelectMany(id => new[] { id, id }), Ids(_output));
    }

    [RealKafkaFact]
    [Trait("Category", "Faults")]
    public async Task A_compacted_input_with_tombstones_and_aborted_transactions_gives_what_is_valid()
    {
        var compacted = Topics.Unique("compacted");
        _topics.Create([compacted], 1, ("cleanup.policy", "compact"));
        for (var id = 0; id < 10; id++) WriteKeyed(compacted, id);
        _topics.Write(new(compacted, 0), new() { Key = Topics.Bytes("k3"), Value = null });
        _topics.Flush();
        Transaction(compacted, 10, commits: false);
        Transaction(compacted, 11, commits: true);
        Transaction(compacted, 12, commits: false);
        WriteKeyed(compacted, 13);
        var settings = Settings("ExactlyOnce");
        settings["Kafka:InputTopics:0"] = compacted;
        var worker = Start(settings);

        var read = _topics.Read(_output, 13);
        await worker.StopAsync();

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
        WriteEvents(_input, 0, 200, Partitions);
        WriteEvents(otherInput, 500, 200, Partitions);

        var (one, other) = (Start("AtLeastOnce"), Start(settings));

        await Answered(one, _input, Partitions, 200);
        await Answered(other, otherInput, Partitions, 200);
        await one.StopAsync();
        await other.StopAsync();
        Assert.Equal(Enumerable.Range(0, 200), Ids(_output).Distinct());
        Assert.Equal(Enumerable.Range(500, 200), Ids(otherOutput).Distinct());
    }

    [RealKafkaFact]
    [Trait("Category", "Faults")]
    public async Task A_signal_at_any_point_of_the_start_ends_it_with_0()
    {
        for (var lines = 1; lines <= 12; lines++)
        {
            var worker = Start("AtLeastOnce");
            await Wait.Until(() => worker.Lines >= lines || worker.IsReady() || worker.HasExited, log: () => worker.Log);
            worker.SendTerminate();

            Assert.True(await worker.EndedAsync() == 0, $"after {lines} lines:\n{worker.Log}");
        }
    }

    [RealKafkaFact]
    public async Task A_burst_after_an_idle_time_comes_out_whole_without_a_home_and_over_IPv6()
    {
        var environment = new Dictionary<string, string> { ["HOME"] = "/nonexistent", ["TZ"] = "Asia/Kathmandu" };
        var worker = Started(WorkerProcess.Start(Settings("ExactlyOnce"), environment: environment, listen: "http://[::1]:0"));
        await Wait.Until(worker.IsReady, log: () => worker.Log);

        WriteEvents(_input, 0, 5000, Partitions);

        await Answered(worker, _input, Partitions, 5000);
        await worker.StopAsync();
        Assert.Equal(Enumerable.Range(0, 5000), Ids(_output));
    }

    private async Task Answered(WorkerProcess worker, string topic, int partitions, int events) => await Wait.Until(
        () => Committed(partitions, topic) >= events, log: () => worker.Log);

    private void WriteKeyed(string topic, int id)
    {
        _topics.Write(new(topic, 0), Keyed(id));
        _topics.Flush();
    }

    private static Message<byte[]?, byte[]?> Keyed(int id) => new() { Key = Topics.Bytes($"k{id}"), Value = Event(id) };

    private void Transaction(string topic, int id, bool commits)
    {
        using var producer = new ProducerBuilder<byte[]?, byte[]?>(
            new ProducerConfig { BootstrapServers = _kafka.BootstrapServers, TransactionalId = Topics.Unique("another") }).Build();
        producer.InitTransactions(TimeSpan.FromMinutes(1));
        producer.BeginTransaction();
        producer.Produce(new TopicPartition(topic, 0), Keyed(id));
        producer.Flush(TimeSpan.FromMinutes(1));
        if (commits) producer.CommitTransaction();
        else producer.AbortTransaction();
    }

    private IEnumerable<int> Ids(string topic) =>
        _topics.ReadAll(topic).Where(r => r.Message.Value is not null).Select(IdOf).Order();
}
