using System.Diagnostics.CodeAnalysis;
using MtlStream.Inference;
using MtlStream.Tokenization;

namespace MtlStream.Events;

/// <summary>Results, dead letters and tombstones to messages. Thread-safe.</summary>
public sealed class EventEncoder(OutputOptions options, ModelIdentity model)
{
    /// <summary>The original payload with the member <c>analysis</c>; or why there is none: scores that are not finite.</summary>
    /// <param name="row">The row of <paramref name="predictions"/> that covers all tokens of the event.</param>
    public bool TryEncodeResult(
        TokenizedEvent scored, Predictions predictions, int row,
        [NotNullWhen(true)] out OutboundRecord? result, [NotNullWhen(false)] out Rejection? rejection) =>
        throw new NotImplementedException(options.AllScores + model.Name);

    /// <summary>The original key and bytes, with headers that say where and why it failed.</summary>
    public static OutboundRecord EncodeDeadLetter(Rejection rejection) => throw new NotImplementedException();

    /// <summary>A tombstone, passed on.</summary>
    public static OutboundRecord EncodeTombstone(SourceRecord source) => throw new NotImplementedException();
}
