namespace MtlStream.Generation;

/// <summary>An encoder and a decoder that remembers what it has read. Implemented by ONNX Runtime, and by tables in the tests. Thread-safe.</summary>
public interface ISequenceModel : IDisposable
{
    /// <summary>Tokens that the decoder tells apart.</summary>
    int Vocabulary { get; }

    /// <summary>Encodes sources, of which a decoding has one row each. The caller owns it.</summary>
    /// <param name="sources">Token ids, at least one each.</param>
    /// <exception cref="Models.InferenceException">The device refused; fewer sources may pass.</exception>
    IDecoding Begin(IReadOnlyList<int[]> sources);
}

/// <summary>Rows that are decoded side by side. All have read equally many tokens. Not thread-safe.</summary>
/// <remarks>
/// The graphs that exporters write know positions by how much was read before, and have no mask for that: rows that have read
/// different numbers of tokens cannot share a call.
/// </remarks>
public interface IDecoding : IDisposable
{
    int Rows { get; }

    /// <summary>Reads a token more in each row. After an exception everything is as it was.</summary>
    /// <returns>Logits of what comes next, [rows, vocabulary], row-major; valid until the next call, and the caller's to change.</returns>
    /// <exception cref="Models.InferenceException">The device refused; fewer rows may pass.</exception>
    Span<float> Read(scoped ReadOnlySpan<int> tokens);

    /// <summary>A decoding of some of the rows, in this order; a row may come several times. Both live on.</summary>
    IDecoding Choose(ReadOnlySpan<int> rows);

    /// <summary>A decoding of these rows and, behind them, those of another one of the same model that has read as much. All three live on.</summary>
    IDecoding Join(IDecoding other);
}
