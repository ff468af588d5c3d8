using System.Numerics.Tensors;
using Microsoft.ML.OnnxRuntime;
using MtlStream.Learning.Training;
using MtlStream.Models;
using MtlStream.Text;

namespace MtlStream.Learning.Features;

/// <summary>Texts to features, by the package's own graph for a CPU, as it is served.</summary>
/// <remarks>A long text is its windows' mean, weighted by their tokens.</remarks>
internal sealed class FeatureEncoder : ITextEncoder
{
    private readonly TextTokenizer _tokenizer;
    private readonly TextCalls _calls;
    private readonly List<string> _tensors; // in the order of their columns
    private readonly List<int> _widths;

    /// <param name="workers">Calls side by side, each on one thread.</param>
    public FeatureEncoder(ModelManifest manifest, TextTokenizer tokenizer, int workers)
    {
        _tokenizer = tokenizer;
        Sets = FeatureSet.Of(manifest);
        _tensors = [.. Sets.SelectMany(s => s.Tensors).Distinct()];
        _calls = new(FeatureGraph.Alone(File.ReadAllBytes(manifest.GraphFor("cpu")), manifest, Sets), manifest, _tensors, workers);
        _widths = _calls.Widths();
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

    /// <summary>What the package's tasks say, see <see cref="FeatureGraph.Labels"/>; null where none is about texts.</summary>
    public FeatureMatrix? OldLabels(FeatureMatrix all)
    {
        var place = _tensors.IndexOf(FeatureGraph.Labels);
        return place < 0 ? null : all.Slice(_widths.Take(place).Sum(), _widths[place]);
    }

    /// <summary>Encodes texts.</summary>
    /// <param name="progress">Told the share that is done, from 0 to 1.</param>
    public FeatureMatrix Encode(IReadOnlyList<string> texts, IProgress<double>? progress = null, CancellationToken cancelled = default)
    {
        var values = new float[texts.Count * Features];
        var tokenized = texts.Select(text => _tokenizer.Tokenize(text)).ToList();
        try
        {
            _calls.Run(tokenized, Add, progress, cancelled);
        }
        finally
        {
            foreach (var text in tokenized) text.Dispose();
        }

        return new(values, Features);

        void Add(IReadOnlyList<OrtValue> outputs, IReadOnlyList<CallRow> call)
        {
            var start = 0;
            for (var tensor = 0; tensor < outputs.Count; tensor++)
            {
                var features = outputs[tensor].GetTensorDataAsSpan<float>();
                var width = _widths[tensor];
                for (var row = 0; row < call.Count; row++)
                {
                    var text = tokenized[call[row].Text];
                    var target = values.AsSpan((call[row].Text * Features) + start, width);
                    var share = Share(text, call[row].Window);
                    lock (text) TensorPrimitives.MultiplyAdd(features.Slice(row * width, width), share, target, target);
                }

                start += width;
            }
        }
    }

    public void Dispose() => _calls.Dispose();

    private static float Share(TokenizedText text, int window)
    {
        if (text.Windows.Length == 1) return 1;
        var all = 0;
        foreach (var other in text.Windows) all += other.Length;
        return text.Windows[window].Length / (float)all;
    }
}
