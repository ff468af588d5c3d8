using MtlStream.Inference;
using MtlStream.Tokenization;

namespace MtlStream.Events;

/// <summary>Results, dead letters and tombstones to messages. Thread-safe.</summary>
public sealed class EventEncoder(OutputOptions options, ModelIdentity model)
{
    /// <summary>The original payload with the member <c>analysis</c>.</summary>
    /// <param name="row">The row of <paramref name="predictions"/> that covers all tokens of the event.</param>
    public OutboundRecord EncodeResult(TokenizedEvent scored, Predictions predictions, int row) =>
        throw new NotImplementedException(options.AllScores + model.Name);

    /// <summary>The original key and bytes, with headers that say where and why it failed.</summary>
    public static OutboundRecord EncodeDeadLetter(Rejection rejection) => throw new NotImplementedException();

    /// <summary>A tombstone, passed on.</summary>
    public static OutboundRecord EncodeTombstone(SourceRecord source) => throw new NotImplementedException();
}
