using System.Globalization;
using System.Text.Json;
using Confluent.Kafka;

namespace MtlStream.Kafka;

// The poll thread's dealings with the group: joining, rebalances, rewinds, errors, leaving.
public sealed partial class KafkaEventSource
{
    private static readonly TimeSpan s_reportsOfRevoked = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan s_askForOffsets = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan s_repeatLog = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan s_longestBackoff = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan s_joinBeforeLeaving = TimeSpan.FromSeconds(5);

    private TimeSpan _rewindBackoff = TimeSpan.Zero;
    private long _gaveUp;
    private long _commitsWhenGaveUp;
    private string _rewindReason = "";
    private Error? _fatal;
    private long _leavingSince;

    private void OpenConsumer()
    {
        _consumer = new ConsumerBuilder<byte[]?, byte[]?>(_configuration.Consumer)
            .SetPartitionsAssignedHandler((_, partitions) => OnAssigned(partitions))
            .SetPartitionsRevokedHandler((_, partitions) => OnRevoked([.. partitions.Select(p => p.TopicPartition)]))
            .SetPartitionsLostHandler((_, partitions) => OnLost([.. partitions.Select(p => p.TopicPartition)]))
            .SetOffsetsCommittedHandler((_, offsets) => OnCommitted(offsets))
            .SetErrorHandler((_, error) => OnError(error))
            .SetStatisticsHandler((_, json) => OnStatistics(json))
            .SetLogHandler((_, line) => _logger.ClientLine("consumer", line.Facility, line.Message))
            .Build();
        _consumer.Subscribe(_options.InputTopics);
    }

    // Only the statistics tell how far fetching came behind the last event; being told of every end reached cost a fifth of the throughput.
    // What they lack is left out: what is thrown here would end the run, and they are for a figure alone.
    private void OnStatistics(string json)
    {
        using var statistics = JsonDocument.Parse(json);
        if (!statistics.RootElement.TryGetProperty("topics", out var topics)) return;
        foreach (var flow in _table.Current)
        {
            if (topics.TryGetProperty(flow.Partition.Topic, out var topic) && topic.TryGetProperty("partitions", out var partitions)
                && partitions.TryGetProperty(flow.Partition.Partition.Value.ToString(CultureInfo.InvariantCulture), out var partition)
                && partition.TryGetProperty("fetchq_cnt", out var waiting) && waiting.GetInt64() == 0
                && partition.TryGetProperty("next_offset", out var next))
                flow.FetchedUpTo(next.GetInt64());
        }
    }

    private void OnAssigned(List<TopicPartition> partitions)
    {
        foreach (var partition in partitions) _table.Start(partition);
        if (_paused) _repause = true; // what is new is not paused
        _status.SetGroup(true, _table.CurrentCount);
        if (partitions.Count == 0) return;
        _metrics.Rebalanced("assigned", partitions.Count);
        _logger.PartitionsAssigned(string.Join(", ", partitions));
    }

    private void OnRevoked(List<TopicPartition> partitions)
    {
        var flows = partitions.Select(_table.CurrentOf).OfType<PartitionFlow>().ToList();
        foreach (var flow in flows) flow.Revoke(); // what was not sent yet is the next owner's
        if (_configuration.ExactlyOnce)
        {
            if (_abandon.IsCancellationRequested || !_sink.TryCommit(_consumer!.ConsumerGroupMetadata, _abandon.Token))
                AbandonTransaction("partitions were revoked before everything in the transaction could be committed");
        }
        else
        {
            AwaitReports(flows);
            foreach (var flow in flows) StoreOffset(flow); // committed by the client before the partition goes
        }

        Forget(partitions, stillMember: true);
        _metrics.Rebalanced("revoked", partitions.Count);
        _logger.PartitionsRevoked(string.Join(", ", partitions));
    }

    private void OnLost(List<TopicPartition> partitions)
    {
        foreach (var partition in partitions) _table.CurrentOf(partition)?.Abandon();
        if (_configuration.ExactlyOnce) AbandonTransaction("partitions were lost");
        Forget(partitions, stillMember: false);
        _metrics.Rebalanced("lost", partitions.Count);
        _logger.PartitionsLost(string.Join(", ", partitions));
    }

    private void Forget(List<TopicPartition> partitions, bool stillMember)
    {
        foreach (var partition in partitions) _table.Remove(partition);
        _status.SetGroup(stillMember, _table.CurrentCount);
    }

    /// <summary>True when leaving works; joining is waited for, a little.</summary>
    /// <remarks>
    /// A classic member that leaves amid its first request to join does not know its id yet (KIP-394), nor does librdkafka then wait
    /// for it: the broker would keep the place free until the session times out, and the group would wait for it at each rebalance.
    /// </remarks>
    private bool MayLeave()
    {
        if (_status.Member || !_status.Connected || _configuration.SessionTimeout is null) return true;
        if (_leavingSince == 0) _leavingSince = _time.GetTimestamp();
        var longest = TimeSpan.FromTicks(Math.Min(s_joinBeforeLeaving.Ticks, _configuration.Delivery.DrainTimeout.Ticks / 2)); // leaving is a part of draining
        return _time.GetElapsedTime(_leavingSince) > longest;
    }

    private void AwaitReports(List<PartitionFlow> flows)
    {
        var since = _time.GetTimestamp();
        while (flows.Any(f => !f.NothingPublishing) && !_abandon.IsCancellationRequested)
        {
            if (_time.GetElapsedTime(since) > s_reportsOfRevoked)
            {
                _logger.ReportsLate(flows.Count(f => !f.NothingPublishing), s_reportsOfRevoked.TotalSeconds);
                return;
            }

            WaitAtMost(TimeSpan.FromMilliseconds(1));
        }
    }

    private void OnCommitted(CommittedOffsets committed)
    {
        if (committed.Error.Code == ErrorCode.Local_NoOffset) return;
        var error = committed.Error.IsError ? committed.Error : committed.Offsets.Select(o => o.Error).FirstOrDefault(e => e.IsError);
        _metrics.Committed(TimeSpan.Zero, error?.Code.ToString());
        if (error is not null) _logger.CommitFailed(error.Reason);
    }

    /// <summary>Aborts the open transaction and has every partition that is kept read again from what the broker holds.</summary>
    private void AbandonTransaction(string reason)
    {
        foreach (var flow in _table.Current) flow.Abandon();
        _rewindReason = _sink.Abort(reason, _abandon.Token);
        _logger.TransactionAborted(_rewindReason);

        // Failing again and again without a commit in between: take longer each time.
        _rewindBackoff = _sink.Commits == _commitsWhenGaveUp
            ? TimeSpan.FromTicks(Math.Clamp(_rewindBackoff.Ticks * 2, TimeSpan.FromMilliseconds(100).Ticks, s_longestBackoff.Ticks))
            : TimeSpan.Zero;
        (_commitsWhenGaveUp, _gaveUp) = (_sink.Commits, _time.GetTimestamp());
    }

    /// <summary>Starts every partition over whose flow is over although it is still assigned.</summary>
    private void Rewind()
    {
        var over = _table.Current.Where(f => f.Revoked).ToList();
        if (over.Count == 0 || _time.GetElapsedTime(_gaveUp) < _rewindBackoff) return;
        var offsets = new Dictionary<TopicPartition, long>();
        try
        {
            if (_configuration.ExactlyOnce)
            {
                foreach (var committed in _consumer!.Committed(over.Select(f => f.Partition), s_askForOffsets))
                    if (committed.Offset.Value >= 0) offsets[committed.TopicPartition] = committed.Offset.Value;
            }

            foreach (var flow in over) StartOver(flow, offsets);
        }
        catch (KafkaException exception)
        {
            ReportError($"partitions cannot be read again yet: {exception.Error.Reason}"); // tried again on the next round
        }
    }

    private void StartOver(PartitionFlow flow, Dictionary<TopicPartition, long> offsets)
    {
        if (!_configuration.ExactlyOnce)
        {
            StoreOffset(flow);
            if (flow.Committable is { } acknowledged) offsets[flow.Partition] = acknowledged;
        }

        if (offsets.TryGetValue(flow.Partition, out var offset) || (offset = flow.FirstOffset ?? -1) >= 0)
        {
            _consumer!.Seek(new(flow.Partition, offset));
            _logger.Rewound(flow.Partition.ToString(), offset, _configuration.ExactlyOnce ? _rewindReason : _sink.LastTrouble);
            _metrics.Rewound();
        }

        _table.Start(flow.Partition);
    }

    private void StoreOffset(PartitionFlow flow)
    {
        if (flow.Committable is not { } offset || offset == flow.Stored || flow.GivenUp) return;
        try
        {
            _consumer!.StoreOffset(new TopicPartitionOffset(flow.Partition, offset));
            flow.Stored = offset;
        }
        catch (KafkaException)
        {
            // no longer assigned: its new owner reads it again
        }
    }

    // Called by librdkafka in the middle of a call of ours, too: only notes what the next round has to deal with.
    private void OnError(Error error)
    {
        if (error.Code == ErrorCode.Local_AllBrokersDown) _status.SetDisconnected();
        if (error.IsFatal) _fatal ??= error;
        else if (error.Code is not (ErrorCode.UnknownTopicOrPart or ErrorCode.Local_Fatal)) ReportError(error.Reason); // missing topics are the watch's to tell
    }

    /// <summary>Makes the consumer anew after an error it does not get over.</summary>
    /// <exception cref="IOException">It would not help: a duplicate instance id, or the second time within a minute.</exception>
    private void RebuildConsumer(Error error)
    {
        if (error.Code == ErrorCode.FencedInstanceId)
        {
            var id = LibrdkafkaProperties.Setting(_options, "group.instance.id");
            throw new IOException($"Another worker of group '{_options.GroupId}' uses group.instance.id '{id}' too. Give each its own.");
        }

        if (_lastConsumerRebuild != 0 && _time.GetElapsedTime(_lastConsumerRebuild) < TimeSpan.FromMinutes(1))
            throw new IOException($"The consumer failed for good twice within a minute: {error.Reason}.");
        (_lastConsumerRebuild, _fatal) = (_time.GetTimestamp(), null);
        _logger.ConsumerRebuilt(error.Reason);
        _metrics.Rebuilt("consumer");
        if (_configuration.ExactlyOnce) AbandonTransaction("the consumer failed");
        foreach (var flow in _table.Current) flow.Abandon();
        Quietly(_consumer!.Close);
        _consumer!.Dispose();
        Forget([.. _table.Current.Select(f => f.Partition)], stillMember: false);
        CountPaused();
        (_paused, _full, _fatal) = (false, false, null);
        OpenConsumer();
        if (!_reading) Pause();
    }

    private void ReportError(string reason)
    {
        if (reason == _lastError && _time.GetElapsedTime(_lastErrorLogged) < s_repeatLog) return;
        (_lastError, _lastErrorLogged) = (reason, _time.GetTimestamp());
        _logger.ClientError("consumer", reason);
    }

    private void Close()
    {
        if (_consumer is null) return;
        if (_completing && _configuration.ExactlyOnce) _sink.TryCommit(_consumer.ConsumerGroupMetadata, _abandon.Token);
        if (!_configuration.ExactlyOnce)
        {
            foreach (var flow in _table.Current) StoreOffset(flow);
        }

        Quietly(_consumer.Close); // calls OnRevoked, commits what is stored, leaves the group
        _consumer.Dispose();
        _sink.CountSent();
        _sink.DropProducer();
        _status.SetGroup(false, 0);
        _logger.SourceStopped(_options.GroupId);
    }

    private void CloseAfterFailure()
    {
        foreach (var flow in _table.Current) flow.Abandon();
        if (_consumer is not null)
        {
            Quietly(_consumer.Close);
            Quietly(_consumer.Dispose);
        }

        _sink.DropProducer();
        _status.SetGroup(false, 0);
    }

    /// <summary>For calls whose failure changes nothing: a partition that has just been revoked, a broker that is gone.</summary>
    private void Quietly(Action call)
    {
        try
        {
            call();
        }
        catch (KafkaException exception)
        {
            ReportError(exception.Error.Reason);
        }
    }
}
