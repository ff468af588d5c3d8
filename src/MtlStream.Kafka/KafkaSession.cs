using System.Threading.Channels;
using Confluent.Kafka;
using MtlStream.Delivery;
using MtlStream.Events;

namespace MtlStream.Kafka;

/// <summary>One worker's life with a cluster: owns consumer and producer, on a thread of its own that never waits for the model.</summary>
/// <remarks>
/// The poll thread reads, commits, rewinds, and answers rebalances. It keeps polling while the pipeline drains, until
/// <see cref="CompleteAsync"/> or <see cref="DisposeAsync"/> ends it; other threads publish, set flags and wake it.
/// Its parts: <see cref="Intake"/> reads, <see cref="Publisher"/> and <see cref="IDelivery"/> write and commit,
/// <see cref="Rewinder"/> reads again, <see cref="LagReader"/> tells the lag.
/// </remarks>
internal sealed class KafkaSession : IConsumerEvents, IAsyncDisposable
{
    private static readonly TimeSpan s_idlePoll = TimeSpan.FromMilliseconds(20);
    private static readonly TimeSpan s_observe = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan s_closeSoon = TimeSpan.FromSeconds(8);
    private static readonly TimeSpan s_rebuiltAgain = TimeSpan.FromMinutes(1);
    private static readonly TimeSpan s_joinBeforeLeaving = TimeSpan.FromSeconds(5);

    private readonly SessionContext _context;
    private readonly IKafkaClients _clients;
    private readonly PublishGate _gate;
    private readonly Producers _producers;
    private readonly OutboundMessages _messages;
    private readonly ReviewCopies _reviews;
    private readonly IDelivery _delivery;
    private readonly Rewinder _rewinder;
    private readonly LagReader _lag;
    private readonly RemadeTopics _remade;
    private readonly PartitionStarts _starts;
    private readonly GroupExit _exit;
    private readonly TaskCompletionSource _received = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource _ended = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private Thread? _thread;
    private volatile bool _stopping;
    private volatile bool _completing;

    // Owned by the poll thread.
    private IConsumerPort? _consumer;
    private Error? _fatal;
    private long _observed;
    private long _leavingSince;
    private long _lastRebuild;

    public KafkaSession(SessionContext context, IKafkaClients clients)
    {
        _context = context;
        _clients = clients;
        _gate = new(context.Signal, context.Logger);
        _producers = new(context, clients, _gate);
        _messages = new(context);
        _delivery = context.Configuration.ExactlyOnce
            ? new TransactionalDelivery(context, _gate, _producers, _messages)
            : new AtLeastOnceDelivery(context, _gate, _producers, _messages);
        Publisher = new(context, _gate, _producers, _messages, _delivery);
        _reviews = new(context, clients, _messages);
        _rewinder = new(context, _delivery);
        var gone = new GoneEvents(context);
        _exit = new(context, _delivery);
        _lag = new(context, gone);
        _remade = new(context, _delivery);
        _starts = new(context, _remade);
        Intake = new(context, gone, Failed);
    }

    public Intake Intake { get; }

    public Publisher Publisher { get; }

    /// <summary>Transactions committed so far.</summary>
    public long Commits => _delivery.Commits;

    /// <summary>Events handed over or about to be, and not acknowledged.</summary>
    public long InFlightEvents => _context.Table.InFlightEvents;

    /// <summary>Bytes of their keys, payloads and headers.</summary>
    public long InFlightBytes => _context.Table.InFlightBytes;

    public async Task ReceiveAsync(ChannelWriter<IReadOnlyList<SourceRecord>> received, CancellationToken stopping)
    {
        Intake.Channel = received;
        _thread = new(Poll) { IsBackground = true, Name = "kafka-poll" };
        _thread.Start();
        await using var registration = stopping.Register(() =>
        {
            _stopping = true;
            _context.Signal.Set();
        });
        await _received.Task;
    }

    public void Acknowledge(SourcePosition position)
    {
        _context.Table.Acknowledge(position);
        Intake.NoteRoom();
    }

    public ValueTask PublishAsync(OutboundRecord record, PublishReport reported, CancellationToken abort)
    {
        if (record.Destination != Destination.Review) return Publisher.PublishAsync(record, reported, abort);
        _reviews.Publish(record, reported);
        return ValueTask.CompletedTask;
    }

    public async Task FlushAsync(CancellationToken abort)
    {
        await _gate.WhenIdleAsync(abort);
        await _reviews.FlushAsync(abort);
    }

    public async ValueTask CompleteAsync(CancellationToken abort)
    {
        if (_thread is null) return;
        _completing = true;
        _context.Signal.Set();
        await _ended.Task.WaitAsync(abort);
    }

    /// <summary>Ends the run: nothing can be written any more, and dropping events is not an option.</summary>
    public void Fail(string reason) => _gate.Fail(reason);

    /// <summary>Leaves the group; unless <see cref="CompleteAsync"/> was called, an open transaction is aborted.</summary>
    public async ValueTask DisposeAsync()
    {
        await _context.AbandonAsync();
        _context.Signal.Set();
        if (_thread is not null)
        {
            // What the thread failed with, ReceiveAsync or CompleteAsync has thrown.
            await _ended.Task.WaitAsync(s_closeSoon, _context.Time).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            if (!_ended.Task.IsCompleted)
            {
                _context.Logger.CloseSlow(s_closeSoon.TotalSeconds);
                return; // the thread still uses what would be disposed; it ends with the process
            }
        }

        _reviews.Dispose();
        _context.Dispose();
    }

    private void Poll()
    {
        try
        {
            if (WaitForOutputs())
            {
                Open();
                while (!_context.IsAbandoned && !(_completing && MayLeave())) Round();
            }

            Close();
            _context.Status.SetMoved(0);
            _received.TrySetResult();
            _ended.TrySetResult();
        }
#pragma warning disable CA1031 // the end of a thread: whatever it was, the task that stands for the thread carries it on
        catch (Exception exception)
#pragma warning restore CA1031
        {
            _received.TrySetException(exception);
            CloseAfterFailure(exception);
            _context.Status.SetMoved(0);
            _ended.TrySetException(exception);
        }
    }

    // Nothing is read before there is somewhere to write to.
    private bool WaitForOutputs()
    {
        while (!_context.Topics.OutputsFound && !_stopping && !_completing && !_context.IsAbandoned) _context.Signal.Wait(s_idlePoll);
        if (_context.Topics.OutputsFound) return true;
        _received.TrySetResult();
        return false;
    }

    /// <summary>Makes the consumer. For the poll thread, and tests in its place.</summary>
    internal void Open()
    {
        _consumer = _clients.NewConsumer(this);
        _remade.Notice(_consumer);
        var options = _context.Options;
        _context.Logger.SourceStarted(
            string.Join(", ", options.InputTopics), options.BootstrapServers, options.GroupId,
            _context.Configuration.Delivery.Guarantee.ToString());
    }

    /// <summary>One turn: tends to everything, then reads. For the poll thread, and tests in its place.</summary>
    internal void Round()
    {
        _context.Status.SetMoved(_context.Time.GetTimestamp());
        if (_stopping && Intake.Reading) StopReading();
        Tend();
        Intake.Read(_consumer!);
    }

    /// <summary>Everything besides reading: failures, the producer, rewinds, commits, back pressure, figures.</summary>
    private void Tend()
    {
        _remade.Notice(_consumer!);
        if (_remade.Take() is { Count: > 0 } remade) Renew(remade);
        if (_gate.Failure is { } failure) throw new IOException(failure.Message, failure);
        if (_fatal is { } fatal) RebuildConsumer(fatal);
        _delivery.Recover();
        var ready = _producers.Ensure(_delivery);
        if (ready)
        {
            _rewinder.Rewind(_consumer!); // after a new producer has ended what the old one left: only then the committed offsets are final
            _delivery.Resume();
        }

        _starts.Commit(_consumer!);
        _delivery.Commit(_consumer!, ready);
        Intake.Tend(_consumer!);
        if (_context.Time.GetElapsedTime(_observed) >= s_observe) Observe();
    }

    /// <summary>Makes the clients anew that know topics which are others now, though of the same names.</summary>
    private void Renew(IReadOnlyList<string> remade)
    {
        var options = _context.Options;
        var reason = $"{string.Join(", ", remade)} was deleted and made again";
        if (remade.Contains(options.ReviewTopic)) _reviews.Renew(reason);
        if (remade.Contains(options.OutputTopic) || remade.Contains(options.DeadLetterTopic)) _delivery.RenewProducer(reason);
        if (remade.Any(options.InputTopics.Contains)) ReplaceConsumer(reason);
    }

    private void StopReading()
    {
        Intake.Stop(_consumer);
        _received.TrySetResult();
    }

    private void Observe()
    {
        _observed = _context.Time.GetTimestamp();
        Intake.CountPaused();
        _messages.Count();
        _context.Status.SetMemberId(_consumer!.MemberId);
        _lag.Observe(_consumer);
    }

    public void Statistics(string json) => _lag.NoteStatistics(json);

    public IReadOnlyList<TopicPartitionOffset> Assigned(IReadOnlyList<TopicPartition> partitions)
    {
        foreach (var partition in partitions) _context.Table.Start(partition);
        Intake.NoteAssigned();
        _context.Status.SetGroup(true, _context.Table.CurrentCount);
        if (partitions.Count == 0) return [];
        _context.Metrics.Rebalanced("assigned", partitions.Count);
        _context.Logger.PartitionsAssigned(string.Join(", ", partitions));
        return _starts.Of(partitions, _consumer!);
    }

    public void Revoked(IReadOnlyList<TopicPartition> partitions)
    {
        if (_exit.LeftBehind) return;
        _remade.LookAgain(_consumer!);
        _starts.Commit(_consumer!, leaving: true);
        var flows = partitions.Select(_context.Table.CurrentOf).OfType<PartitionFlow>().ToList();
        foreach (var flow in flows) flow.Revoke(); // what was not sent yet is the next owner's
        _delivery.Revoke(flows, _consumer!);
        Forget(partitions, stillMember: true);
        _context.Metrics.Rebalanced("revoked", partitions.Count);
        _context.Logger.PartitionsRevoked(string.Join(", ", partitions));
    }

    public void Lost(IReadOnlyList<TopicPartition> partitions)
    {
        foreach (var partition in partitions) _context.Table.CurrentOf(partition)?.Abandon();
        _delivery.Lose("partitions were lost");
        Forget(partitions, stillMember: false);
        _context.Metrics.Rebalanced("lost", partitions.Count);
        _context.Logger.PartitionsLost(string.Join(", ", partitions));
    }

    public void Committed(CommittedOffsets offsets)
    {
        if (offsets.Error.Code == ErrorCode.Local_NoOffset) return;
        var error = offsets.Error.IsError ? offsets.Error : offsets.Offsets.Select(o => o.Error).FirstOrDefault(e => e.IsError);
        _context.Metrics.Committed(TimeSpan.Zero, error?.Code.ToString());
        if (error is not null) _context.ReportCommit(error.Reason);
        foreach (var offset in offsets.Offsets.Where(o => !offsets.Error.IsError && !o.Error.IsError))
            if (_context.Table.CurrentOf(offset.TopicPartition) is { } flow) flow.Confirmed = offset.Offset.Value;
    }

    // Called by librdkafka in the middle of a call of ours, too: only notes what the next round has to deal with.
    public void Failed(Error error)
    {
        if (error.Code == ErrorCode.Local_AllBrokersDown) _context.Status.SetDisconnected();
        if (error.IsFatal) _fatal ??= error;
        else if (error.Code is not (ErrorCode.UnknownTopicOrPart or ErrorCode.Local_Fatal)) _context.Report("consumer", error.Reason); // missing topics are the watch's to tell
    }

    private void Forget(IReadOnlyList<TopicPartition> partitions, bool stillMember)
    {
        foreach (var partition in partitions) _context.Table.Remove(partition);
        _context.Status.SetGroup(stillMember, _context.Table.CurrentCount);
    }

    /// <summary>Makes the consumer anew after an error it does not get over.</summary>
    /// <exception cref="IOException">It would not help: a duplicate instance id, or the second time within a minute.</exception>
    private void RebuildConsumer(Error error)
    {
        if (error.Code == ErrorCode.FencedInstanceId)
        {
            var id = LibrdkafkaProperties.Setting(_context.Options, "group.instance.id");
            throw new IOException($"Another worker of group '{_context.Options.GroupId}' uses group.instance.id '{id}' too. Give each its own.");
        }

        if (_lastRebuild != 0 && _context.Time.GetElapsedTime(_lastRebuild) < s_rebuiltAgain)
            throw new IOException($"The consumer failed for good twice within a minute: {error.Reason}.");
        _lastRebuild = _context.Time.GetTimestamp();
        foreach (var flow in _context.Table.Current) flow.Abandon();
        _delivery.Lose("the consumer failed");
        ReplaceConsumer(error.Reason);
    }

    private void ReplaceConsumer(string reason)
    {
        _context.Logger.ConsumerRebuilt(reason);
        _context.Metrics.Rebuilt("consumer");
        _context.Quietly(_consumer!.Close);
        _consumer!.Dispose();
        Forget([.. _context.Table.Current.Select(f => f.Partition)], stillMember: false);
        _fatal = null;
        _consumer = _clients.NewConsumer(this);
        Intake.StartOver(_consumer);
    }

    /// <summary>True when leaving works; joining is waited for, a little.</summary>
    /// <remarks>
    /// A classic member that leaves amid its first request to join does not know its id yet (KIP-394), nor does librdkafka then wait
    /// for it: the broker would keep the place free until the session times out, and the group would wait for it at each rebalance.
    /// </remarks>
    private bool MayLeave()
    {
        var status = _context.Status;
        if (status.Member || !status.Connected || _context.Configuration.SessionTimeout is null) return true;
        if (_leavingSince == 0) _leavingSince = _context.Time.GetTimestamp();
        var halfOfDraining = _context.Configuration.Delivery.DrainTimeout / 2; // leaving is a part of draining
        var longest = halfOfDraining < s_joinBeforeLeaving ? halfOfDraining : s_joinBeforeLeaving;
        return _context.Time.GetElapsedTime(_leavingSince) > longest;
    }

    /// <summary>Commits what is left and leaves the group. For the poll thread, and tests in its place.</summary>
    internal void Close()
    {
        if (_consumer is null) return;
        _remade.LookAgain(_consumer);
        _delivery.Complete(_consumer, drained: _completing);
        _exit.Leave(_consumer);
        _messages.Count();
        _producers.Drop();
        _context.Status.SetGroup(false, 0);
        _context.Logger.SourceStopped(_context.Options.GroupId);
    }

    /// <summary>Gives up what is in flight. For the poll thread, and tests in its place.</summary>
    internal void CloseAfterFailure(Exception failure)
    {
        _gate.Fail(failure.Message); // before the flows are given up: the transaction would be committed without their offsets
        foreach (var flow in _context.Table.Current) flow.Abandon();
        if (_consumer is not null)
        {
            Regardless(() => _remade.Notice(_consumer));
            Regardless(_consumer.Close); // which throws what a rebalance did
            Regardless(_consumer.Dispose);
        }

        Regardless(_producers.Drop);
        _context.Status.SetGroup(false, 0);
    }

    /// <summary>For what is left to close after a failure, which is the one to tell.</summary>
    private void Regardless(Action call)
    {
        try
        {
            call();
        }
#pragma warning disable CA1031 // unhandled, it would end the process before the failure is told
        catch (Exception exception)
#pragma warning restore CA1031
        {
            _context.Report("closing", exception.Message);
        }
    }
}
