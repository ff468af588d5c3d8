using MtlStream.Text;

namespace MtlStream.Models;

/// <summary>Compares what two versions of a model say while both score a part of the stream. Thread-safe.</summary>
public interface IModelTrial
{
    /// <summary>Takes note of one event, whichever version scored it.</summary>
    /// <param name="sequence">The sequence of <paramref name="predictions"/> that covers all tokens of the event.</param>
    void Observe(TokenizedText text, Predictions predictions, int sequence);
}
