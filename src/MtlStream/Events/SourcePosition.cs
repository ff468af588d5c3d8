namespace MtlStream.Events;

/// <summary>Where an event came from, so that finishing it can be reported back to the source.</summary>
/// <param name="Topic">Input topic, or the name of the file it was read from.</param>
/// <param name="Partition">Partition number within the topic.</param>
/// <param name="Offset">Zero-based offset of the event within its partition. Offsets may have gaps.</param>
/// <param name="Assignment">
/// Number of the assignment or rewind under which the event was read; rises with each. Reports that carry an older
/// number are ignored.
/// </param>
/// <param name="Sequence">
/// Count of events handed over from this partition under this assignment before this one: 0, 1, 2, ... without gaps.
/// </param>
public readonly record struct SourcePosition(string Topic, int Partition, long Offset, int Assignment, long Sequence);
