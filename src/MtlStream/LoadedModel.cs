using MtlStream.Generation;
using MtlStream.Models;
using MtlStream.Text;

namespace MtlStream;

/// <summary>A model and the tokenizer that belongs to it. Owns the model.</summary>
public sealed record LoadedModel(ModelManifest Manifest, IMultitaskModel Model, TextTokenizer Tokenizer) : IDisposable
{
    /// <summary>Threads of one call, on a CPU.</summary>
    public int Threads { get; init; } = 1;

    /// <summary>Why <c>auto</c> took the CPU although the driver of a GPU is here; null otherwise.</summary>
    public string? Fallback { get; init; }

    /// <summary>Models that write texts beside it; null for none. Owned.</summary>
    public TextGenerators? Generators { get; init; }

    public void Dispose()
    {
        Generators?.Dispose();
        Model.Dispose();
    }
}
