using MtlStream.Host.Evaluation;
using MtlStream.Host;

namespace MtlStream.Tests.Evaluation;

public sealed class MetricsTests
{
    private static (IReadOnlyList<string> True, IReadOnlyList<string> Given) Answer(string truth, string given) => (Split(truth), Split(given));

    private static string[] Split(string labels) => labels.Split(' ', StringSplitOptions.RemoveEmptyEntries);

    [Fact]
    public void Macro_scores_are_means_over_labels_not_over_texts()
    {
        var tallies = Metrics.PerLabel(["a", "b"], [Answer("a", "a"), Answer("a", "a"), Answer("a", "b"), Answer("b", "a")]);

        Assert.Equal((2 / 3.0 + 0) / 2, Metrics.MacroRecall(tallies), 1e-12);
        Assert.Equal((2 * 2 / 6.0 + 0) / 2, Metrics.MacroF1(tallies), 1e-12);
    }

    [Fact]
    public void A_label_that_never_occurs_and_is_never_given_counts_zero()
    {
        var tallies = Metrics.PerLabel(["a", "b"], [Answer("a", "a")]);

        Assert.Equal(0.5, Metrics.MacroF1(tallies));
    }

    [Fact]
    public void A_label_that_the_task_does_not_have_is_named_with_those_it_has()
    {
        var message = Assert.Throws<UsageException>(() => Metrics.PerLabel(["neg", "pos"], [Answer("negative", "neg")])).Message;

        Assert.Equal("the test set has the label negative, the package's task has neg, pos; leave the task out with --tasks.", message);
    }

    [Fact]
    public void Several_labels_of_one_text_are_judged_one_by_one()
    {
        var tallies = Metrics.PerLabel(["a", "b", "c"], [Answer("a b", "b c"), Answer("", "a")]);

        Assert.Equal((0, 1, 1), (tallies[0].Right, tallies[0].Given, tallies[0].True));
        Assert.Equal((1, 1, 1), (tallies[1].Right, tallies[1].Given, tallies[1].True));
        Assert.Equal((0, 1, 0), (tallies[2].Right, tallies[2].Given, tallies[2].True));
    }

    [Theory]
    [InlineData("O B-PER I-PER O", "1-3 PER")]
    [InlineData("B-PER B-PER", "0-1 PER,1-2 PER")]
    [InlineData("I-LOC I-LOC O", "0-2 LOC")]
    [InlineData("B-PER I-LOC", "0-1 PER,1-2 LOC")]
    [InlineData("O O", "")]
    public void Spans_are_read_from_BIO_tags_as_conlleval_does(string tags, string expected) =>
        Assert.Equal(expected, string.Join(",", Metrics.Spans(tags.Split(' ')).Select(s => $"{s.Start}-{s.End} {s.Kind}")));

    [Fact]
    public void An_item_given_twice_is_right_only_as_often_as_it_is_true()
    {
        var tally = Metrics.Items<int>([([1, 2, 3], [1, 1, 3, 4])]);

        Assert.Equal((2, 4, 3), (tally.Right, tally.Given, tally.True));
        Assert.Equal(4 / 7.0, tally.F1, 1e-12);
    }
}
