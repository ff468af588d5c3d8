using Confluent.Kafka;
using MtlStream.Delivery;
using MtlStream.Events;
using MtlStream.Kafka;
using MtlStream.Results;

namespace MtlStream.IntegrationTests.Kafka;

/// <summary>Transactions that do not go as they should.</summary>
public sealed class AdapterTransactionTests : EmbeddedAdapter
{
    [Theory]
    [InlineData(MockRequest.EndTxn, ErrorCode.InvalidProducerEpoch)]
    [InlineData(MockRequest.TxnOffsetCommit, ErrorCode.IllegalGeneration)]
    [InlineData(MockRequest.TxnOffsetCommit, ErrorCode.GroupLoadInProgress)]
    [InlineData(MockRequest.AddOffsetsToTxn, ErrorCode.GroupAuthorizationFailed)]
    [InlineData(MockRequest.EndTxn, ErrorCode.GroupCoordinatorNotAvailable)]
    [InlineData(MockRequest.AddPartitionsToTxn, ErrorCode.ConcurrentTransactions)]
    [InlineData(MockRequest.Produce, ErrorCode.InvalidProducerEpoch)]
    public async Task A_transaction_that_fails_is_read_again(MockRequest request, ErrorCode error)
    {
        await using var worker = Worker(DeliveryGuarantee.ExactlyOnce).Start();
        _topics.WriteNumbers(_input, Partitions, 1000);
        await Wait.Until(() => worker.Acknowledged >= 1000);
        worker.Hold = new();
        _topics.WriteNumbers(_input, Partitions, 1000, from: 1000);
        _cluster.FailNext(request, error);
        worker.Hold.SetResult();

        await Wait.Until(() => _topics.ReadAll(_output).Select(r => Topics.Text(r.Message.Value)).Distinct().Count() == 2000);
        await worker.StopAsync();

        AssertNumbers(2000, exact: false); // this cluster does not hide what was aborted
    }

    /// <summary>The client would wait for the broker that is gone, for ever (https://github.com/confluentinc/librdkafka/issues/5511).</summary>
    [Fact]
    public async Task A_group_whose_coordinator_goes_for_good_does_not_stop_transactions()
    {
        const int Gone = 1, Others = 2;
        var id = Topics.Unique("transactions");
        _cluster.MoveGroup(_group, Gone);
        _cluster.MoveTransactions(id, Others);
        foreach (var topic in new[] { _input, _output, _letters })
            for (var partition = 0; partition < Partitions; partition++) _cluster.MoveLeader(topic, partition, Others);
        await using var worker = Worker(
            DeliveryGuarantee.ExactlyOnce, o => o with { Producer = new Dictionary<string, string> { ["transaction.timeout.ms"] = "2000" } },
            delivery: new() { TransactionalId = id, CommitInterval = TimeSpan.FromMilliseconds(100) }).Start();
        _topics.WriteNumbers(_input, Partitions, 1000);
        await Wait.Until(() => worker.Acknowledged >= 1000);

        _cluster.MoveGroup(_group, Others);
        _cluster.TakeDown(Gone);
        _topics.WriteNumbers(_input, Partitions, 1000, from: 1000);
        await Wait.Until(() => _topics.ReadAll(_output).Select(r => Topics.Text(r.Message.Value)).Distinct().Count() == 2000 && worker.Acknowledged >= 2000);
        await worker.StopAsync();

        AssertNumbers(2000, exact: false); // this cluster does not hide what was aborted
    }

    /// <summary>Closing the consumer revokes its partitions, which commits the open transaction when that is possible.</summary>
    [Fact]
    public async Task A_run_that_ends_amid_a_transaction_does_not_commit_its_results_without_their_offsets()
    {
        const int Most = 101;
        var producer = new Dictionary<string, string> { ["topic.metadata.refresh.interval.ms"] = "200", ["debug"] = "topic" };
        await using var worker = Worker(
            DeliveryGuarantee.ExactlyOnce, o => o with { Consumer = new Dictionary<string, string>(), Producer = producer },
            r => Topics.Text(r.Payload) == "bad" ? EventEncoder.EncodeDeadLetter(new(RejectionReason.EmptyText, "decode", "bad", r)) : RelayWorker.PassOn(r),
            new() { CommitInterval = TimeSpan.FromSeconds(10), MaxTransactionEvents = Most }).Start();
        Write([.. Enumerable.Repeat("bad", Most)]);
        await Wait.Until(() => worker.Acknowledged == Most);
        worker.Hold = new();
        _cluster.SetTopicError(_letters, ErrorCode.TopicAuthorizationFailed);
        await Wait.Until(() => TestLog.Newest.Contains("producer TOPICERROR", StringComparison.Ordinal)); // from here on it refuses them by itself

        Write([.. Enumerable.Repeat("good", Most - 1), "bad"]);
        await Wait.Until(() => worker.InFlight == Most);
        worker.Hold.SetResult();
        var failure = await Assert.ThrowsAsync<IOException>(() => worker.Run.WaitAsync(TimeSpan.FromMinutes(2)));
        await Wait.Until(() => worker.Status.AssignedPartitions == 0);

        Assert.Contains(_letters, failure.Message, StringComparison.Ordinal);
        Assert.Equal(1, worker.Commits);

        void Write(IEnumerable<string> payloads)
        {
            foreach (var payload in payloads) _topics.Write(new(_input, 0), new() { Value = Topics.Bytes(payload) });
            _topics.Flush();
        }
    }
}
