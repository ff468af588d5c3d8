using Microsoft.ML.OnnxRuntime;
using Microsoft.ML.OnnxRuntime.Tensors;
using MtlStream.Generation;
using MtlStream.Models;

namespace MtlStream.Onnx.Generation;

/// <summary>An encoder and a decoder as Optimum exports them, by ONNX Runtime on a CPU, one thread a call. Thread-safe.</summary>
internal sealed class OnnxSequenceModel : ISequenceModel
{
    private const string EncoderMask = "attention_mask";
    private const string EncoderStates = "last_hidden_state";

    private readonly InferenceSession _encoder;

    private OnnxSequenceModel(InferenceSession encoder, DecoderGraph decoder, int vocabulary)
    {
        (_encoder, Decoder) = (encoder, decoder);
        Vocabulary = decoder.Vocabulary > 0 ? decoder.Vocabulary : vocabulary;
    }

    public int Vocabulary { get; }

    public DecoderGraph Decoder { get; }

    public RunOptions Options { get; } = new();

    /// <summary>Opens the graphs of a package.</summary>
    /// <exception cref="InvalidDataException">A graph is missing, cannot be read, or takes or gives something else.</exception>
    public static OnnxSequenceModel Load(GeneratorManifest manifest)
    {
        var opened = new List<InferenceSession>();
        try
        {
            var encoder = Open(manifest.Graphs.Encoder);
            var decoder = new DecoderGraph(Open(manifest.Graphs.Decoder), manifest.Graphs.DecoderWithPast is { } others ? Open(others) : null);
            foreach (var input in (string[])[DecoderGraph.Ids, EncoderMask])
                if (!encoder.InputMetadata.ContainsKey(input)) throw new InvalidDataException($"The encoder has no input {input}.");
            if (!encoder.OutputMetadata.ContainsKey(EncoderStates)) throw new InvalidDataException($"The encoder gives no {EncoderStates}.");
            var model = new OnnxSequenceModel(encoder, decoder, 0);
            return model.Vocabulary > 0 ? model : new(encoder, decoder, model.MeasureVocabulary(manifest.Rules));
        }
        catch (Exception exception) when (exception is InvalidDataException or InferenceException)
        {
            foreach (var session in opened) session.Dispose();
            throw new InvalidDataException($"{manifest.Folder}: {exception.Message}", exception);
        }

        InferenceSession Open(string name)
        {
            opened.Add(SessionFactory.OpenFile(Path.Combine(manifest.Folder, name)));
            return opened[^1];
        }
    }

    public IDecoding Begin(IReadOnlyList<int[]> sources)
    {
        var longest = sources.Max(s => s.Length);
        var ids = TensorRows.New(TensorElementType.Int64, sources.Count, longest);
        var mask = TensorRows.New(TensorElementType.Int64, sources.Count, longest);
        try
        {
            Fill(sources, longest, ids.GetTensorMutableDataAsSpan<long>(), mask.GetTensorMutableDataAsSpan<long>());
            var states = Called(() => _encoder.Run(Options, [DecoderGraph.Ids, EncoderMask], [ids, mask], [EncoderStates]));
            return new OnnxDecoding(this, states[0], mask);
        }
        catch
        {
            mask.Dispose();
            throw;
        }
        finally
        {
            ids.Dispose();
        }
    }

    /// <summary>What the decoder says behind a whole beginning, without its cache: what a search with it is compared with.</summary>
    /// <param name="beginning">The start included.</param>
    public float[] LogitsAfter(int[] source, int[] beginning)
    {
        using var decoding = (OnnxDecoding)Begin([source]);
        return decoding.ReadAnew(beginning);
    }

    /// <exception cref="InferenceException">ONNX Runtime refused.</exception>
    public static T Called<T>(Func<T> call)
    {
        try
        {
            return call();
        }
        catch (OnnxRuntimeException exception)
        {
            throw new InferenceException($"ONNX Runtime on cpu: {exception.Message}", exception, OnnxMultitaskModel.IsOutOfMemory(exception.Message));
        }
    }

    public void Dispose()
    {
        _encoder.Dispose();
        Decoder.Dispose();
        Options.Dispose();
    }

    private int MeasureVocabulary(GenerationRules rules)
    {
        using var decoding = (OnnxDecoding)Begin([[rules.Ends[0]]]);
        return decoding.ReadAnew([rules.Start]).Length;
    }

    private static void Fill(IReadOnlyList<int[]> sources, int longest, Span<long> ids, Span<long> mask)
    {
        ids.Clear(); // what padding is of does not matter: the mask hides it
        mask.Clear();
        for (var row = 0; row < sources.Count; row++)
        {
            var start = row * longest;
            for (var i = 0; i < sources[row].Length; i++) ids[start + i] = sources[row][i];
            mask.Slice(start, sources[row].Length).Fill(1);
        }
    }
}
