using MtlStream.Generation;

namespace MtlStream.Onnx.Generation;

/// <summary>A model with several owners: texts of one decoder differ in the token that it begins with. The last owner's disposal is the model's.</summary>
internal sealed class SharedSequenceModel(ISequenceModel model) : ISequenceModel
{
    private int _owners = 1;

    public int Vocabulary => model.Vocabulary;

    /// <summary>The same for one owner more, who disposes it, too.</summary>
    public SharedSequenceModel Share()
    {
        Interlocked.Increment(ref _owners);
        return this;
    }

    public IDecoding Begin(IReadOnlyList<int[]> sources) => model.Begin(sources);

    public void Dispose()
    {
        if (Interlocked.Decrement(ref _owners) == 0) model.Dispose();
    }
}
