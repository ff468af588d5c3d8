using System.Numerics.Tensors;
using MtlStream.Learning.Training;
using MtlStream.Models;
using MtlStream.Text;

namespace MtlStream.Learning.Features;

/// <summary>The words of texts, as the package finds them.</summary>
/// <param name="Features">A row for each word: those of its first token.</param>
/// <param name="Words">Of each row.</param>
/// <param name="First">Row of each text's first word; behind the last text the number of rows.</param>
internal sealed record EncodedWords(FeatureMatrix Features, IReadOnlyList<Word> Words, IReadOnlyList<int> First);

/// <summary>Words to features, by the package's own graph for a CPU, as it is served. Kept as fp16: there are many.</summary>
internal sealed class WordEncoder : IDisposable
{
    private readonly TextTokenizer _tokenizer;
    private readonly TextCalls _calls;
    private readonly int _features;

    /// <param name="workers">Calls side by side, each on one thread.</param>
    public WordEncoder(ModelManifest manifest, TextTokenizer tokenizer, int workers)
    {
        _tokenizer = tokenizer;
        Set = FeatureSet.OfWords;
        _calls = new(FeatureGraph.Alone(File.ReadAllBytes(manifest.GraphFor("cpu")), manifest, [Set]), manifest, Set.Tensors, workers);
        _features = _calls.Widths().Sum();
    }

    /// <summary>What heads are taught on.</summary>
    public FeatureSet Set { get; }

    /// <summary>Encodes texts.</summary>
    /// <param name="progress">Told the share that is done, from 0 to 1.</param>
    public EncodedWords Encode(IReadOnlyList<string> texts, IProgress<double>? progress, CancellationToken cancelled)
    {
        var tokenized = texts.Select(text => _tokenizer.Tokenize(text)).ToList();
        try
        {
            var words = new List<Word>();
            var first = new List<int>();
            foreach (var text in tokenized)
            {
                first.Add(words.Count);
                words.AddRange(text.Words);
            }

            first.Add(words.Count);
            var values = new Half[(long)words.Count * _features];
            _calls.Run(tokenized, (outputs, call) => Write(outputs[0].GetTensorDataAsSpan<float>(), call, tokenized, first, values), progress, cancelled);
            return new(new(values, _features), words, first);
        }
        finally
        {
            foreach (var text in tokenized) text.Dispose();
        }
    }

    public void Dispose() => _calls.Dispose();

    private void Write(ReadOnlySpan<float> features, IReadOnlyList<CallRow> call, List<TokenizedText> texts, List<int> first, Half[] values)
    {
        var length = texts[call[0].Text].SequenceLength(call[0].Window);
        for (var row = 0; row < call.Count; row++)
        {
            var (number, window) = call[row];
            var text = texts[number];
            var (start, count) = (text.Windows[window].Start, text.Windows[window].Length);
            var known = window == 0 ? 0 : text.Windows[window - 1].Start + text.Windows[window - 1].Length; // by the window before
            for (var word = 0; word < text.Words.Length; word++)
            {
                var token = text.Words[word].FirstToken;
                if (token < Math.Max(start, known) || token >= start + count) continue;
                var source = features.Slice(((row * length) + token - start + 1) * _features, _features);
                TensorPrimitives.ConvertToHalf(source, values.AsSpan((first[number] + word) * _features, _features));
            }
        }
    }
}
