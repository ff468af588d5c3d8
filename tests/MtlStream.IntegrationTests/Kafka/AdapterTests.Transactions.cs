using Confluent.Kafka;
using MtlStream.Delivery;
using MtlStream.Kafka;

namespace MtlStream.IntegrationTests.Kafka;

// Transactions that do not go as they should.
public sealed partial class AdapterTests
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
        await Wait.Until(() => worker.Settled >= 1000);
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
            delivery: new() { TransactionalId = id }).Start();
        _topics.WriteNumbers(_input, Partitions, 1000);
        await Wait.Until(() => worker.Settled >= 1000);

        _cluster.MoveGroup(_group, Others);
        _cluster.TakeDown(Gone);
        _topics.WriteNumbers(_input, Partitions, 1000, from: 1000);
        await Wait.Until(() => _topics.ReadAll(_output).Select(r => Topics.Text(r.Message.Value)).Distinct().Count() == 2000 && worker.Settled >= 2000);
        await worker.StopAsync();

        AssertNumbers(2000, exact: false); // this cluster does not hide what was aborted
    }
}
