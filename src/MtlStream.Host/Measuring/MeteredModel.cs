using MtlStream.Batching;
using MtlStream.Inference;

namespace MtlStream.Host.Measuring;

/// <summary>Counts what goes through a model. Does not own it.</summary>
internal sealed class MeteredModel(IMultitaskModel inner) : IMultitaskModel
{
    private long _tokens;
    private long _padded;

    public ModelIdentity Identity => inner.Identity;
    public IReadOnlyList<ModelTask> Tasks => inner.Tasks;
    public BatchShape Shape => inner.Shape;
    public int Lanes => inner.Lanes;

    /// <summary>Tokens that are not padding, [CLS] and [SEP] included.</summary>
    public long Tokens => Volatile.Read(ref _tokens);

    /// <summary>Share of rows x columns that was padding; none where the device takes rows one by one.</summary>
    public double PaddingShare => _padded == 0 ? 0 : 1 - ((double)_tokens / _padded);

    public Predictions Predict(TokenBatch batch, int lane)
    {
        Interlocked.Add(ref _tokens, batch.Tokens);
        Interlocked.Add(ref _padded, Shape.GainsFromCompany ? (long)batch.Rows.Count * batch.Columns : batch.Tokens);
        return inner.Predict(batch, lane);
    }

    public void Probe(int lane) => inner.Probe(lane);

    public void Dispose()
    {
        // Whoever loaded the model disposes it.
    }
}
