using MtlStream.Learning.Promotion;

namespace MtlStream.Tests.Learning;

public sealed class PromotionTests
{
    [Theory]
    [InlineData(0, 0, 1)]
    [InlineData(5, 0, 0.03125)]
    [InlineData(0, 5, 1)]
    [InlineData(8, 2, 0.0546875)] // (45 + 10 + 1) / 1024
    [InlineData(3, 3, 0.65625)]
    public void The_sign_test_is_exact(int oneWay, int otherWay, double probability) =>
        Assert.Equal(probability, SignTest.Probability(oneWay, otherWay), 1e-12);

    [Fact]
    public void A_candidate_that_gains_beyond_chance_and_loses_nothing_passes()
    {
        var truth = Repeat(60, i => i % 2 == 0 ? "a" : "b");
        var before = Repeat(60, i => i < 20 ? "a" : truth[i][0]); // half of the first twenty wrong

        var comparison = Compare(truth, before, after: truth);

        Assert.True(comparison.Passed, string.Join('\n', comparison.Refusals));
        Assert.Equal((10, 0), (comparison.Tasks[0].Won, comparison.Tasks[0].Lost));
    }

    [Fact]
    public void A_candidate_that_wins_on_the_whole_and_spoils_one_label_is_refused_for_that_label()
    {
        var truth = Repeat(100, i => i < 50 ? "a" : i < 90 ? "b" : "rare");
        var before = Repeat(100, i => i < 25 ? "b" : truth[i][0]);
        var after = Repeat(100, i => i >= 90 ? "b" : truth[i][0]); // all of the rare label are gone

        var comparison = Compare(truth, before, after);

        Assert.True(comparison.Tasks[0].After > comparison.Tasks[0].Before);
        var refusal = Assert.Single(comparison.Refusals);
        Assert.Contains("most lose rare", refusal, StringComparison.Ordinal);
    }

    [Fact]
    public void A_loss_that_chance_explains_is_none_and_a_gain_that_chance_explains_is_none_either()
    {
        var truth = Repeat(40, i => i % 2 == 0 ? "a" : "b");
        var worse = Repeat(40, i => i < 2 ? "b" : truth[i][0]);

        Assert.DoesNotContain(Compare(truth, truth, worse).Refusals, r => r.Contains("in accuracy", StringComparison.Ordinal));
        Assert.Contains(Compare(truth, worse, truth).Refusals, r => r.Contains("gains", StringComparison.Ordinal));
        Assert.True(Compare(truth, worse, truth, new(LeastGain: 0)).Passed);
    }

    [Fact]
    public void Where_nobody_labelled_texts_what_serves_counts_as_right()
    {
        var before = Repeat(100, i => i % 2 == 0 ? "a" : "b");
        var after = Repeat(100, i => i < 20 ? "a" : before[i][0]);
        IReadOnlyList<JudgedText> texts = [.. before.Select((_, i) => new JudgedText($"t{i}", new Dictionary<string, IReadOnlyList<string>>()))];

        var refused = Comparison.Of(texts, Answers(before), Answers(after), new(LeastGain: 0));
        var same = Comparison.Of(texts, Answers(before), Answers(before), new(LeastGain: 0));

        Assert.Contains("counts as right", Assert.Single(refused.Refusals), StringComparison.Ordinal);
        Assert.True(same.Passed);
    }

    [Fact]
    public void A_new_task_is_measured_against_the_most_frequent_label_and_a_missing_one_is_refused()
    {
        var truth = Repeat(40, i => i % 2 == 0 ? "a" : "b");
        var none = new PackageAnswers(new Dictionary<string, IReadOnlyList<IReadOnlyList<string>>>(), new Dictionary<string, IReadOnlyList<string>>());

        var added = Comparison.Of(Texts(truth), none, Answers(truth), new());
        var gone = Comparison.Of(Texts(truth), Answers(truth), none, new(LeastGain: 0));

        Assert.True(added.Passed, string.Join('\n', added.Refusals));
        Assert.Equal((0.5, 1), (added.Tasks[0].Before, added.Tasks[0].After));
        Assert.Contains("does not have this task", Assert.Single(gone.Refusals), StringComparison.Ordinal);
    }

    [Fact]
    public void Changes_of_tasks_about_words_count_too()
    {
        var labels = new Dictionary<string, IReadOnlyList<IReadOnlyList<string>>>();
        IReadOnlyList<string> before = [.. Enumerable.Repeat("0-2:PER", 50)], after = [.. Enumerable.Repeat("0-2:LOC", 10).Concat(before.Skip(10))];
        IReadOnlyList<JudgedText> texts = [.. before.Select((_, i) => new JudgedText($"t{i}", new Dictionary<string, IReadOnlyList<string>>()))];

        var comparison = Comparison.Of(
            texts, new(labels, new Dictionary<string, IReadOnlyList<string>> { ["names"] = before }), new(labels, new Dictionary<string, IReadOnlyList<string>> { ["names"] = after }),
            new(LeastGain: 0));

        Assert.Contains("names", Assert.Single(comparison.Refusals), StringComparison.Ordinal);
    }

    private static Comparison Compare(IReadOnlyList<IReadOnlyList<string>> truth, IReadOnlyList<IReadOnlyList<string>> before, IReadOnlyList<IReadOnlyList<string>> after, PromotionGates? gates = null) =>
        Comparison.Of(Texts(truth), Answers(before), Answers(after), gates ?? new());

    private static IReadOnlyList<JudgedText> Texts(IReadOnlyList<IReadOnlyList<string>> truth) =>
        [.. truth.Select((labels, i) => new JudgedText($"t{i}", new Dictionary<string, IReadOnlyList<string>> { ["task"] = labels }))];

    private static PackageAnswers Answers(IReadOnlyList<IReadOnlyList<string>> labels) =>
        new(new Dictionary<string, IReadOnlyList<IReadOnlyList<string>>> { ["task"] = labels }, new Dictionary<string, IReadOnlyList<string>>());

    private static IReadOnlyList<IReadOnlyList<string>> Repeat(int count, Func<int, string> label) =>
        [.. Enumerable.Range(0, count).Select(i => (IReadOnlyList<string>)[label(i)])];
}
