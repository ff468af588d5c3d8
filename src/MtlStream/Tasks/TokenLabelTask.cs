using MtlStream.Text;

namespace MtlStream.Tasks;

/// <summary>What tasks share that label words: for each token a label id and its probability. A word's label is its first token's.</summary>
public abstract class TokenLabelTask(string name, string kind, IReadOnlyList<string> labels) : ModelTask(
    name, kind, labels,
    new TaskOutput(ElementType.Id, Fixed: 0, PerToken: 1), new TaskOutput(ElementType.Number, Fixed: 0, PerToken: 1))
{
    private const int Tags = 0, Scores = 1;

    protected static IReadOnlyList<string> TagsAndScores { get; } = ["tags", "scores"];

    /// <summary>Label id of each token, [CLS] first.</summary>
    public static Span<int> TagsOf(TaskValues values) => values.Ids(Tags);

    /// <summary>Probability of each token's label, [CLS] first.</summary>
    public static Span<float> ScoresOf(TaskValues values) => values.Floats(Scores);

    public override void WriteNeutral(TaskValues values)
    {
        TagsOf(values).Fill(Neutral);
        ScoresOf(values).Fill(1);
    }

    /// <summary>The label that says least.</summary>
    protected virtual int Neutral => 0;

    /// <summary>A token that two windows share takes its label from the one in which it has more context.</summary>
    public override void Merge(WindowValues windows, TaskValues merged)
    {
        windows.Join(Tags, merged.Floats(Tags)); // as they lie in memory, whatever they are
        windows.Join(Scores, merged.Floats(Scores));
    }

    public override string? ValidationError(TaskValues values, TokenizedText text)
    {
        var tokens = text.Tokens.Length;
        var scores = ScoresOf(values).Slice(1, tokens);
        var token = LabelScores.FirstNoProbability(scores);
        if (token >= 0) return LabelScores.ErrorAt(Name, scores[token], $"token {token}");
        var tags = TagsOf(values).Slice(1, tokens);
        var outside = tags.IndexOfAnyExceptInRange(0, Labels.Count - 1);
        if (outside < 0) return null;
        return $"The model gave task \"{Name}\" the label id {tags[outside]} at token {outside}; expected 0 to {Labels.Count - 1}.";
    }

    /// <summary>The label of each word.</summary>
    public override IReadOnlyList<string> Given(TaskValues values, TaskText text)
    {
        var tags = TagsOf(values);
        var tokens = text.Tokens.Tokens;
        var given = new List<string>();
        for (var token = 0; token < tokens.Length; token++)
        {
            if (tokens[token].BeginsWord) given.Add(Labels[tags[token + 1]]);
        }

        return given;
    }

    /// <summary>Counts one label for each word; nothing is said about a text without words.</summary>
    public override TaskConfidence? Observe(TaskValues values, TokenizedText text, ILabelCounts counts)
    {
        var tags = TagsOf(values);
        var scores = ScoresOf(values);
        var tokens = text.Tokens;
        var words = 0;
        double confidence = 0, entropy = 0;
        for (var token = 0; token < tokens.Length; token++)
        {
            if (!tokens[token].BeginsWord) continue;
            counts.Add(tags[token + 1]);
            confidence += scores[token + 1];
            entropy += LabelScores.EntropyOfOne(scores[token + 1]); // the other labels' probabilities stay on the device
            words++;
        }

        return words == 0 ? null : new(confidence / words, entropy / words);
    }
}
