using MtlStream.Models;
using MtlStream.Tasks;
using MtlStream.Tests.Doubles;

namespace MtlStream.Tests.Models;

public sealed class WindowMergeTests
{
    private static readonly ModelTask[] s_tasks =
    [
        new TokenTagsTask("pos", ["A", "B", "C", "D"]),
        new SingleLabelTask("topic", ["x", "y"]),
    ];

    /// <summary>What a model would say about one window: every token gets the window's number, its score tells the column.</summary>
    private static Predictions Scored(int window, int columns, float x)
    {
        var predictions = new Predictions(s_tasks, 1, columns);
        predictions.Tags(0, 0).Fill(window);
        for (var column = 0; column < columns; column++) predictions.TagScores(0, 0)[column] = column;
        (predictions.Probabilities(1, 0)[0], predictions.Probabilities(1, 0)[1]) = (x, 1 - x);
        return predictions;
    }

    [Fact]
    public void Every_token_takes_its_label_from_the_window_in_which_it_has_most_context()
    {
        using var text = Make.Tokenizer(maxTokens: 12, overlap: 4).Tokenize(string.Join(' ', Enumerable.Repeat("good", 25)));
        Assert.True(text.Windows.Length >= 3);
        using var merge = new WindowMerge(text);

        for (var window = text.Windows.Length - 1; window >= 0; window--)
        {
            using var scored = Scored(window, text.SequenceLength(window), 0.5f);
            merge.Add(window, scored, 0);
        }

        for (var token = 0; token < 25; token++)
        {
            var window = merge.Merged.Tags(0, 0)[token + 1];
            Assert.Equal(token - text.Windows[window].Start + 1, merge.Merged.TagScores(0, 0)[token + 1]);
            var context = Context(window, token);
            for (var other = 0; other < text.Windows.Length; other++)
                Assert.True(Context(other, token) <= context, $"token {token} has more context in window {other} than in {window}");
        }

        // Tokens before and after it in the window; the ends of the text cut nothing off.
        int Context(int window, int token)
        {
            var (start, length) = text.Windows[window];
            if (token < start || token >= start + length) return -1;
            var before = start == 0 ? int.MaxValue : token - start;
            var after = start + length == 25 ? int.MaxValue : start + length - 1 - token;
            return Math.Min(before, after);
        }
    }

    [Fact]
    public void Text_level_scores_are_the_mean_weighted_by_the_tokens_of_each_window()
    {
        using var text = Make.Tokenizer(maxTokens: 12, overlap: 4).Tokenize(string.Join(' ', Enumerable.Repeat("good", 14)));
        Assert.Equal(2, text.Windows.Length);
        using var merge = new WindowMerge(text);
        using (var first = Scored(0, text.SequenceLength(0), 1f)) merge.Add(0, first, 0);
        using (var second = Scored(1, text.SequenceLength(1), 0f)) merge.Add(1, second, 0);

        var owned = merge.Merged.Tags(0, 0)[1..15].Count(0);

        Assert.InRange(owned, 1, 13);
        Assert.Equal(owned / 14f, merge.Merged.Probabilities(1, 0)[0], 1e-6);
        Assert.Equal(1f, merge.Merged.Probabilities(1, 0)[0] + merge.Merged.Probabilities(1, 0)[1], 1e-6);
    }
}
