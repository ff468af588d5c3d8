using MtlStream.Learning.Teaching;
using MtlStream.Learning.Training;
using MtlStream.Tests.Models;

namespace MtlStream.Tests.Learning;

/// <summary>Labels of two tasks that mean the same are noticed.</summary>
public sealed class SameLabelsTests : IDisposable
{
    private const int Texts = 20, OldLabels = 7; // mood has low, level and high; traits has red, green, blue and grey

    private readonly ToyPackage _package = new();

    public void Dispose() => _package.Dispose();

    [Fact]
    public void A_label_that_most_texts_have_too_is_named_with_its_task()
    {
        // Half of the texts are sad, and low in mood but for one; nothing goes with the other half.
        var found = Find(text => text % 2, (text, scores) => scores[text % 2 == 0 && text > 0 ? 0 : 1 + (text / 2 % 2)] = 0.9f);

        var message = Assert.Single(found);
        Assert.StartsWith("sad is nearly low of mood: ", message, StringComparison.Ordinal);
        Assert.Contains("90 % have both", message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_label_of_a_task_with_several_counts_where_its_threshold_is_reached()
    {
        Assert.Equal(["other is nearly grey of traits: of the texts that have one, 100 % have both."], Find(text => text % 2, (text, scores) =>
        {
            scores[text % 3] = 0.9f;
            if (text % 2 == 1) scores[6] = 0.71f; // the threshold is 0.7
            else scores[6] = 0.65f;
        }));
    }

    [Fact]
    public void Labels_that_go_with_each_other_by_chance_are_not_named() =>
        Assert.Empty(Find(text => text % 2, (text, scores) => scores[text % 3] = 0.9f));

    /// <param name="label">0 for sad, 1 for other.</param>
    /// <param name="score">Says what the package's tasks give.</param>
    private List<string> Find(Func<int, int> label, Action<int, float[]> score)
    {
        var values = Enumerable.Range(0, Texts).SelectMany(text =>
        {
            var scores = new float[OldLabels];
            Array.Fill(scores, 0.01f);
            score(text, scores);
            return scores.Select(score => MathF.Log(score));
        });
        var targets = new LabelTargets([.. Enumerable.Range(0, Texts).Select(text => new[] { label(text) })], labels: 2, multiLabel: false);
        return [.. SameLabels.Find(_package.Manifest(), ["sad", "other"], targets, new([.. values], OldLabels)).Select(f => f.Message)];
    }
}
