using Microsoft.ML.OnnxRuntime;
using MtlStream.Learning.Training;
using MtlStream.Models;
using MtlStream.Onnx;
using MtlStream.Text;

namespace MtlStream.Learning.Features;

/// <summary>Texts to features, by the package's own graph for a CPU, as it is served.</summary>
/// <remarks>A long text is its windows' mean, weighted by their tokens.</remarks>
public sealed class FeatureEncoder : IDisposable
{
    private const int MostRowsPerCall = 16;

    private readonly ModelManifest _manifest;
    private readonly TextTokenizer _tokenizer;
    private readonly List<InferenceSession> _sessions = [];
    private readonly List<string> _tensors; // in the order of their columns
    private readonly List<int> _widths;

    /// <param name="workers">Calls side by side, each on one thread.</param>
    public FeatureEncoder(ModelManifest manifest, TextTokenizer tokenizer, int workers)
    {
        (_manifest, _tokenizer) = (manifest, tokenizer);
        Sets = FeatureSet.Of(manifest);
        _tensors = [.. Sets.SelectMany(s => s.Tensors).Distinct()];
        var graph = FeatureGraph.Alone(File.ReadAllBytes(manifest.GraphFor("cpu")), manifest, Sets);
        for (var worker = 0; worker < workers; worker++) _sessions.Add(SessionFactory.OpenGraph(graph, manifest.Folder));
        _widths = WidthsOf(_sessions[0]);
        Features = _widths.Sum();
    }

    /// <summary>What heads may be taught on.</summary>
    public IReadOnlyList<FeatureSet> Sets { get; }

    /// <summary>Features of a text, those of all sets together.</summary>
    public int Features { get; }

    /// <summary>The columns of one set. Its tensors lie side by side, in the order in which the set names them.</summary>
    /// <param name="all">What <see cref="Encode"/> gave.</param>
    public FeatureMatrix Columns(FeatureSet set, FeatureMatrix all)
    {
        var first = _tensors.IndexOf(set.Tensors[0]);
        return all.Slice(_widths.Take(first).Sum(), _widths.Skip(first).Take(set.Tensors.Count).Sum());
    }

    /// <summary>Encodes texts. Those of one length go into a call together, so that nothing is padded.</summary>
    /// <param name="progress">Told the share that is done, from 0 to 1.</param>
    public FeatureMatrix Encode(IReadOnlyList<string> texts, IProgress<double>? progress = null, CancellationToken cancelled = default)
    {
        var values = new float[texts.Count * Features];
        var tokenized = texts.Select(text => _tokenizer.Tokenize(text)).ToList();
        try
        {
            var calls = Calls(tokenized);
            var done = 0;
            var next = -1;
            Parallel.ForEach(
                _sessions,
                new ParallelOptions { MaxDegreeOfParallelism = _sessions.Count, CancellationToken = cancelled },
                session =>
                {
                    for (var call = Interlocked.Increment(ref next); call < calls.Count; call = Interlocked.Increment(ref next))
                    {
                        cancelled.ThrowIfCancellationRequested();
                        Run(session, tokenized, calls[call], values);
                        progress?.Report(Interlocked.Increment(ref done) / (double)calls.Count);
                    }
                });
        }
        finally
        {
            foreach (var text in tokenized) text.Dispose();
        }

        return new(values, Features);
    }

    public void Dispose()
    {
        foreach (var session in _sessions) session.Dispose();
    }

    /// <summary>What the graph gives for a single token: the widths are not in the graph where weights are calculated.</summary>
    private List<int> WidthsOf(InferenceSession session)
    {
        using var run = new RunOptions();
        using var zero = OrtValue.CreateTensorValueFromMemory([0L], [1, 1]);
        using var one = OrtValue.CreateTensorValueFromMemory([1L], [1, 1]);
        var inputs = _manifest.Inputs;
        var given = new Dictionary<string, OrtValue> { [inputs.Ids] = zero, [inputs.Mask] = one };
        if (inputs.Cases is { } cases) given[cases] = zero;
        if (inputs.Segments is { } segments) given[segments] = zero;
        using var outputs = session.Run(run, given, _tensors);
        return [.. outputs.Select(o => (int)o.GetTensorTypeAndShape().Shape[1])];
    }

    private static List<List<(int Text, int Window)>> Calls(List<TokenizedText> texts)
    {
        var windows =
            from text in Enumerable.Range(0, texts.Count)
            from window in Enumerable.Range(0, texts[text].Windows.Length)
            group (text, window) by texts[text].SequenceLength(window) into length
            orderby length.Key descending
            from call in length.Chunk(MostRowsPerCall)
            select call.ToList();
        return [.. windows];
    }

    private void Run(InferenceSession session, List<TokenizedText> texts, List<(int Text, int Window)> call, float[] values)
    {
        var length = texts[call[0].Text].SequenceLength(call[0].Window);
        var ids = new long[call.Count * length];
        var cases = new long[ids.Length];
        var mask = new long[ids.Length];
        Array.Fill(mask, 1);
        for (var row = 0; row < call.Count; row++)
        {
            var (text, window) = call[row];
            texts[text].WriteSequence(window, ids.AsSpan(row * length, length), cases.AsSpan(row * length, length));
        }

        using var run = new RunOptions();
        using var idTensor = OrtValue.CreateTensorValueFromMemory(ids, [call.Count, length]);
        using var maskTensor = OrtValue.CreateTensorValueFromMemory(mask, [call.Count, length]);
        using var caseTensor = OrtValue.CreateTensorValueFromMemory(cases, [call.Count, length]);
        using var segmentTensor = OrtValue.CreateTensorValueFromMemory(new long[ids.Length], [call.Count, length]);
        var inputs = new Dictionary<string, OrtValue> { [_manifest.Inputs.Ids] = idTensor, [_manifest.Inputs.Mask] = maskTensor };
        if (_manifest.Inputs.Cases is { } caseInput) inputs[caseInput] = caseTensor;
        if (_manifest.Inputs.Segments is { } segmentInput) inputs[segmentInput] = segmentTensor;
        using var outputs = session.Run(run, inputs, _tensors);
        var start = 0;
        for (var tensor = 0; tensor < _tensors.Count; tensor++)
        {
            Add(outputs[tensor].GetTensorDataAsSpan<float>(), start, _widths[tensor], texts, call, values);
            start += _widths[tensor];
        }
    }

    /// <param name="start">Column of the first of the features.</param>
    private void Add(
        ReadOnlySpan<float> features, int start, int width, List<TokenizedText> texts, List<(int Text, int Window)> call, float[] values)
    {
        for (var row = 0; row < call.Count; row++)
        {
            var (text, window) = call[row];
            var target = values.AsSpan((text * Features) + start, width);
            var source = features.Slice(row * width, width);
            var share = Share(texts[text], window);
            lock (texts[text])
            {
                for (var i = 0; i < target.Length; i++) target[i] += share * source[i];
            }
        }
    }

    private static float Share(TokenizedText text, int window)
    {
        if (text.Windows.Length == 1) return 1;
        var all = 0;
        foreach (var other in text.Windows) all += other.Length;
        return text.Windows[window].Length / (float)all;
    }
}
