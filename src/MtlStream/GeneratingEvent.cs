using MtlStream.Generation;
using MtlStream.Models;
using MtlStream.Results;

namespace MtlStream;

/// <summary>A scored event that gets texts before it is answered. Owns the event and what the model said about it.</summary>
/// <param name="Predictions">Of one sequence, over all tokens of the event.</param>
/// <param name="Asked">The models, by their place among <see cref="TextGenerators"/>.</param>
internal sealed record GeneratingEvent(TokenizedEvent Scored, Predictions Predictions, IReadOnlyList<int> Asked) : IDisposable
{
    /// <summary>Takes an event over from its batch.</summary>
    /// <param name="sequence">The sequence of <paramref name="batch"/> that is the event's; of several windows what is put together of them.</param>
    public static GeneratingEvent Of(TokenizedEvent scored, Predictions? batch, int sequence, IReadOnlyList<int> asked) =>
        new(scored, scored.Windows?.Merged ?? Copy(batch!, sequence, scored.Tokens.SequenceLength(0)), asked);

    public void Dispose()
    {
        Predictions.Dispose();
        Scored.Dispose();
    }

    private static Predictions Copy(Predictions batch, int sequence, int length)
    {
        var copy = new Predictions(batch.Tasks, 1, length) { Model = batch.Model, Trial = batch.Trial };
        for (var task = 0; task < batch.Tasks.Count; task++) batch.Of(task, sequence).CopyTo(copy.Of(task, 0), length);
        return copy;
    }
}
