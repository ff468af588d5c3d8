namespace MtlStream.Delivery;

/// <summary>How far the answers are behind the events in one partition.</summary>
/// <param name="Events">Events that are there and not acknowledged.</param>
public sealed record PartitionLag(string Topic, int Partition, long Events);
