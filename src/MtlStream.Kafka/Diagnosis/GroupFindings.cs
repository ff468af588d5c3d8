using System.Globalization;
using Confluent.Kafka;
using MtlStream.Delivery;

namespace MtlStream.Kafka.Diagnosis;

/// <summary>Where the group stands in one partition.</summary>
/// <param name="First">Offset of the first event that is still there.</param>
/// <param name="End">Offset behind the last event.</param>
/// <param name="Committed">Where reading goes on; null when nothing is committed.</param>
internal sealed record PartitionProgress(string Topic, int Partition, long First, long End, long? Committed);

/// <summary>Whether the worker can join its group, and what waits for it there. Asks nobody.</summary>
internal sealed class GroupFindings(KafkaConfiguration configuration)
{
    private const string Reset = "auto.offset.reset";

    private readonly string _group = configuration.Kafka.GroupId;

    public IEnumerable<Finding> Members(GroupState group)
    {
        if (!group.MayRead) yield return new(Severity.Failure, "rights", $"group {_group} may not be joined", $"Grant Read on group {_group}.");
        var strategies = configuration.Consumer.GetValueOrDefault("partition.assignment.strategy", "").Split(',', StringSplitOptions.TrimEntries);
        var others = configuration.SessionTimeout is not null && group.Members.Count > 0 && group.Assignor.Length > 0;
        if (others && !strategies.Contains(group.Assignor))
        {
            yield return new(
                Severity.Failure, "group", $"{_group} divides its partitions by {group.Assignor}, this worker by {string.Join(", ", strategies)}: it could not join",
                $"Give the worker a Kafka:GroupId of its own, or set Kafka:Consumer:partition.assignment.strategy to {group.Assignor}.");
            yield break;
        }

        if (group.State == ConsumerGroupState.Dead) yield return New;
        else yield return new(Severity.Ok, "group", $"{_group}: {group.State.ToString().ToLowerInvariant()}, {group.Members.Count} members");
    }

    /// <param name="refusal">What the brokers say instead of describing the group.</param>
    public Finding Unseen(Error refusal) => refusal.Code switch
    {
        ErrorCode.GroupAuthorizationFailed => new(
            Severity.Failure, "rights", $"group {_group} may not be seen", $"Grant Read and Describe on group {_group}."),
        ErrorCode.GroupIdNotFound => New,
        _ => new(Severity.Warning, "group", $"group {_group} cannot be looked at: {refusal.Reason}", "See that all brokers can be reached."),
    };

    public IEnumerable<Finding> Progress(IReadOnlyList<PartitionProgress> partitions)
    {
        if (partitions.Count == 0) yield break;
        var begun = partitions.Where(p => p.Committed is not null).ToList();
        var waiting = partitions.Sum(p => p.End - Math.Clamp(p.Committed ?? Start(p), p.First, p.End));
        yield return new(Severity.Ok, "lag", $"{Number(waiting)} events wait in {partitions.Count} partitions");
        if (begun.Count < partitions.Count) yield return Unbegun(partitions.Count - begun.Count, partitions.Count);
        var gone = begun.Where(p => p.Committed < p.First).ToList();
        if (gone.Count > 0)
        {
            yield return new(
                Severity.Warning, "lag", $"{Number(gone.Sum(p => p.First - p.Committed!.Value))} events were deleted before they were read: {Names(gone)}",
                "Keep events for longer (retention.ms, retention.bytes), or add workers.");
        }

        var beyond = begun.Where(p => p.Committed > p.End).ToList();
        if (beyond.Count > 0)
        {
            yield return new(
                Severity.Warning, "lag", $"the group has read further than there are events: {Names(beyond)}",
                $"The topic was made anew. The worker begins at the {Begin} of these partitions ({Reset}).");
        }
    }

    private Finding New => new(Severity.Ok, "group", $"{_group}: nobody is in it");

    private string Setting => configuration.Consumer.GetValueOrDefault(Reset, "earliest").ToLowerInvariant();

    private bool FromEnd => Setting is "latest" or "largest" or "end";

    private string Begin => FromEnd ? "end" : "first event";

    private Finding Unbegun(int count, int of)
    {
        var found = $"the group is new to {count} of {of} partitions";
        if (Setting == "error")
            return new(Severity.Failure, "group", $"{found}, and {Reset} is error: it could not begin there", $"Set Kafka:Consumer:{Reset} to earliest.");
        return FromEnd
            ? new(
                Severity.Warning, "group", $"{found} and begins at their end ({Reset} is {Setting})",
                $"What is there is never read, nor the first events of partitions added later. To read all: Kafka:Consumer:{Reset}=earliest.")
            : new(Severity.Ok, "group", $"{found} and begins at their first event ({Reset} is {Setting})");
    }

    private long Start(PartitionProgress partition) => FromEnd ? partition.End : partition.First;

    private static string Names(IEnumerable<PartitionProgress> partitions) => string.Join(", ", partitions.Select(p => $"{p.Topic} [{p.Partition}]"));

    private static string Number(long number) => number.ToString("N0", CultureInfo.InvariantCulture);
}
