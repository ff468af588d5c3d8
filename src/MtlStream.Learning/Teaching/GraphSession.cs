using Microsoft.ML.OnnxRuntime;
using MtlStream.Models;
using MtlStream.Onnx;

namespace MtlStream.Learning.Teaching;

/// <summary>A graph on a CPU that is asked about one text at a time. Not thread-safe.</summary>
/// <param name="session">Owned by this object.</param>
internal sealed class GraphSession(InferenceSession session, ModelInputs inputs) : IDisposable
{
    private readonly RunOptions _run = new();

    /// <summary>Names of the graph's outputs.</summary>
    public IReadOnlyList<string> Outputs => session.OutputNames;

    /// <summary>Opens the graph of a package for a CPU.</summary>
    public static GraphSession Open(ModelManifest manifest) =>
        new(SessionFactory.OpenGraph(File.ReadAllBytes(manifest.GraphFor("cpu")), manifest.Folder), manifest.Inputs);

    /// <summary>Some outputs about one text. The caller disposes them.</summary>
    /// <param name="ids">Tokens, [CLS] and [SEP] included.</param>
    /// <param name="cases">Letter cases of the tokens.</param>
    public IDisposableReadOnlyCollection<OrtValue> Run(long[] ids, long[] cases, IReadOnlyCollection<string> outputs)
    {
        var mask = new long[ids.Length];
        Array.Fill(mask, 1);
        using var idTensor = OrtValue.CreateTensorValueFromMemory(ids, [1, ids.Length]);
        using var maskTensor = OrtValue.CreateTensorValueFromMemory(mask, [1, ids.Length]);
        using var caseTensor = OrtValue.CreateTensorValueFromMemory(cases, [1, ids.Length]);
        using var segmentTensor = OrtValue.CreateTensorValueFromMemory(new long[ids.Length], [1, ids.Length]);
        var given = new Dictionary<string, OrtValue> { [inputs.Ids] = idTensor, [inputs.Mask] = maskTensor };
        if (inputs.Cases is { } caseInput) given[caseInput] = caseTensor;
        if (inputs.Segments is { } segmentInput) given[segmentInput] = segmentTensor;
        return session.Run(_run, given, outputs);
    }

    public void Dispose()
    {
        _run.Dispose();
        session.Dispose();
    }
}
