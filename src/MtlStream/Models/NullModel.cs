using MtlStream.Batching;
using MtlStream.Tasks;

namespace MtlStream.Models;

/// <summary>Gives every text the same labels at no cost: for measuring and testing everything around the model.</summary>
/// <param name="tasks">The tasks to answer for, usually those of a real package.</param>
public sealed class NullModel(IReadOnlyList<ModelTask> tasks) : IMultitaskModel
{
    public ModelIdentity Identity { get; } = new("null", "0", "cpu");
    public IReadOnlyList<ModelTask> Tasks { get; } = tasks;
    public BatchShape Shape { get; } = new(64, 16_384, [], BenefitsFromBatching: false);
    public int Workers => 1;

    public Predictions Predict(TokenBatch batch, int worker)
    {
        var predictions = new Predictions(Tasks, batch.Sequences.Count, batch.PaddedLength);
        for (var task = 0; task < Tasks.Count; task++)
        {
            for (var sequence = 0; sequence < batch.Sequences.Count; sequence++) Tasks[task].WriteNeutral(predictions.Of(task, sequence));
        }

        return predictions;
    }

    public void Probe(int worker)
    {
    }

    public void Dispose()
    {
    }
}
