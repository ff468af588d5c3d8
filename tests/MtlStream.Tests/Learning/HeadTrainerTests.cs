using MtlStream.Learning.Teaching;
using MtlStream.Learning.Training;

namespace MtlStream.Tests.Learning;

public sealed class HeadTrainerTests
{
    private const int Features = 6;
    private const int Rows = 5;

    [Theory]
    [InlineData(4, false)]
    [InlineData(4, true)]
    [InlineData(0, false)]
    [InlineData(0, true)]
    public void Gradients_are_the_slopes_of_the_loss(int hidden, bool multiLabel)
    {
        var random = new Random(3);
        var weights = new HeadWeights(new(Features, hidden, Labels: 3, multiLabel));
        weights.Initialize(random);
        var texts = Randoms(Rows * Features, random);
        var targets = Enumerable.Range(0, Rows * 3).Select(i => i % 3 == i / 3 % 3 ? 0.9f : 0.05f).ToArray();
        var keep = Enumerable.Range(0, Rows * hidden).Select(i => i % 4 == 0 ? 0 : 1.25f).ToArray();
        using var gradients = new HeadGradients(weights);

        gradients.Calculate(texts, targets, keep);

        foreach (var (name, parameter) in weights.Parameters)
        {
            for (var i = 0; i < parameter.Length; i += 3)
                Assert.Equal(Slope(weights, parameter, i, texts, targets, keep), gradients.Gradients[name][i], 1e-3);
        }
    }

    [Fact]
    public void A_head_learns_what_can_be_told_apart()
    {
        var random = new Random(5);
        var labels = Enumerable.Range(0, 90).Select(i => i % 3).ToArray();
        var values = labels.SelectMany(label => Randoms(Features, random).Select((x, i) => x + (i == label ? 3 : 0))).ToArray();
        var features = new FeatureMatrix(values, Features);
        var targets = new LabelTargets([.. labels.Select(l => new[] { l })], 3, multiLabel: false);
        int[] train = [.. Enumerable.Range(0, 60)], test = [.. Enumerable.Range(60, 30)];

        var head = HeadTrainer.Train(features, targets, train, new(Hidden: 8, BatchSize: 16, Steps: 200, LearningRate: 0.01f), seed: 1);
        var probabilities = Calibration.Probabilities(head.Logits(features, test), targets, temperature: 1);

        Assert.True(TaughtScores.Of(probabilities, targets, test, ["a", "b", "c"], []).Accuracy.Value > 0.9);
    }

    [Fact]
    public void Halved_features_give_nearly_the_same_logits()
    {
        var random = new Random(5);
        var values = Randoms(40 * Features, random);
        var (features, halves) = (new FeatureMatrix(values, Features), new FeatureMatrix([.. values.Select(v => (Half)v)], Features));
        var targets = new LabelTargets([.. Enumerable.Range(0, 40).Select(i => new[] { i % 2 })], 2, multiLabel: false);
        var rows = Enumerable.Range(0, 40).ToList();

        var head = HeadTrainer.Train(features, targets, rows, new(Hidden: 4, Steps: 20), seed: 7);

        foreach (var (one, other) in head.Logits(features, rows).Zip(head.Logits(halves, rows))) Assert.Equal(one, other, 0.02);
    }

    [Fact]
    public void What_is_guessed_of_texts_without_labels_is_learnt()
    {
        // Two texts with labels say nothing of the second feature; those without tell it.
        var values = Enumerable.Range(0, 42).SelectMany(i => new float[] { i < 2 ? i : 0, i < 2 ? 0 : i % 2 }).ToArray();
        var features = new FeatureMatrix(values, 2);
        var guesses = Enumerable.Range(2, 40).SelectMany(i => new float[] { 1 - (i % 2), i % 2 }).ToArray();
        var targets = new LabelTargets([[0], [1]], 2, multiLabel: false).WithGuesses(guesses);

        var head = HeadTrainer.Train(
            features, targets, [0, 1], new(Hidden: 0, Steps: 200, LearningRate: 0.02f), seed: 1, guessed: [.. Enumerable.Range(2, 40)]);

        var logits = head.Logits(features, [2, 3]);
        Assert.True(logits[0] > logits[1]);
        Assert.True(logits[3] > logits[2]);
    }

    [Fact]
    public void The_same_seed_gives_the_same_head()
    {
        var random = new Random(5);
        var features = new FeatureMatrix(Randoms(20 * Features, random), Features);
        var targets = new LabelTargets([.. Enumerable.Range(0, 20).Select(i => new[] { i % 2 })], 2, multiLabel: false);
        var rows = Enumerable.Range(0, 20).ToList();
        var options = new HeadOptions(Hidden: 4, Steps: 20);

        var one = HeadTrainer.Train(features, targets, rows, options, seed: 7);
        var other = HeadTrainer.Train(features, targets, rows, options, seed: 7);

        Assert.Equal(one.Logits(features, rows), other.Logits(features, rows));
    }

    [Fact]
    public void Confidence_that_is_too_high_is_cooled()
    {
        // Right in three of four cases, and always all but certain.
        var targets = new LabelTargets([.. Enumerable.Range(0, 40).Select(i => new[] { i % 4 == 0 ? 1 : 0 })], 2, multiLabel: false);
        var rows = Enumerable.Range(0, 40).ToList();
        var logits = Enumerable.Range(0, 80).Select(i => i % 2 == 0 ? 8f : 0f).ToArray();

        var temperature = Calibration.Temperature(logits, targets, rows);

        var before = Calibration.ExpectedError(Calibration.Probabilities(logits, targets, 1), targets, rows);
        var after = Calibration.ExpectedError(Calibration.Probabilities(logits, targets, temperature), targets, rows);
        Assert.True(temperature > 2);
        Assert.True(before > 0.2);
        Assert.True(after < 0.02);
    }

    [Fact]
    public void Every_text_is_in_one_fold_and_every_label_in_all()
    {
        var targets = new LabelTargets([.. Enumerable.Range(0, 50).Select(i => new[] { i % 5 })], 5, multiLabel: false);

        var folds = CrossValidation.Folds(targets, 5, seed: 1);

        Assert.Equal(Enumerable.Range(0, 50), folds.SelectMany(f => f).Order());
        Assert.All(folds, fold => Assert.Equal(5, fold.Select(row => targets.Of(row)[0]).Distinct().Count()));
    }

    private static float[] Randoms(int count, Random random) => [.. Enumerable.Range(0, count).Select(_ => (random.NextSingle() * 2) - 1)];

    /// <summary>The change of the loss around a parameter, by finite differences in double precision.</summary>
    private static double Slope(HeadWeights weights, float[] parameter, int place, float[] texts, float[] targets, float[] keep)
    {
        const float Step = 1e-2f;
        var value = parameter[place];
        parameter[place] = value + Step;
        var above = Loss(weights, texts, targets, keep);
        parameter[place] = value - Step;
        var below = Loss(weights, texts, targets, keep);
        parameter[place] = value;
        return (above - below) / (2 * Step);
    }

    private static double Loss(HeadWeights weights, float[] texts, float[] targets, float[] keep)
    {
        var shape = weights.Shape;
        var loss = 0.0;
        for (var row = 0; row < Rows; row++)
        {
            var inner = texts.Skip(row * Features).Take(Features).Select(x => (double)x).ToArray();
            if (shape.Hidden > 0)
            {
                var sums = Times(inner, weights.Parameters["hidden.weight"], weights.Parameters["hidden.bias"]);
                inner = [.. sums.Select((s, unit) => Math.Tanh(s) * keep[(row * shape.Hidden) + unit])];
            }

            var logits = Times(inner, weights.Parameters["label.weight"], weights.Parameters["label.bias"]);
            var normalizer = logits.Sum(Math.Exp);
            for (var label = 0; label < shape.Labels; label++)
            {
                var target = targets[(row * shape.Labels) + label];
                var sigmoid = 1 / (1 + Math.Exp(-logits[label]));
                loss -= shape.MultiLabel
                    ? (target * Math.Log(sigmoid)) + ((1 - target) * Math.Log(1 - sigmoid))
                    : target * Math.Log(Math.Exp(logits[label]) / normalizer);
            }
        }

        return loss / Rows;
    }

    private static double[] Times(double[] input, float[] matrix, float[] bias) =>
        [.. bias.Select((b, unit) => b + input.Select((x, i) => x * matrix[(i * bias.Length) + unit]).Sum())];
}
