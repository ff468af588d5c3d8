namespace MtlStream.Learning.Data;

/// <summary>Sentences that a task can be taught from: judged, without doubles, with the labels of their words numbered.</summary>
public sealed class SentenceSet
{
    private const int MostLabels = 1000;
    private const int FewestSentences = 10;
    private const int RareLabel = 5;
    private const string Outside = "O";

    private readonly List<DataFinding> _findings = [];

    private SentenceSet(bool spans) => Spans = spans;

    /// <summary>Whether labels are BIO.</summary>
    public bool Spans { get; }

    /// <summary>The labels, in the order in which the task numbers them.</summary>
    public IReadOnlyList<string> Labels { get; private set; } = [];

    public IReadOnlyList<LabelledSentence> Sentences { get; private set; } = [];

    /// <summary>What was seen while judging.</summary>
    public IReadOnlyList<DataFinding> Findings => _findings;

    /// <summary>Judges sentences and numbers their labels.</summary>
    /// <exception cref="UsageException">Nothing can be learnt from them; says why.</exception>
    public static SentenceSet Of(IReadOnlyList<LabelledSentence> sentences, bool spans)
    {
        var set = new SentenceSet(spans);
        set.Judge(sentences);
        return set;
    }

    /// <summary>Sentences that stand in a test set too, so that its score would flatter.</summary>
    public DataFinding? LeakageInto(IReadOnlyList<LabelledSentence> test)
    {
        var known = Sentences.Select(s => s.Text).ToHashSet();
        var leaked = test.Where(t => known.Contains(t.Text)).ToList();
        return leaked.Count == 0 ? null : new("leakage", $"{leaked.Count} of {test.Count} test sentences are also taught: {DataFinding.Lines([.. leaked.Select(l => l.Line)])}.");
    }

    /// <exception cref="UsageException">A word has a label that is none of <see cref="Labels"/>.</exception>
    public void CheckLabelsOf(IReadOnlyList<LabelledSentence> test)
    {
        var known = Labels.Append(LabelledWord.None).ToHashSet();
        var strange = test.FirstOrDefault(s => s.Labels.Any(l => !known.Contains(l)));
        if (strange is not null)
            throw new UsageException($"the sentence at line {strange.Line}: the label {strange.Labels.First(l => !known.Contains(l))} is none of those that are taught.");
    }

    private void Judge(IReadOnlyList<LabelledSentence> sentences)
    {
        var groups = sentences.GroupBy(s => s.Text).ToList();
        var contradicted = groups.Where(g => g.Select(Key).Distinct().Count() > 1).SelectMany(g => g).Select(s => s.Line).ToList();
        if (contradicted.Count > 0)
            _findings.Add(new("contradiction", $"{contradicted.Count} sentences, {DataFinding.Lines(contradicted)}: the same words have different labels; all are kept."));
        Sentences = [.. groups.SelectMany(g => g.DistinctBy(Key)).OrderBy(s => s.Line)];
        if (Sentences.Count < sentences.Count)
            _findings.Add(new("duplicate", $"{sentences.Count - Sentences.Count} sentences stand there again with the same labels; counted once."));
        if (Sentences.Count < FewestSentences) throw new UsageException($"found {Sentences.Count} different sentences, expected {FewestSentences} at least.");

        var counts = Sentences.SelectMany(Units).GroupBy(l => l).ToDictionary(g => g.Key, g => g.Count());
        if (counts.Count == 0) throw new UsageException(Spans ? "no sentence has a span; expected labels other than O." : "no word has a label.");
        if (counts.Count == 1 && !Spans) throw new UsageException($"all words have the label {counts.Keys.Single()}; expected two labels at least.");
        if (counts.Count > MostLabels) throw new UsageException($"found {counts.Count} labels, expected at most {MostLabels}; is the label column the right one?");
        var names = counts.Keys.Order(StringComparer.Ordinal).ToList();
        Labels = Spans ? [Outside, .. names.SelectMany(name => new[] { "B-" + name, "I-" + name })] : names;
        var rare = names.Where(n => counts[n] < RareLabel).ToList();
        if (rare.Count > 0) _findings.Add(DataFinding.Rare(rare, RareLabel, Spans ? "spans" : "words"));
    }

    /// <summary>What is counted: the types of a sentence's spans, or the labels of its words.</summary>
    private IEnumerable<string> Units(LabelledSentence sentence) => Spans
        ? Metrics.Spans(sentence.Labels).Select(span => span.Kind)
        : sentence.Labels.Where(label => label.Length > 0);

    private static string Key(LabelledSentence sentence) => string.Join('\n', sentence.Labels);
}
