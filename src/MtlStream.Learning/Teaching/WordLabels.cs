using System.Numerics.Tensors;
using MtlStream.Learning.Data;
using MtlStream.Learning.Features;
using MtlStream.Learning.Training;

namespace MtlStream.Learning.Teaching;

/// <summary>The words that people labelled, found again among those that the package reads.</summary>
internal sealed class WordLabels
{
    private const int Unknown = -1;
    private const string Outside = "O";

    private readonly IReadOnlyList<LabelledSentence> _sentences;
    private readonly SentenceSet _set;
    private readonly int[][] _rows; // of each sentence's labelled words: the row of the first word read in it
    private readonly int[] _labels; // of each row

    /// <param name="set">Names the labels.</param>
    /// <param name="encoded">The sentences' words, as the package reads them.</param>
    public WordLabels(SentenceSet set, IReadOnlyList<LabelledSentence> sentences, EncodedWords encoded)
    {
        (_set, _sentences) = (set, sentences);
        _rows = [.. sentences.Select(s => s.Words.Select(_ => Unknown).ToArray())];
        _labels = new int[encoded.Words.Count];
        Array.Fill(_labels, Unknown);
        var numbers = set.Labels.Select((label, number) => (label, number)).ToDictionary(l => l.label, l => l.number);
        for (var sentence = 0; sentence < sentences.Count; sentence++) Place(sentence, encoded, numbers);
        var shared = set.Labels.Select((_, number) => new[] { number }).ToArray();
        Targets = new([.. _labels.Select(label => label == Unknown ? [] : shared[label])], set.Labels.Count, multiLabel: false);
        First = encoded.First;
    }

    /// <summary>The label of each row.</summary>
    public LabelTargets Targets { get; }

    /// <summary>Row of each sentence's first word.</summary>
    public IReadOnlyList<int> First { get; }

    /// <summary>The rows of some sentences that have a label.</summary>
    public int[] RowsOf(IEnumerable<int> sentences) =>
        [.. sentences.SelectMany(s => Enumerable.Range(First[s], First[s + 1] - First[s])).Where(row => _labels[row] != Unknown)];

    /// <summary>How well sentences are labelled.</summary>
    /// <param name="probabilities">[all rows, labels].</param>
    public TaughtScores Scores(float[] probabilities)
    {
        var given = Enumerable.Range(0, _sentences.Count).Select(sentence => Given(sentence, probabilities)).ToList();
        var pairs = given.Zip(_sentences).SelectMany(p => p.First.Zip(p.Second.Labels)).Where(p => p.Second != LabelledWord.None).ToList();
        var right = pairs.Count(p => p.First == p.Second);
        var names = _set.Spans ? _set.Labels.Skip(1).Select(l => l[2..]).Distinct().ToList() : [.. _set.Labels];
        var numbers = names.Select((name, number) => (name, number)).ToDictionary(n => n.name, n => n.number);
        var items = given.Zip(_sentences).Select(p => _set.Spans ? Spans(p.Second.Labels, p.First, numbers) : Words(p.Second.Labels, p.First, numbers)).ToList();
        var (macro, micro, each) = FoundItems.F1(items, names.Count);
        var rows = RowsOf(Enumerable.Range(0, _sentences.Count));
        return new(
            _sentences.Count, Intervals.Wilson((double)right / pairs.Count, pairs.Count), macro,
            Calibration.ExpectedError(Calibration.Rows(probabilities, rows, Targets.Labels), Targets, rows), Confusions(pairs),
            [.. names.Zip(each, (name, f1) => new LabelScore(name, Math.Round(f1, 5)))], _set.Spans ? micro : null);
    }

    /// <summary>Sentences whose labels are probably wrong, the surest first: the best label of a word and the one it has.</summary>
    public IEnumerable<(int Sentence, string Label, string Expected, float Confidence, float OfLabel)> Doubts(float[] probabilities)
    {
        for (var sentence = 0; sentence < _sentences.Count; sentence++)
        {
            foreach (var row in RowsOf([sentence]))
            {
                var scores = probabilities.AsSpan(row * Targets.Labels, Targets.Labels);
                var best = TensorPrimitives.IndexOfMax(scores);
                yield return (sentence, _set.Labels[_labels[row]], _set.Labels[best], scores[best], probabilities[(row * Targets.Labels) + _labels[row]]);
            }
        }
    }

    private void Place(int sentence, EncodedWords encoded, Dictionary<string, int> numbers)
    {
        var labelled = _sentences[sentence].Words;
        var word = 0;
        for (var row = encoded.First[sentence]; row < encoded.First[sentence + 1]; row++)
        {
            var start = encoded.Words[row].Start;
            while (word < labelled.Count && labelled[word].End <= start) word++;
            if (word == labelled.Count) return;
            if (labelled[word].Start > start || labelled[word].Label == LabelledWord.None) continue;
            var begins = _rows[sentence][word] == Unknown;
            if (begins) _rows[sentence][word] = row;
            _labels[row] = numbers[begins ? labelled[word].Label : Going(labelled[word].Label)];
        }
    }

    /// <summary>The label of a word's second part where the package reads several: a span goes on.</summary>
    private string Going(string label) => _set.Spans && label.StartsWith('B') ? "I" + label[1..] : label;

    /// <summary>The best label of each word that people labelled; of one that the package does not read, none.</summary>
    private string[] Given(int sentence, float[] probabilities) => [.. _rows[sentence].Select(row => row == Unknown ? Outside
        : _set.Labels[TensorPrimitives.IndexOfMax(probabilities.AsSpan(row * Targets.Labels, Targets.Labels))])];

    private static FoundItem[] Spans(IReadOnlyList<string> truth, string[] given, Dictionary<string, int> numbers)
    {
        var (expected, found) = (Metrics.Spans(truth), Metrics.Spans(given));
        return [.. expected.Union(found).Select(span => new FoundItem(numbers[span.Kind], expected.Contains(span), found.Contains(span)))];
    }

    private static FoundItem[] Words(IReadOnlyList<string> truth, string[] given, Dictionary<string, int> numbers) =>
    [
        .. truth.Zip(given).Where(w => numbers.ContainsKey(w.First)).SelectMany(w => Items(w.First, w.Second, numbers)),
    ];

    private static FoundItem[] Items(string truth, string given, Dictionary<string, int> numbers)
    {
        var right = truth == given;
        var expected = new FoundItem(numbers[truth], true, right);
        return !right && numbers.TryGetValue(given, out var wrong) ? [expected, new(wrong, false, true)] : [expected];
    }

    private static IReadOnlyList<Confusion> Confusions(List<(string Given, string True)> words)
    {
        var wrong =
            from word in words
            where word.Given != word.True
            group word by word into pair
            orderby pair.Count() descending
            select new Confusion(pair.Key.Given, pair.Key.True, pair.Count());
        return [.. wrong.Take(TaughtScores.MostConfusions)];
    }
}
