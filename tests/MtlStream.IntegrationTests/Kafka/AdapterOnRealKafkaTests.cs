using System.Globalization;
using Confluent.Kafka;
using Microsoft.Extensions.Time.Testing;
using MtlStream.Delivery;
using MtlStream.Events;
using MtlStream.Kafka;
using MtlStream.Results;

namespace MtlStream.IntegrationTests.Kafka;

/// <summary>Source and sink against what only real brokers do: group membership to the letter, and refusing batches.</summary>
public sealed class AdapterOnRealKafkaTests : OnRealKafka
{
    [RealKafkaTheory]
    [InlineData("classic")]
    [InlineData("consumer")]
    public async Task A_worker_beyond_the_number_of_partitions_is_idle_and_ready(string protocol)
    {
        _topics.Create([_input, _output, _letters], partitions: 1);
        await using var one = Worker(protocol).Start();
        await using var two = Worker(protocol).Start();

        await Wait.Until(() => one.Status.Ready && two.Status.Ready);
        await Wait.Until(() => one.Status.AssignedPartitions + two.Status.AssignedPartitions == 1);
        await one.StopAsync();
        await Wait.Until(() => two.Status is { Ready: true, AssignedPartitions: 1 });
        await two.StopAsync();
    }

    [RealKafkaFact]
    public async Task Workers_that_were_stopped_while_they_joined_are_not_waited_for()
    {
        _topics.Create([_input, _output, _letters], partitions: 4);
        var longer = new Dictionary<string, string> { ["session.timeout.ms"] = "300000" }; // than this test would wait
        for (var i = 0; i < 10; i++)
        {
            TestLog.Clear();
            await using var stopped = Worker("classic", longer).Start();
            await Wait.Until(() => TestLog.Newest.Contains("Reading ", StringComparison.Ordinal)); // it has begun to join
            await Task.Delay(3 * i); // somewhere between the requests of joining
            await stopped.StopAsync();
        }

        await using var worker = Worker("classic", longer).Start();
        await Wait.Until(() => worker.Status.AssignedPartitions == 4);
        await worker.StopAsync();
    }

    [RealKafkaTheory]
    [InlineData("classic")]
    [InlineData("consumer")]
    public async Task A_static_member_that_restarts_gets_its_partitions_back_without_a_rebalance(string protocol)
    {
        _topics.Create([_input, _output, _letters], partitions: 4);
        await using var stays = Worker(protocol, Instance("stays")).Start();
        await Wait.Until(() => stays.Status.AssignedPartitions == 4);
        await using var restarts = Worker(protocol, Instance("restarts")).Start();
        await Wait.Until(() => stays.Status.AssignedPartitions == 2 && restarts.Status.AssignedPartitions == 2);
        var had = TestLog.Newest.Split('\n').Last(l => l.Contains("Assigned: ", StringComparison.Ordinal)).Split("Assigned: ")[1];
        TestLog.Clear();

        await restarts.StopAsync();
        await using var again = Worker(protocol, Instance("restarts")).Start();
        await Wait.Until(() => again.Status.AssignedPartitions == 2);

        var line = Assert.Single(TestLog.Newest.Split('\n'), l => l.Contains("Assigned: ", StringComparison.Ordinal));
        Assert.Equal(had, line.Split("Assigned: ")[1]);
        Assert.Single(TestLog.Newest.Split('\n'), l => l.Contains("Revoked: ", StringComparison.Ordinal)); // by the one that stopped
        Assert.Equal(2, stays.Status.AssignedPartitions);
        await again.StopAsync();
        await stays.StopAsync();

        static Dictionary<string, string> Instance(string id) => new() { ["group.instance.id"] = id };
    }

    [RealKafkaTheory]
    [InlineData(DeliveryGuarantee.AtLeastOnce)]
    [InlineData(DeliveryGuarantee.ExactlyOnce)]
    public async Task A_batch_over_a_limit_that_the_worker_does_not_know_costs_only_the_messages_that_are_over_it(DeliveryGuarantee guarantee)
    {
        _topics.Create([_input, _output, _letters], partitions: 4);
        await using var worker = Worker("classic", guarantee: guarantee, producer: new() { ["linger.ms"] = "200" });
        worker.Hold = new();
        worker.Start();
        await Wait.Until(() => worker.Status.Ready);
        await _topics.SetAsync(_output, "max.message.bytes", "2000"); // limits are read about once a minute: until then it is as if they could not be

        _topics.WriteNumbers(_input, 4, 1000);
        foreach (var partition in new[] { 0, 3 }) _topics.Write(new(_input, partition), new() { Value = Topics.Bytes(new('9', 5000)) });
        _topics.WriteNumbers(_input, 4, 1000, from: 1000);
        worker.Hold.SetResult();
        await Wait.Until(() => _topics.Committed(_group, _input, 4).Sum() >= 2002);
        await worker.StopAsync();

        var numbers = _topics.ReadAll(_output).Select(r => int.Parse(Topics.Text(r.Message.Value), CultureInfo.InvariantCulture)).ToList();
        Assert.Equal(Enumerable.Range(0, 2000), numbers.Distinct().Order());
        var letters = _topics.ReadAll(_letters);
        Assert.All(letters, l => Assert.Equal(5000, l.Message.Value!.Length));
        Assert.Equal(["0", "3"], letters.Select(l => Topics.Text(l.Message.Headers.GetLastBytes("__connect.errors.partition"))).Distinct().Order());
        if (guarantee == DeliveryGuarantee.ExactlyOnce) Assert.Equal((2000, 2), (numbers.Count, letters.Count));
    }

    [RealKafkaTheory]
    [InlineData(DeliveryGuarantee.AtLeastOnce)]
    [InlineData(DeliveryGuarantee.ExactlyOnce)]
    public async Task An_event_of_a_time_that_the_topics_refuse_becomes_a_dead_letter_and_the_rest_goes_on(DeliveryGuarantee guarantee)
    {
        const string furthest = "message.timestamp.after.max.ms"; // an hour, as brokers have it since 4.0
        _topics.Create([_input, _output, _letters], partitions: 1);
        await _topics.SetAsync(_input, furthest, long.MaxValue.ToString(CultureInfo.InvariantCulture));
        foreach (var topic in new[] { _output, _letters }) await _topics.SetAsync(topic, furthest, "3600000");
        var tomorrow = DateTimeOffset.UtcNow.AddDays(1).ToUnixTimeMilliseconds();
        _topics.WriteNumbers(_input, 1, 10);
        _topics.Write(new(_input, 0), new() { Value = "of tomorrow"u8.ToArray(), Timestamp = new(tomorrow, TimestampType.CreateTime) });
        _topics.WriteNumbers(_input, 1, 10, from: 10);

        await using var worker = Worker("classic", guarantee: guarantee).Start();
        await Wait.Until(() => _topics.Committed(_group, _input, 1).Sum() >= 21);
        await worker.StopAsync();

        Assert.Equal(20, _topics.ReadAll(_output).Select(r => Topics.Text(r.Message.Value)).Distinct().Count());
        Assert.All(_topics.ReadAll(_letters), l =>
        {
            Assert.Equal("of tomorrow", Topics.Text(l.Message.Value));
            Assert.Equal(tomorrow.ToString(CultureInfo.InvariantCulture), Topics.Text(l.Message.Headers.GetLastBytes("mtlstream.timestamp")));
            Assert.Equal("output_refused", Topics.Text(l.Message.Headers.GetLastBytes("mtlstream.reason")));
        });
        Assert.NotEmpty(_topics.ReadAll(_letters));
    }

    [RealKafkaTheory]
    [InlineData(DeliveryGuarantee.AtLeastOnce)]
    [InlineData(DeliveryGuarantee.ExactlyOnce)]
    public async Task An_event_without_a_key_for_a_compacted_topic_becomes_a_dead_letter_that_says_so(DeliveryGuarantee guarantee)
    {
        _topics.Create([_input, _output, _letters], partitions: 1);
        await _topics.SetAsync(_output, "cleanup.policy", "compact");
        _topics.WriteNumbers(_input, 1, 10);
        _topics.Write(new(_input, 0), new() { Value = "no key"u8.ToArray() });
        _topics.WriteNumbers(_input, 1, 10, from: 10);

        await using var worker = Worker("classic", guarantee: guarantee).Start();
        await Wait.Until(() => _topics.Committed(_group, _input, 1).Sum() >= 21);
        await worker.StopAsync();

        Assert.Equal(20, _topics.ReadAll(_output).Select(r => Topics.Text(r.Message.Value)).Distinct().Count());
        Assert.NotEmpty(_topics.ReadAll(_letters));
        Assert.All(_topics.ReadAll(_letters), l =>
        {
            Assert.Equal("no key", Topics.Text(l.Message.Value));
            Assert.Equal("output_refused", Topics.Text(l.Message.Headers.GetLastBytes("mtlstream.reason")));
            Assert.Contains("has no key", Topics.Text(l.Message.Headers.GetLastBytes("__connect.errors.exception.message")), StringComparison.Ordinal);
        });
    }

    [RealKafkaFact]
    public void Dead_letters_are_read_from_the_time_on_that_is_asked_for()
    {
        _topics.Create([_letters], partitions: 3);
        var midnight = DateTimeOffset.UtcNow.AddDays(-1);
        var rejection = new Rejection(RejectionReason.EmptyText, "decode", "nothing in it", new(new(_input, 0, 7, 0, 7), null, [], [], 0, 0));
        foreach (var (partition, hour) in new[] { (0, 8), (0, 9), (0, 10), (1, 8) }) // and nothing in the third
        {
            var headers = new Headers();
            foreach (var header in DeadLetter.HeadersOf(rejection)) headers.Add(header.Key, header.Value);
            _topics.Write(new(_letters, partition), new() { Value = [], Headers = headers, Timestamp = new(At(hour).ToUnixTimeMilliseconds(), TimestampType.CreateTime) });
        }

        _topics.Flush();

        Assert.Equal([(0, 1L), (0, 2L)], Read(At(9), []));
        Assert.Empty(Read(At(11), []));
        Assert.Equal([(0, 2L), (1, 0L)], Read(null, new() { [0] = 2 }).Order());

        DateTimeOffset At(int hour) => midnight.AddHours(hour);

        List<(int, long)> Read(DateTimeOffset? since, Dictionary<int, long> from)
        {
            using var topic = new DeadLetterTopic(new(new() { BootstrapServers = _kafka.BootstrapServers, DeadLetterTopic = _letters }, new()));
            return [.. topic.Read(since, from, foreign => Assert.Fail(foreign.Problem), CancellationToken.None).Select(l => (l.Partition, l.Offset))];
        }
    }

    [RealKafkaTheory]
    [InlineData(DeliveryGuarantee.AtLeastOnce)]
    [InlineData(DeliveryGuarantee.ExactlyOnce)]
    public async Task What_no_reader_sees_at_the_end_of_a_partition_is_no_lag(DeliveryGuarantee guarantee)
    {
        _topics.Create([_input, _output, _letters], partitions: 3);
        WriteInTransaction(new(_input, 0), events: 5, commit: true);
        WriteInTransaction(new(_input, 1), events: 5, commit: true);
        WriteInTransaction(new(_input, 1), events: 100, commit: false);
        WriteInTransaction(new(_input, 2), events: 100, commit: false);

        await using var worker = Worker("classic", guarantee: guarantee).Start();
        await Wait.Until(() => worker.Acknowledged == 10);
        await Wait.Until(() => worker.Lag is [0, 0, 0], log: () => string.Join(", ", worker.Lag));
        worker.Hold = new();
        _topics.WriteNumbers(_input, 3, 30);
        await Wait.Until(() => worker.Lag is [10, 10, 10], log: () => string.Join(", ", worker.Lag));
        worker.Hold.SetResult();

        await Wait.Until(() => worker.Lag is [0, 0, 0], log: () => string.Join(", ", worker.Lag));
        await worker.StopAsync();
    }

    [RealKafkaFact]
    public async Task What_an_open_transaction_of_another_keeps_from_being_read_is_lag()
    {
        _topics.Create([_input, _output, _letters], partitions: 1);
        using var upstream = new ProducerBuilder<Null, byte[]>(
            new ProducerConfig { BootstrapServers = _kafka.BootstrapServers, TransactionalId = Topics.Unique("upstream") }).Build();
        upstream.InitTransactions(TimeSpan.FromMinutes(1));
        upstream.BeginTransaction();
        for (var i = 0; i < 5; i++) upstream.Produce(new TopicPartition(_input, 0), new() { Value = Topics.Bytes($"{i}") });
        upstream.Flush(TimeSpan.FromMinutes(1));

        await using var worker = Worker("classic").Start();
        await Wait.Until(() => worker.Lag is [5], log: () => string.Join(", ", worker.Lag));
        upstream.CommitTransaction();

        await Wait.Until(() => worker.Acknowledged == 5);
        await Wait.Until(() => worker.Lag is [0], log: () => string.Join(", ", worker.Lag));
        await worker.StopAsync();
    }

    [RealKafkaFact]
    public async Task A_transaction_is_committed_when_it_has_its_events_long_before_its_time()
    {
        const int Most = 100;
        _topics.Create([_input, _output, _letters], partitions: 4);
        await using var worker = new RelayWorker(
            Options(
                new() { ["session.timeout.ms"] = "1500000", ["max.poll.interval.ms"] = "3000000" },
                new() { ["transaction.timeout.ms"] = "900000" }),
            new() { Guarantee = DeliveryGuarantee.ExactlyOnce, CommitInterval = TimeSpan.FromMinutes(10), MaxTransactionEvents = Most }).Start();

        for (var i = 1; i <= 3; i++)
        {
            _topics.WriteNumbers(_input, 4, Most, from: (i - 1) * Most);
            await Wait.Until(() => worker.Acknowledged == i * Most);
            Assert.Equal(i, worker.Commits); // not before it had them all
            Assert.Equal(i * Most, _topics.Committed(_group, _input, 4).Sum());
        }

        _topics.WriteNumbers(_input, 4, Most / 2, from: 3 * Most);
        await Wait.Until(() => worker.InFlight == Most / 2);
        await worker.StopAsync(); // a stop does not wait for more of them
        Assert.Equal((3 * Most + Most / 2, 4), (worker.Acknowledged, worker.Commits));
    }

    [RealKafkaFact]
    public async Task No_transaction_is_begun_before_there_is_something_to_publish()
    {
        var (quiet, quietGroup) = (Topics.Unique("quiet"), Topics.Unique("group"));
        _topics.Create([quiet, _input, _output, _letters], partitions: 1);
        var delivery = new DeliveryOptions { Guarantee = DeliveryGuarantee.ExactlyOnce, CommitInterval = TimeSpan.FromMilliseconds(50) };
        await using var idle = new RelayWorker(Options() with { InputTopics = [quiet], GroupId = quietGroup }, delivery).Start();
        await Wait.Until(() => idle.Status.AssignedPartitions == 1);

        await using var busy = new RelayWorker(Options(), delivery).Start();
        for (var i = 0; busy.Commits < 10; i++) // the idle one has as long as this for as many
        {
            _topics.WriteNumbers(_input, 1, 1, from: i);
            await Wait.Until(() => busy.Acknowledged == i + 1);
        }

        Assert.Equal(0, idle.Commits);
        _topics.WriteNumbers(quiet, 1, 1);
        await Wait.Until(() => idle.Acknowledged == 1);
        await idle.StopAsync();
        await busy.StopAsync();
        Assert.Equal(1, idle.Commits);
    }

    [RealKafkaFact]
    public async Task A_limit_that_is_raised_holds_without_a_restart()
    {
        const string limit = "max.message.bytes";
        _topics.Create([_input, _output, _letters], partitions: 1);
        await _topics.SetAsync(_output, limit, "2000");
        var time = new FakeTimeProvider();
        await using var worker = new RelayWorker(Options(), new(), time: time).Start();
        WriteLarge();
        await Wait.Until(() => _topics.ReadAll(_letters).Count == 1);

        await _topics.SetAsync(_output, limit, "1000000");
        await Wait.Until(() =>
        {
            time.Advance(TimeSpan.FromMinutes(1));
            WriteLarge();
            return _topics.ReadAll(_output).Count > 0;
        });
        await worker.StopAsync();

        void WriteLarge()
        {
            _topics.Write(new(_input, 0), new() { Value = new byte[5000] });
            _topics.Flush();
        }
    }

    [RealKafkaTheory]
    [InlineData(DeliveryGuarantee.AtLeastOnce)]
    [InlineData(DeliveryGuarantee.ExactlyOnce)]
    public async Task Partitions_that_are_added_to_the_output_take_events_without_a_key_and_fail_nothing(DeliveryGuarantee guarantee)
    {
        const int Before = 4, After = 8;
        _topics.Create([_input], After);
        _topics.Create([_output, _letters], Before);
        var written = 0;
        await using var worker = Worker("classic", guarantee: guarantee, producer: new() { ["topic.metadata.refresh.interval.ms"] = "-1" }).Start(); // never
        await WriteAsync();

        await _topics.GrowAsync(_output, After);
        while (_topics.ReadAll(_output).All(r => r.Partition.Value < Before)) await WriteAsync();
        await worker.StopAsync();

        Assert.Equal(Enumerable.Range(0, written).Select(n => $"{n}"), _topics.ReadAll(_output).Select(r => Topics.Text(r.Message.Value)).OrderBy(t => t.Length).ThenBy(t => t, StringComparer.Ordinal));
        Assert.Equal((0, 0), (worker.FailedSends, worker.Rewinds));

        async Task WriteAsync()
        {
            for (var partition = 0; partition < After; partition++) _topics.Write(new(_input, partition), new() { Value = Topics.Bytes($"{written++}") });
            _topics.Flush();
            await Wait.Until(() => worker.Acknowledged == written);
        }
    }

    [RealKafkaFact]
    public async Task Topics_that_are_created_get_as_many_partitions_as_the_input_topic_that_comes_later()
    {
        await using var worker = new RelayWorker(Options() with { CreateTopics = true }, new()).Start();
        await Wait.Until(() => worker.Status.MissingTopics.Contains(_input));

        _topics.Create([_input], partitions: 4);
        await Wait.Until(() => worker.Status.Ready);
        await worker.StopAsync();

        Assert.Equal([4, 4], new[] { _output, _letters }.Select(_topics.PartitionCount));
    }

    private void WriteInTransaction(TopicPartition to, int events, bool commit)
    {
        using var producer = new ProducerBuilder<Null, byte[]>(
            new ProducerConfig { BootstrapServers = _kafka.BootstrapServers, TransactionalId = Topics.Unique("upstream") }).Build();
        producer.InitTransactions(TimeSpan.FromMinutes(1));
        producer.BeginTransaction();
        for (var i = 0; i < events; i++) producer.Produce(to, new() { Value = Topics.Bytes($"{i}") });
        producer.Flush(TimeSpan.FromMinutes(1)); // written, whatever becomes of the transaction
        if (commit) producer.CommitTransaction();
        else producer.AbortTransaction();
    }
}
