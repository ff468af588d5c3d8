using BenchmarkDotNet.Attributes;
using MtlStream.Batching;
using MtlStream.Events;
using MtlStream.Text;

namespace MtlStream.Benchmarks;

/// <summary>Cost of taking 4,096 rows of mixed lengths in and handing them out as batches. Budget: 100 ns and 40 B per row.</summary>
[MemoryDiagnoser]
public class BatchFormerBenchmarks
{
    private const int Rows = 4096;
    private readonly List<TokenRow> _rows = [];

    [Params(16, 128, 512)]
    public int MaxRows { get; set; }

    [GlobalSetup]
    public void Setup()
    {
        var random = new Random(1);
        for (var i = 0; i < Rows; i++)
        {
            var windows = new PooledArray<TokenWindow>(1);
            windows.Span[0] = new(0, random.Next(1, 60));
            var source = new SourceRecord(new("input", 0, i, 1, i), null, [], [], 0, 0);
            var text = new TokenizedText(new PooledArray<Token>(0), new PooledArray<Word>(0), windows, 101, 102, truncated: false);
            _rows.Add(new(new(new(source, new PooledArray<char>(0), default), text), 0));
        }
    }

    [Benchmark(OperationsPerInvoke = Rows)]
    public int AddAndForm()
    {
        var former = new BatchFormer(new(MaxRows, 16_384, [16, 32, 48, 64, 96, 128, 192, 256]), lanes: 2);
        var batches = 0;
        foreach (var row in _rows)
        {
            former.Add(row, since: 0);
            if (former.Count < former.Capacity) continue;
            former.Form(BatchTrigger.Linger);
            batches++;
        }

        for (; former.Count > 0; batches++) former.Form(BatchTrigger.EndOfInput);
        return batches;
    }
}
