using Microsoft.ML.OnnxRuntime;
using Microsoft.ML.OnnxRuntime.Tensors;

namespace MtlStream.Onnx.Generation;

/// <summary>What an exported decoder takes and gives, by name: one graph for all tokens, or one for the first and one for the others.</summary>
/// <remarks>Names as Optimum's (optimum/exporters/onnx): <c>past_key_values.N.decoder.key</c> goes in, <c>present.N.decoder.key</c> comes out.</remarks>
internal sealed class DecoderGraph : IDisposable
{
    public const string Ids = "input_ids", States = "encoder_hidden_states", Mask = "encoder_attention_mask", Branch = "use_cache_branch", Logits = "logits";

    private const string PastPrefix = "past_key_values.";
    private const string PresentPrefix = "present.";

    private readonly InferenceSession _first;
    private readonly InferenceSession _others;

    /// <param name="others">Null where the first graph is that of the others, too: it has the input <c>use_cache_branch</c>.</param>
    /// <exception cref="InvalidDataException">They take or give something else.</exception>
    public DecoderGraph(InferenceSession first, InferenceSession? others)
    {
        (_first, _others) = (first, others ?? first);
        Cells = [.. _others.InputMetadata.Keys.Where(n => n.StartsWith(PastPrefix, StringComparison.Ordinal)).Select(n => n[PastPrefix.Length..])];
        if (Problems().ToList() is { Count: > 0 } problems) throw new InvalidDataException(string.Join(" ", problems));
        Vocabulary = first.OutputMetadata[Logits].Dimensions[^1];
        IsMerged = others is null;
        FirstOutputs = [Logits, .. Cells.Select(c => PresentPrefix + c)];
        OtherOutputs = [Logits, .. Cells.Where(IsOwn).Select(c => PresentPrefix + c)];
    }

    public bool IsMerged { get; }

    /// <summary>Tokens, as far as the graph states them; -1 where it does not.</summary>
    public int Vocabulary { get; }

    /// <summary>What is remembered, such as <c>0.decoder.key</c>.</summary>
    public IReadOnlyList<string> Cells { get; }

    public IReadOnlyList<string> FirstOutputs { get; }

    /// <summary>Without what is remembered of the source, which stays as it is: graphs that are merged give something empty there.</summary>
    public IReadOnlyList<string> OtherOutputs { get; }

    /// <summary>Whether what is remembered is of the tokens written, and not of the source.</summary>
    public static bool IsOwn(string cell) => cell.Contains(".decoder.", StringComparison.Ordinal);

    public bool OthersTake(string input) => _others.InputMetadata.ContainsKey(input);

    public bool FirstTakes(string input) => _first.InputMetadata.ContainsKey(input);

    public static string PastOf(string cell) => PastPrefix + cell;

    /// <summary>Heads and size of what is remembered.</summary>
    public (int Heads, int Size) ShapeOf(string cell)
    {
        var shape = _others.InputMetadata[PastOf(cell)].Dimensions;
        return (shape[1], shape[3]);
    }

    public IDisposableReadOnlyCollection<OrtValue> RunFirst(RunOptions run, IReadOnlyCollection<string> names, IReadOnlyCollection<OrtValue> values) =>
        _first.Run(run, names, values, FirstOutputs);

    public IDisposableReadOnlyCollection<OrtValue> RunOthers(RunOptions run, IReadOnlyCollection<string> names, IReadOnlyCollection<OrtValue> values) =>
        _others.Run(run, names, values, OtherOutputs);

    public void Dispose()
    {
        _first.Dispose();
        _others.Dispose();
    }

    private IEnumerable<string> Problems()
    {
        if (ReferenceEquals(_first, _others) && !_first.InputMetadata.ContainsKey(Branch))
            yield return $"The decoder has no input {Branch}, so it is not a merged one; expected it, or decoder_with_past_model.onnx beside it.";
        if (!_first.OutputMetadata.ContainsKey(Logits)) yield return $"The decoder gives no {Logits}; expected a model with a language-modelling head.";
        if (Cells.Count == 0) yield return $"The decoder has no inputs {PastPrefix}*; expected one that was exported with its cache (text2text-generation-with-past).";
        foreach (var input in (string[])[Ids, States, Mask])
            if (!FirstTakes(input)) yield return $"The decoder has no input {input}.";
        foreach (var cell in Cells)
        {
            if (!_first.OutputMetadata.ContainsKey(PresentPrefix + cell)) yield return $"The decoder gives no {PresentPrefix}{cell}.";
            var past = _others.InputMetadata[PastOf(cell)];
            if (past.ElementDataType != TensorElementType.Float) yield return $"{PastOf(cell)} is of type {past.ElementDataType}; only Float is supported.";
            else if (past.Dimensions is not [_, > 0, _, > 0]) yield return $"{PastOf(cell)} has the shape [{string.Join(", ", past.Dimensions)}]; expected heads and their size as numbers.";
        }

        var known = Cells.Select(PastOf).Concat([Ids, States, Mask, Branch]).ToList();
        foreach (var other in _first.InputMetadata.Keys.Concat(_others.InputMetadata.Keys).Distinct().Except(known))
            yield return $"The decoder has the input {other}, which is not supported.";
    }
}
