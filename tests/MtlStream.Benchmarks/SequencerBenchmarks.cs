using BenchmarkDotNet.Attributes;
using MtlStream.Delivery;
using MtlStream.Events;

namespace MtlStream.Benchmarks;

/// <summary>
/// Cost of putting results of four partitions back into source order. Budget: 100 ns and 16 B a record, in order or overtaken by up
/// to 64 others, as results of several inference workers are.
/// </summary>
[MemoryDiagnoser]
public class SequencerBenchmarks
{
    private const int Records = 4096;
    private readonly List<OutboundRecord> _ready = new(Records);
    private OutboundRecord[] _records = [];

    /// <summary>Records within which the order is lost.</summary>
    [Params(1, 64)]
    public int Shuffled { get; set; }

    [GlobalSetup]
    public void Setup()
    {
        var random = new Random(1);
        _records = [.. Enumerable.Range(0, Records)
            .Select(i => new OutboundRecord(Destination.Results, null, [], new(new("input", i / 64 % 4, i, 1, (i / 256 * 64) + (i % 64)), null, null, [], -1, 0)))
            .Chunk(Shuffled).SelectMany(chunk => chunk.OrderBy(_ => random.Next()))];
    }

    [Benchmark(OperationsPerInvoke = Records)]
    public int Add()
    {
        var sequencer = new Sequencer(_ => { });
        _ready.Clear();
        foreach (var record in _records) sequencer.Add(record, _ready);
        return _ready.Count == Records ? Records : throw new InvalidOperationException("records are missing");
    }
}
