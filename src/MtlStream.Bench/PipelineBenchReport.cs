namespace MtlStream.Bench;

/// <summary>What <c>bench pipeline</c> is asked to measure.</summary>
/// <param name="Events">Events of one repetition; 0 for what the model takes in <paramref name="Seconds"/>.</param>
internal sealed record PipelineBenchRequest(long Events, double Seconds, int Repetitions);

/// <summary>What <c>bench pipeline</c> measured, in the names of its JSON.</summary>
/// <param name="EventsPerSecond">Median over the repetitions, like all rates.</param>
/// <param name="TokensPerSecond">[CLS] and [SEP] included, padding not.</param>
/// <param name="PaddingShare">Padding tokens over all tokens that the model computed.</param>
/// <param name="CeilingShare">Median of the repetitions' ratios to the model alone; null when that was not measured.</param>
/// <param name="P50Ms">From handing an event over to its encoded result, at 70 % of the rate.</param>
/// <param name="AllocatedBytesPerEvent">On the managed heap, without the results' own bytes.</param>
/// <param name="CpuMicrosecondsPerEvent">Processor time of the process, all cores together.</param>
/// <param name="CeilingCpuMicrosecondsPerEvent">The same of the model alone.</param>
/// <param name="WorkingSetMegabytes">After each repetition.</param>
internal sealed record PipelineBenchReport(
    double EventsPerSecond, double TokensPerSecond, double PaddingShare, double? CeilingShare, double P50Ms, double P99Ms,
    double AllocatedBytesPerEvent, double? CeilingEventsPerSecond, double CpuMicrosecondsPerEvent,
    double? CeilingCpuMicrosecondsPerEvent, double TokensPerEvent, long Events, int Repetitions, long Rejected,
    string Model, string Device, int Lanes, IReadOnlyList<double> CeilingShares, IReadOnlyList<double> WorkingSetMegabytes,
    int Gen2Collections);
