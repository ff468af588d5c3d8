using MtlStream.Batching;
using MtlStream.Tasks;

namespace MtlStream.Models;

/// <summary>Gives every text the same labels at no cost: for measuring and testing everything around the model.</summary>
/// <param name="tasks">The tasks to answer for, usually those of a real package.</param>
public sealed class NullModel(IReadOnlyList<ModelTask> tasks) : IMultitaskModel
{
    /// <summary>The value of <c>Model:Path</c> that stands for this model with the shipped package's tasks; <c>null:DIR</c>: with another's.</summary>
    public const string Path = "null";

    /// <summary>True when <paramref name="path"/> asks for this model.</summary>
    /// <param name="package">Path of the package that lends its tasks and its tokenizer.</param>
    public static bool IsMeant(string path, out string package)
    {
        var meant = path == Path || path.StartsWith(Path + ":", StringComparison.Ordinal);
        package = meant ? path[Math.Min(path.Length, Path.Length + 1)..] : path;
        return meant;
    }

    public ModelIdentity Identity { get; } = new(Path, "0", "cpu");
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
