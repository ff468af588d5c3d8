using MtlStream.Text;

namespace MtlStream.Models;

/// <summary>A model and the tokenizer that belongs to it. Owns the model.</summary>
public sealed record LoadedModel(ModelManifest Manifest, IMultitaskModel Model, TextTokenizer Tokenizer) : IDisposable
{
    /// <summary>Threads of one call, on a CPU.</summary>
    public int Threads { get; init; } = 1;

    /// <summary>Why <c>auto</c> took the CPU; null when it did not, or was not asked.</summary>
    public string? Fallback { get; init; }

    public void Dispose() => Model.Dispose();
}
