namespace MtlStream.Kafka;

/// <summary>Leaves the group. Brokers that do not answer are not waited for where nothing is left to commit. For the poll thread.</summary>
/// <remarks>librdkafka's <c>rd_kafka_consumer_close</c> waits for them without a limit.</remarks>
internal sealed class GroupExit(SessionContext context, IDelivery delivery)
{
    private static readonly TimeSpan s_soon = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan s_look = TimeSpan.FromMilliseconds(50);
    private volatile bool _leftBehind;

    /// <summary>The consumer is in its last call still, and ends with the process: what it tells does not matter any more.</summary>
    public bool LeftBehind => _leftBehind;

    /// <summary>Closes and disposes the consumer, which tells of its partitions meanwhile, on another thread while this one waits.</summary>
    public void Leave(IConsumerPort consumer)
    {
        var started = context.Time.GetTimestamp();
        var closing = Task.Factory.StartNew(() => Close(consumer), CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);
        while (Task.WaitAny([closing], s_look) < 0)
        {
            if (context.Time.GetElapsedTime(started) < s_soon || context.Status.Connected || !delivery.AllCommitted) continue;
            _leftBehind = true;
            context.Logger.LeftUnsaid(context.Options.GroupId);
            return;
        }

        closing.GetAwaiter().GetResult();
    }

    private void Close(IConsumerPort consumer)
    {
        context.Quietly(consumer.Close); // calls Revoked, commits what is stored, leaves the group
        consumer.Dispose();
    }
}
