using MtlStream.Delivery;

namespace MtlStream.Bench;

/// <summary>What <c>bench kafka</c> is asked to measure.</summary>
/// <param name="Events">Events of one repetition; 0 for what the model takes in <paramref name="Seconds"/>.</param>
/// <param name="Rate">Events per second at which latency is measured; 0 for a share of the measured rate.</param>
/// <param name="Samples">File for the acknowledged events over time at that rate; null for none.</param>
internal sealed record KafkaBenchRequest(
    DeliveryGuarantee Guarantee, int Partitions, long Events, double Seconds, int Repetitions, double Rate, double PacedSeconds, string? Samples);

/// <summary>What <c>bench kafka</c> measured, in the names of its JSON.</summary>
/// <param name="CeilingShare">Of the model alone on the same texts; null for the null model.</param>
/// <param name="PassthroughEventsPerSecond">The bare loop, with payloads of the size of results.</param>
/// <param name="P50Ms">From an event's Kafka timestamp to its durable result, at <paramref name="PacedRate"/>.</param>
/// <param name="ExactlyOnceShare">Exactly once to at least once; null unless exactly once was measured.</param>
/// <param name="PacedRate">Events per second at which latency was measured.</param>
/// <param name="AllocatedBytesPerEvent">On the managed heap, without the payloads' own bytes, read and written.</param>
/// <param name="CpuMicrosecondsPerEvent">Processor time of this process, all cores together, without the broker.</param>
/// <param name="PassthroughCpuMicrosecondsPerEvent">The same of the bare loop.</param>
/// <param name="AddedBytes">Bytes by which a result is larger than its event, on average.</param>
/// <param name="PassthroughShares">One for each repetition, like the other two.</param>
internal sealed record KafkaBenchReport(
    double EventsPerSecond, double? CeilingShare, double PassthroughEventsPerSecond, double PassthroughShare, double P50Ms, double P99Ms,
    double? CeilingEventsPerSecond, double? ExactlyOnceShare, double PacedRate, double AllocatedBytesPerEvent, int AddedBytes, long Events,
    int Repetitions, int Workers, string Delivery, string Model, string Device, double WorkingSetMegabytes,
    double CpuMicrosecondsPerEvent, double PassthroughCpuMicrosecondsPerEvent,
    IReadOnlyList<double> PassthroughShares, IReadOnlyList<double>? CeilingShares, IReadOnlyList<double>? ExactlyOnceShares);
