using MtlStream.Batching;
using MtlStream.Models;
using MtlStream.Tasks;

namespace MtlStream.Bench;

/// <summary>Counts what goes through a model. Does not own it.</summary>
internal sealed class MeasuredModel(IMultitaskModel model) : IMultitaskModel
{
    private long _tokens;
    private long _computed;
    private long _padding;

    public ModelIdentity Identity => model.Identity;
    public IReadOnlyList<ModelTask> Tasks => model.Tasks;
    public BatchShape Shape => model.Shape;
    public int Workers => model.Workers;

    /// <summary>Tokens scored so far, [CLS] and [SEP] included, padding not.</summary>
    public long Tokens => Interlocked.Read(ref _tokens);

    /// <summary>Tokens that the model computed for them, padding included; none for sequences that another answers.</summary>
    public long Computed => Interlocked.Read(ref _computed);

    /// <summary>Tokens of padding among them.</summary>
    public long Padding => Interlocked.Read(ref _padding);

    public Predictions Predict(TokenBatch batch, int worker)
    {
        var predictions = model.Predict(batch, worker);
        Interlocked.Add(ref _tokens, batch.Tokens);
        Interlocked.Add(ref _computed, predictions.Computed);
        Interlocked.Add(ref _padding, predictions.Padding);
        return predictions;
    }

    public void Probe(int worker) => model.Probe(worker);

    public void Dispose()
    {
    }
}
