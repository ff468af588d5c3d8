using MtlStream.Learning.Training;

namespace MtlStream.Learning.Data;

/// <summary>Labelled texts that a task can be taught from: judged, without doubles, with their labels numbered.</summary>
public sealed class LabelledSet
{
    private const int MostLabels = 1000;
    private const int FewestOfALabel = 2;
    private const int RareLabel = 5;

    private readonly List<DataFinding> _findings = [];

    private LabelledSet(IReadOnlyList<string> labels, bool multiLabel) => (Labels, MultiLabel) = (labels, multiLabel);

    /// <summary>The labels, in the order in which the task numbers them.</summary>
    public IReadOnlyList<string> Labels { get; }

    public bool MultiLabel { get; }

    /// <summary>The texts to learn from.</summary>
    public IReadOnlyList<LabelledExample> Texts { get; private set; } = [];

    /// <summary>What was seen while judging.</summary>
    public IReadOnlyList<DataFinding> Findings => _findings;

    /// <summary>Judges texts and numbers their labels.</summary>
    /// <exception cref="UsageException">Nothing can be learnt from them; says why.</exception>
    public static LabelledSet Of(IReadOnlyList<LabelledExample> texts, bool multiLabel)
    {
        var counts = texts.SelectMany(t => t.Labels.Distinct()).GroupBy(l => l).ToDictionary(g => g.Key, g => g.Count());
        var broken = texts.FirstOrDefault(t => t.Labels.Any(l => l.AsSpan().ContainsAny('\r', '\n')));
        if (broken is not null) throw new UsageException($"line {broken.Line}: a label holds a line end; quote or repair it.");
        if (counts.Count == 0) throw new UsageException("no text has a label.");
        if (counts.Count == 1 && !multiLabel) throw new UsageException($"all texts have the label {counts.Keys.Single()}; expected two labels at least.");
        if (counts.Count > MostLabels) throw new UsageException($"found {counts.Count} labels, expected at most {MostLabels}; is the label column the right one?");
        var set = new LabelledSet([.. counts.Keys.Order(StringComparer.Ordinal)], multiLabel);
        set.Judge(texts, counts);
        return set;
    }

    /// <summary>The label numbers of each text.</summary>
    public LabelTargets Targets() => TargetsOf(Texts);

    /// <summary>The label numbers of other texts, such as a test set's.</summary>
    /// <exception cref="UsageException">One has a label that is none of <see cref="Labels"/>.</exception>
    public LabelTargets TargetsOf(IReadOnlyList<LabelledExample> texts)
    {
        var places = Labels.Select((label, place) => (label, place)).ToDictionary(l => l.label, l => l.place);
        return new([.. texts.Select(Numbers)], Labels.Count, MultiLabel);

        int[] Numbers(LabelledExample text) => [.. text.Labels.Distinct().Select(label => places.TryGetValue(label, out var place)
            ? place : throw new UsageException($"line {text.Line}: the label {label} is none of those that are taught."))];
    }

    /// <summary>Texts that stand in a test set too, so that its score would flatter.</summary>
    public DataFinding? LeakageInto(IReadOnlyList<LabelledExample> test)
    {
        var known = Texts.Select(Key).ToHashSet();
        var leaked = test.Where(t => known.Contains(Key(t))).ToList();
        return leaked.Count == 0 ? null : new("leakage", $"{leaked.Count} of {test.Count} test texts are also taught: {Lines(leaked)}.");
    }

    private void Judge(IReadOnlyList<LabelledExample> texts, Dictionary<string, int> counts)
    {
        var unlabelled = texts.Where(t => t.Labels.Count == 0).ToList();
        if (unlabelled.Count > 0 && !MultiLabel) Add("no label", unlabelled, "left out");
        var several = MultiLabel ? [] : texts.Where(t => t.Labels.Distinct().Count() > 1).ToList();
        if (several.Count > 0) throw new UsageException($"{several.Count} texts have several labels, such as {Lines(several)}; say --kind multi_label.");
        var empty = texts.Where(t => string.IsNullOrWhiteSpace(t.Text)).ToList();
        if (empty.Count > 0) Add("empty text", empty, "left out");

        var usable = texts.Except(unlabelled.Where(_ => !MultiLabel)).Except(empty).ToList();
        var groups = usable.GroupBy(Key).ToList();
        var contradicted = groups.Where(g => g.Select(LabelKey).Distinct().Count() > 1).SelectMany(g => g).ToList();
        if (contradicted.Count > 0) Add("contradiction", contradicted, "the same text has different labels; all are kept");
        var kept = groups.SelectMany(g => g.DistinctBy(LabelKey)).OrderBy(t => t.Line).ToList();
        if (kept.Count < usable.Count) _findings.Add(new("duplicate", $"{usable.Count - kept.Count} texts stand there again with the same label; counted once."));
        Texts = kept;

        var few = counts.Where(c => c.Value < FewestOfALabel).Select(c => c.Key).ToList();
        if (few.Count > 0) throw new UsageException($"the label {few[0]} has one text; expected {FewestOfALabel} at least, to learn from one and check with the other.");
        var rare = counts.Where(c => c.Value < RareLabel).Select(c => c.Key).Order(StringComparer.Ordinal).ToList();
        if (rare.Count > 0) _findings.Add(DataFinding.Rare(rare, RareLabel, "texts"));
    }

    private void Add(string kind, List<LabelledExample> texts, string what) => _findings.Add(new(kind, $"{texts.Count} texts, {Lines(texts)}: {what}."));

    private static string Lines(List<LabelledExample> texts) => DataFinding.Lines([.. texts.Select(t => t.Line)]);

    private static string Key(LabelledExample text) => text.Text.Trim();

    private static string LabelKey(LabelledExample text) => string.Join('\n', text.Labels.Distinct().Order(StringComparer.Ordinal));
}
