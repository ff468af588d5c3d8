using BenchmarkDotNet.Attributes;
using MtlStream.Batching;
using MtlStream.Text;

namespace MtlStream.Benchmarks;

/// <summary>Cost of taking 4,096 sequences of mixed lengths in and handing them out as batches. Budget: 100 ns and 40 B per sequence.</summary>
[MemoryDiagnoser]
public class BatchFormerBenchmarks
{
    private const int Sequences = 4096;
    private readonly List<TokenSequence> _sequences = [];

    [Params(16, 128, 512)]
    public int MaxSequences { get; set; }

    [GlobalSetup]
    public void Setup()
    {
        var random = new Random(1);
        for (var i = 0; i < Sequences; i++)
        {
            var window = new TokenWindow(0, random.Next(1, 60));
            _sequences.Add(new(new TokenizedText([], [], [window], 101, 102), 0));
        }
    }

    [Benchmark(OperationsPerInvoke = Sequences)]
    public int AddAndForm()
    {
        var former = new BatchFormer(new(MaxSequences, 16_384, [16, 32, 48, 64, 96, 128, 192, 256]), workers: 2);
        var batches = 0;
        foreach (var sequence in _sequences)
        {
            former.Add(sequence, since: 0);
            if (former.Count < former.Capacity) continue;
            former.Form(BatchTrigger.Linger);
            batches++;
        }

        for (; former.Count > 0; batches++) former.Form(BatchTrigger.EndOfInput);
        return batches;
    }
}
