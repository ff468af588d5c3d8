using MtlStream.Batching;
using MtlStream.Models;
using MtlStream.Results;
using MtlStream.Tasks;

namespace MtlStream.IntegrationTests.Faults;

/// <summary>Slow at times, out of memory at times, and refuses texts with a certain word. The seed decides.</summary>
internal sealed class ChaosModel(IMultitaskModel inner, int seed) : IMultitaskModel
{
    private const int LeastWithoutRoom = 16; // for fewer sequences there always is

    private readonly Random _random = new(seed);

    public ModelIdentity Identity => inner.Identity;
    public IReadOnlyList<ModelTask> Tasks => inner.Tasks;
    public BatchShape Shape => inner.Shape;
    public int Workers => inner.Workers;

    public Predictions Predict(TokenBatch batch, int worker)
    {
        int dice;
        lock (_random) dice = _random.Next(100);
        if (dice < 60) Thread.Sleep(3 * dice);
        if (dice == 99 && batch.Sequences.Count > LeastWithoutRoom) throw new InferenceException("no room", outOfMemory: true);
        if (batch.Sequences.Any(r => ((TokenizedEvent)r.Owner!).Event.Text.Contains(NumberedEvents.RefusedWord, StringComparison.Ordinal)))
            throw new InferenceException("the text cannot be digested");
        return inner.Predict(batch, worker);
    }

    public void Probe(int worker) => inner.Probe(worker);

    public void Dispose() => inner.Dispose();
}
