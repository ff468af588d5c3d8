using Confluent.Kafka;
using MtlStream.Delivery;
using MtlStream.Events;
using MtlStream.Kafka;

namespace MtlStream.IntegrationTests.Kafka;

/// <summary>Source and sink against an embedded cluster that refuses, fails, or is not there.</summary>
public sealed class AdapterErrorTests : EmbeddedAdapter
{
    [Theory]
    [InlineData(DeliveryGuarantee.AtLeastOnce)]
    [InlineData(DeliveryGuarantee.ExactlyOnce)]
    public async Task Errors_that_pass_cost_nothing(DeliveryGuarantee guarantee)
    {
        _cluster.FailNext(MockRequest.Produce, ErrorCode.NotEnoughReplicas, ErrorCode.NotLeaderForPartition, ErrorCode.KafkaStorageError,
            ErrorCode.NoError, ErrorCode.RequestTimedOut, ErrorCode.NotEnoughReplicasAfterAppend);
        _cluster.FailNext(MockRequest.Fetch, ErrorCode.NotLeaderForPartition, ErrorCode.NoError, ErrorCode.KafkaStorageError);
        _topics.WriteNumbers(_input, Partitions, 3000);

        await using var worker = Worker(guarantee).Start();
        await Wait.Until(() => worker.Acknowledged >= 3000);
        await worker.StopAsync();

        AssertNumbers(3000, exact: false);
    }

    [Theory]
    [InlineData(DeliveryGuarantee.AtLeastOnce)]
    [InlineData(DeliveryGuarantee.ExactlyOnce)]
    public async Task What_the_client_gives_up_is_delivered_again(DeliveryGuarantee guarantee)
    {
        await using var worker = Worker(guarantee);
        worker.Hold = new();
        worker.Start();
        _topics.WriteNumbers(_input, Partitions, 1000);
        _cluster.FailNext(MockRequest.Produce, [.. Enumerable.Repeat(ErrorCode.LogDirNotFound, 4)]); // neither retried nor the message's fault
        worker.Hold.SetResult();

        await Wait.Until(() => _topics.ReadAll(_output).Select(r => Topics.Text(r.Message.Value)).Distinct().Count() == 1000);
        await worker.StopAsync();
    }

    [Theory]
    [InlineData(DeliveryGuarantee.AtLeastOnce)]
    [InlineData(DeliveryGuarantee.ExactlyOnce)]
    public async Task A_result_that_is_too_large_becomes_a_dead_letter(DeliveryGuarantee guarantee)
    {
        var big = new byte[100_000];
        await using var worker = Worker(
            guarantee, o => o with { Producer = new Dictionary<string, string> { ["message.max.bytes"] = "50000" } },
            r => r.Payload!.Length == 5 ? new(Destination.Results, big, [], r) : RelayWorker.PassOn(r)).Start();
        _topics.WriteNumbers(_input, Partitions, 100);
        _topics.Write(new(_input, 0), new() { Value = Topics.Bytes("large") });
        _topics.WriteNumbers(_input, Partitions, 100, from: 100);

        await Wait.Until(() => worker.Acknowledged == 201);
        await worker.StopAsync();

        AssertNumbers(200, exact: true);
        var letter = Assert.Single(_topics.ReadAll(_letters));
        Assert.Equal("large", Topics.Text(letter.Message.Value));
        Assert.Equal("output_too_large", Topics.Text(letter.Message.Headers.GetLastBytes("mtlstream.reason")));
    }

    [Fact]
    public async Task What_the_broker_refuses_for_good_becomes_a_dead_letter_in_a_transaction_of_its_own_try()
    {
        await using var worker = Worker(DeliveryGuarantee.ExactlyOnce, o => o with { Producer = new Dictionary<string, string> { ["batch.num.messages"] = "1" } }).Start();
        _topics.WriteNumbers(_input, Partitions, 10);
        await Wait.Until(() => worker.Acknowledged >= 10);
        worker.Hold = new();
        _topics.Write(new(_input, 0), new() { Value = Topics.Bytes("refused") });
        _topics.Flush();
        _cluster.FailNext(MockRequest.Produce, ErrorCode.MsgSizeTooLarge);
        worker.Hold.SetResult();

        await Wait.Until(() => _topics.ReadAll(_letters).Count > 0);
        await worker.StopAsync();

        Assert.All(_topics.ReadAll(_letters), l => Assert.Equal("refused", Topics.Text(l.Message.Value)));
    }

    [Theory]
    [InlineData(DeliveryGuarantee.AtLeastOnce, ErrorCode.MsgSizeTooLarge)]
    [InlineData(DeliveryGuarantee.AtLeastOnce, ErrorCode.InvalidTimestamp)]
    [InlineData(DeliveryGuarantee.ExactlyOnce, ErrorCode.MsgSizeTooLarge)]
    public async Task A_batch_that_was_refused_costs_none_of_its_events(DeliveryGuarantee guarantee, ErrorCode refusal)
    {
        _topics.WriteNumbers(_input, Partitions, 1000);
        _cluster.FailNext(MockRequest.Produce, refusal);

        await using var worker = Worker(guarantee).Start();
        await Wait.Until(() => _topics.ReadAll(_output).Select(r => Topics.Text(r.Message.Value)).Distinct().Count() == 1000);
        await worker.StopAsync();

        Assert.Empty(_topics.ReadAll(_letters));
        Assert.Contains("refused a batch", TestLog.Newest, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_worker_is_not_ready_before_its_first_assignment()
    {
        _cluster.SetRoundTripTime(TimeSpan.FromMilliseconds(500)); // between the answer that names the member and the one that brings its partitions
        await using var worker = Worker(with: o => o with { Consumer = new Dictionary<string, string>() }).Start();

        await Wait.Until(() => worker.Status.Ready);
        Assert.Equal(Partitions, worker.Status.AssignedPartitions);

        _cluster.SetRoundTripTime(TimeSpan.Zero);
        await worker.StopAsync();
    }

    [Theory]
    [InlineData(DeliveryGuarantee.AtLeastOnce)]
    [InlineData(DeliveryGuarantee.ExactlyOnce)]
    public async Task A_topic_that_cannot_be_written_ends_the_run_and_nothing_is_committed(DeliveryGuarantee guarantee)
    {
        _topics.WriteNumbers(_input, Partitions, 100);
        _cluster.FailNext(MockRequest.Produce, [.. Enumerable.Repeat(ErrorCode.TopicAuthorizationFailed, 20)]);
        await using var worker = Worker(guarantee).Start();

        var failure = await Assert.ThrowsAsync<IOException>(() => worker.Run.WaitAsync(TimeSpan.FromMinutes(2)));

        Assert.Contains(_output, failure.Message, StringComparison.Ordinal);
        Assert.All(_topics.Committed(_group, _input, Partitions), o => Assert.True(o <= 0));
    }

    [Theory]
    [InlineData(DeliveryGuarantee.AtLeastOnce)]
    [InlineData(DeliveryGuarantee.ExactlyOnce)]
    public async Task A_poll_thread_that_dies_between_the_flush_and_the_close_is_no_clean_stop(DeliveryGuarantee guarantee)
    {
        _topics.WriteNumbers(_input, Partitions, 100);
        await using var worker = Worker(guarantee);
        worker.Flushed = kafka =>
        {
            kafka.Sink.Fail("Nothing can be written any more."); // which ends the thread with its next round
            return Wait.Until(() => worker.Status.AssignedPartitions == 0);
        };
        worker.Start();
        await Wait.Until(() => worker.Acknowledged == 100);

        var failure = await Assert.ThrowsAsync<IOException>(worker.StopAsync);

        Assert.Equal("Nothing can be written any more.", failure.Message);
    }

    [Theory]
    [InlineData(DeliveryGuarantee.AtLeastOnce)]
    [InlineData(DeliveryGuarantee.ExactlyOnce)]
    public async Task A_review_topic_that_cannot_be_written_costs_copies_and_nothing_else(DeliveryGuarantee guarantee)
    {
        var review = Topics.Unique("review");
        _cluster.CreateTopic(review, Partitions, 3);
        await using var worker = Worker(
            guarantee, o => o with { ReviewTopic = review },
            r => RelayWorker.PassOn(r) with { Review = new(Destination.Review, r.Payload, [], r) }).Start();
        _topics.WriteNumbers(_input, Partitions, 100);
        await Wait.Until(() => worker.Acknowledged == 100 && _topics.ReadAll(review).Count == 100);

        _cluster.SetTopicError(review, ErrorCode.TopicAuthorizationFailed);
        _topics.WriteNumbers(_input, Partitions, 1000, from: 100);
        await Wait.Until(() => worker.Acknowledged == 1100);
        await worker.StopAsync();

        AssertNumbers(1100, exact: true);
        Assert.Equal(0, worker.Rewinds);
    }

    [Theory]
    [InlineData(DeliveryGuarantee.AtLeastOnce)]
    [InlineData(DeliveryGuarantee.ExactlyOnce)]
    public async Task An_error_that_stays_is_no_hot_loop(DeliveryGuarantee guarantee)
    {
        _topics.WriteNumbers(_input, Partitions, 1000);
        _cluster.FailNext(MockRequest.Produce, [.. Enumerable.Repeat(ErrorCode.LogDirNotFound, 10_000)]);
        await using var worker = Worker(guarantee).Start();
        await Wait.Until(() => worker.Rewinds > 0);

        await Task.Delay(TimeSpan.FromSeconds(3));
        Assert.InRange(worker.Rewinds, 1, 12 * Partitions);

        // Order is not asked for: what was on its way behind a batch that failed may arrive before the batch comes again.
        _cluster.StopFailing(MockRequest.Produce);
        await Wait.Until(() => _topics.ReadAll(_output).Select(r => Topics.Text(r.Message.Value)).Distinct().Count() == 1000);
        await worker.StopAsync();
    }

    [Fact]
    public async Task Brokers_that_are_down_at_the_start_are_waited_for()
    {
        _topics.WriteNumbers(_input, Partitions, 100);
        _cluster.TakeDown();

        await using var worker = Worker().Start();
        await Wait.Until(() => worker.Status.NotReadyBecause is { } reason && reason != "not connected yet");
        Assert.False(worker.Status.Ready);

        _cluster.BringUp();
        await Wait.Until(() => worker.Acknowledged == 100 && worker.Status.Ready);
        await worker.StopAsync();
    }

    [Fact]
    public async Task A_stop_before_any_broker_was_reached_ends_at_once()
    {
        _cluster.TakeDown();
        await using var worker = Worker().Start();
        await Wait.Until(() => worker.Status.NotReadyBecause is not null);

        await worker.StopAsync();
    }

    [Theory]
    [InlineData(DeliveryGuarantee.AtLeastOnce)]
    [InlineData(DeliveryGuarantee.ExactlyOnce)]
    public async Task An_outage_under_way_is_survived(DeliveryGuarantee guarantee)
    {
        await using var worker = Worker(guarantee).Start();
        _topics.WriteNumbers(_input, Partitions, 2000);
        await Wait.Until(() => worker.Acknowledged > 0);
        _cluster.TakeDown();
        await Wait.Until(() => !worker.Status.Connected);
        _cluster.BringUp();

        _topics.WriteNumbers(_input, Partitions, 2000, from: 2000);
        await Wait.Until(() => _topics.ReadAll(_output).Select(r => Topics.Text(r.Message.Value)).Distinct().Count() == 4000);
        await worker.StopAsync();

        AssertNumbers(4000, exact: false);
    }

    [Theory]
    [InlineData(DeliveryGuarantee.AtLeastOnce)]
    [InlineData(DeliveryGuarantee.ExactlyOnce)]
    public async Task A_right_to_read_that_is_taken_and_given_again_costs_nothing(DeliveryGuarantee guarantee)
    {
        await using var worker = Worker(guarantee).Start();
        _topics.WriteNumbers(_input, Partitions, 500);
        await Wait.Until(() => worker.Acknowledged == 500);
        _cluster.FailNext(MockRequest.Fetch, [.. Enumerable.Repeat(ErrorCode.TopicAuthorizationFailed, 1000)]);
        _topics.WriteNumbers(_input, Partitions, 500, from: 500);

        _cluster.StopFailing(MockRequest.Fetch);
        await Wait.Until(() => worker.Acknowledged == 1000);
        await worker.StopAsync();

        AssertNumbers(1000, exact: true);
    }

    [Fact]
    public async Task A_model_that_hangs_neither_fills_memory_nor_loses_the_assignment()
    {
        _topics.WriteNumbers(_input, Partitions, 5000);
        await using var worker = Worker(with: o => o with { MaxInFlightEvents = 500 });
        worker.Hold = new();
        worker.Start();

        await Wait.Until(() => worker.Paused);
        Assert.InRange(worker.InFlight, 1, 500 + 128);
        worker.Hold.SetResult();
        await Wait.Until(() => worker.Acknowledged == 5000);
        await worker.StopAsync();

        AssertNumbers(5000, exact: true);
    }
}
