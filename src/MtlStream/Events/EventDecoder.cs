using System.Diagnostics.CodeAnalysis;

namespace MtlStream.Events;

/// <summary>Payloads to texts. Thread-safe.</summary>
public sealed class EventDecoder(InputOptions options)
{
    /// <summary>Decodes a payload that is not a tombstone, or says why it cannot be. The caller owns the decoded event.</summary>
    public bool TryDecode(SourceRecord source, [NotNullWhen(true)] out TextEvent? decoded, [NotNullWhen(false)] out Rejection? rejection) =>
        throw new NotImplementedException(options.TextPointer);
}
