using Confluent.Kafka;

namespace MtlStream.Kafka;

/// <summary>The producer of a session: made when there is none, and anew when its settings are to change; its calls are bounded.</summary>
/// <remarks>For the poll thread, except <see cref="Current"/>, <see cref="Batches"/> and <see cref="NoteOutgrown"/>.</remarks>
internal sealed class Producers(SessionContext context, IKafkaClients clients, PublishGate gate)
{
    private static readonly Error s_stuck = new(ErrorCode.Local_TimedOut, "the client did not come back from a call");
    private static readonly TimeSpan s_askAgain = TimeSpan.FromMilliseconds(20);

    private IProducerPort? _current;
    private bool _ready;
    private volatile string? _outgrown;
    private long _lookedAgain;
    private Task _stuck = Task.CompletedTask; // the call that has not come back

    /// <summary>How long one call may block.</summary>
    public static TimeSpan Slice { get; } = TimeSpan.FromSeconds(1);

    /// <summary>Null before the first and between two.</summary>
    public IProducerPort? Current => Volatile.Read(ref _current);

    public BatchPolicy Batches { get; } = new(context.Configuration, context.Topics, context.Time);

    /// <summary>The error of a call that has not come back; null when there is none.</summary>
    public Error? Stuck => _stuck.IsCompleted ? null : s_stuck;

    /// <summary>Makes the producer when there is none; true when publishing can go on. Blocks for a second at most.</summary>
    public bool Ensure(IDelivery delivery)
    {
        if (_ready && Batches.IsDue)
        {
            if (!delivery.TryLetGo()) return delivery.InTransaction; // which is ended first, by its commit or by its failure
            Drop();
        }

        if (_ready)
        {
            if (_outgrown is { } topic) LookAt(topic);
            return true;
        }

        if (gate.Failure is not null) return false;
        if (Current is null) Volatile.Write(ref _current, clients.NewProducer(Batches.Next()));
        return _ready = delivery.TryInitialize(Current!);
    }

    /// <summary>Ends the producer. What it still holds is dropped.</summary>
    public void Drop()
    {
        _ready = false;
        gate.Close();
        if (Current is { } producer)
        {
            if (_stuck.IsCompleted) producer.Dispose();
            else _ = _stuck.ContinueWith(_ => producer.Dispose(), TaskScheduler.Default); // not under its feet
        }

        Volatile.Write(ref _current, null);
        _stuck = Task.CompletedTask;
    }

    /// <summary>Notes that a topic has not the partition that a record is for, as the producer knows it: the watch has seen it grow.</summary>
    public void NoteOutgrown(string topic) => _outgrown = topic;

    /// <summary>Nobody can tell which message of a batch is to blame: from now on each is sent alone, by a new producer.</summary>
    public void RefuseBatch(string topic, Error error)
    {
        if (Batches.BatchRefused(error.Code)) context.Logger.BatchRefused(topic, error.Reason, BatchPolicy.AloneFor.TotalSeconds);
        context.Signal.Set();
    }

    /// <summary>Runs one transactional call until it is done; null, or the error that retrying does not help with.</summary>
    public Error? Call(Action<IProducerPort> call)
    {
        var producer = Current!;
        var started = context.Time.GetTimestamp();
        while (true)
        {
            try
            {
                return Returns(() => call(producer)) ? null : s_stuck;
            }
            catch (KafkaException exception) when (IsWorthRetrying(exception) && MayRetry(started))
            {
                context.Abandoned.WaitHandle.WaitOne(s_askAgain); // the call goes on in the background; asking again waits for it
            }
            catch (KafkaException exception)
            {
                return exception.Error;
            }
        }
    }

    /// <summary>Has the producer look how many partitions a topic has: by itself it does so seldom, or never.</summary>
    /// <remarks>What is to be published waits, and asks for its partition anew each time: it goes on when the producer and the watch agree.</remarks>
    private void LookAt(string topic)
    {
        if (context.Time.GetElapsedTime(_lookedAgain) < Slice) return;
        _outgrown = null;
        try
        {
            Current!.LookAt(topic, Slice);
        }
        catch (KafkaException exception)
        {
            context.Report("producer", exception.Error.Reason); // as long as something is to go there, it is looked again
        }

        _lookedAgain = context.Time.GetTimestamp();
    }

    private static bool IsWorthRetrying(KafkaException exception) =>
        exception is KafkaRetriableException || exception.Error.Code == ErrorCode.Local_TimedOut;

    private bool MayRetry(long started) =>
        !context.IsAbandoned && context.Time.GetElapsedTime(started) < 2 * context.Configuration.TransactionTimeout;

    /// <summary>Makes a call on a thread of its own; false when it does not come back while the transaction can live.</summary>
    /// <remarks>
    /// librdkafka's <c>send_offsets_to_transaction</c> keeps to no time-out while it looks for the group's coordinator, and looks for ever
    /// when that broker has left the cluster (https://github.com/confluentinc/librdkafka/issues/5456 and 5511).
    /// </remarks>
    private bool Returns(Action call)
    {
        var started = context.Time.GetTimestamp();
        var made = Task.Factory.StartNew(call, CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);
        while (Task.WaitAny([made], Slice) < 0)
        {
            var longest = context.IsAbandoned ? 2 * Slice : context.Configuration.TransactionTimeout;
            if (context.Time.GetElapsedTime(started) <= longest) continue;
            _stuck = made;
            return false;
        }

        made.GetAwaiter().GetResult();
        return true;
    }
}
