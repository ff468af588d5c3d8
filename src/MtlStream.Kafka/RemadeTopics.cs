using Confluent.Kafka;

namespace MtlStream.Kafka;

/// <summary>Notices topics that were deleted and made again, and has the group forget how far the old ones were read. For the poll thread.</summary>
/// <remarks>
/// librdkafka keeps a partition's leader epoch beyond the end of its topic, and takes an older one for out of date: a client that knew
/// the old topic may neither read nor write the new one (https://github.com/confluentinc/librdkafka/issues/4898). Only another client does.
/// </remarks>
internal sealed class RemadeTopics(SessionContext context, IDelivery delivery)
{
    private const int MostTries = 10;
    private static readonly TimeSpan s_tryAgain = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan s_lookAgain = TimeSpan.FromSeconds(1);

    private readonly Dictionary<string, string> _ids = [];
    private readonly HashSet<string> _remade = [];
    private List<string> _due = [];

    /// <summary>True when a topic was made again since reading began: the group holds nothing of it, though it is no new group.</summary>
    public bool Knows(string topic) => _remade.Contains(topic);

    /// <summary>Those noticed since the last call: clients that know them have to be made anew.</summary>
    public IReadOnlyList<string> Take()
    {
        if (_due.Count == 0) return [];
        var due = _due;
        _due = [];
        return due;
    }

    /// <summary>Notices what is known by now, and gives up what was read of it.</summary>
    public void Notice(IConsumerPort consumer)
    {
        List<string>? read = null;
        foreach (var topic in context.Options.InputTopics)
            if (IsRemade(topic)) (read ??= []).Add(topic);
        foreach (var topic in context.Options.WrittenTopics)
            if (IsRemade(topic)) _due.Add(topic);
        if (read is not null) GiveUp(read, consumer);
    }

    /// <summary>As <see cref="Notice"/>, after another look at the brokers: for what is about to be committed for the last time.</summary>
    public void LookAgain(IConsumerPort consumer)
    {
        context.Topics.LookAgain(s_lookAgain);
        Notice(consumer);
    }

    private bool IsRemade(string topic)
    {
        if (context.Topics.IdOf(topic) is not { } id) return false;
        var known = _ids.TryGetValue(topic, out var before);
        if (known && before == id) return false;
        _ids[topic] = id;
        if (known) _remade.Add(topic);
        return known;
    }

    // Until it notices, a worker commits what it has read of the old topic under the name of the new one.
    private void GiveUp(List<string> topics, IConsumerPort consumer)
    {
        _due.AddRange(topics);
        var names = string.Join(", ", topics);
        context.Logger.TopicsMadeAgain(names, context.Table.InFlightEvents);
        foreach (var flow in context.Table.Current) flow.Abandon();
        delivery.Lose($"{names} was deleted and made again"); // first: a transaction would commit how far the old one was read
        var starts = new List<TopicPartitionOffset>();
        foreach (var flow in context.Table.Current)
            if (topics.Contains(flow.Partition.Topic)) starts.Add(new(flow.Partition, 0));
        if (starts.Count == 0) return;
        for (var tries = 1; !TryCommit(starts, consumer) && tries < MostTries && !context.IsAbandoned; tries++) context.Signal.Wait(s_tryAgain);
    }

    private bool TryCommit(List<TopicPartitionOffset> starts, IConsumerPort consumer)
    {
        try
        {
            foreach (var start in starts) consumer.Store(start); // what is stored the client commits when it leaves
            consumer.Commit(starts);
            return true;
        }
        catch (KafkaException exception)
        {
            context.Report("consumer", $"the start of a topic that was made again cannot be committed: {exception.Error.Reason}");
            return false;
        }
    }
}
