namespace MtlStream.Learning.Training;

/// <summary>How a head is trained.</summary>
/// <param name="Hidden">Units of the hidden layer; 0 for a linear head.</param>
/// <param name="Dropout">Share of the hidden units left out of each step.</param>
/// <param name="LabelSmoothing">Share of the target that goes to all labels alike.</param>
/// <param name="Steps">Steps in all; the learning rate falls to 0 along a half cosine.</param>
public sealed record HeadOptions(
    int Hidden = 384, float Dropout = 0.2f, float WeightDecay = 0.01f, float LabelSmoothing = 0.05f,
    float LearningRate = 1e-3f, int BatchSize = 64, int Steps = 600);

/// <summary>Trains a head on features that do not change. Deterministic for a seed. Takes one core: heads are trained side by side.</summary>
public static class HeadTrainer
{
    private const float WarmUp = 0.05f;

    /// <summary>Trains on some rows.</summary>
    /// <param name="targets">The labels of each row of <paramref name="features"/>.</param>
    /// <param name="guessed">Rows whose labels are guesses: half of each step is about them. None where there are no such rows.</param>
    /// <param name="progress">Told the share that is done, from 0 to 1.</param>
    public static Head Train(
        FeatureMatrix features, LabelTargets targets, IReadOnlyList<int> rows, HeadOptions options, int seed,
        IReadOnlyList<int>? guessed = null, IProgress<double>? progress = null, CancellationToken cancelled = default)
    {
        var random = new Random(seed);
        var scaling = features.Moments(guessed is null ? rows : [.. rows, .. guessed]);
        var weights = new HeadWeights(new(features.Columns, options.Hidden, targets.Labels, targets.MultiLabel));
        weights.Initialize(random);
        using var gradients = new HeadGradients(weights);
        var optimizer = new AdamW(options.WeightDecay);
        EndlessOrder[] orders = guessed is null ? [new(rows, random)] : [new(rows, random), new(guessed, random)];
        var batch = new Batch(Math.Min(options.BatchSize, rows.Count * orders.Length), weights.Shape);
        for (var step = 0; step < options.Steps; step++)
        {
            cancelled.ThrowIfCancellationRequested();
            batch.Fill(orders, features, scaling, targets, options, random);
            gradients.Calculate(batch.Texts, batch.Targets, batch.Keep);
            optimizer.Step(weights, gradients.Gradients, options.LearningRate * RateAt(step, options.Steps));
            progress?.Report((step + 1.0) / options.Steps);
        }

        return new(weights, scaling.Mean, scaling.InverseDeviation);
    }

    private static float RateAt(int step, int steps)
    {
        var warm = Math.Max(1, (int)(steps * WarmUp));
        if (step < warm) return (step + 1f) / warm;
        return 0.5f * (1 + MathF.Cos(MathF.PI * (step - warm) / Math.Max(1, steps - warm)));
    }

    /// <summary>The rows in random order, over and over.</summary>
    private sealed class EndlessOrder(IReadOnlyList<int> rows, Random random)
    {
        private readonly int[] _order = [.. rows];
        private int _next = rows.Count;

        public int Next()
        {
            if (_next == _order.Length)
            {
                random.Shuffle(_order);
                _next = 0;
            }

            return _order[_next++];
        }
    }

    /// <summary>The buffers of one step.</summary>
    private sealed class Batch(int rows, HeadShape shape)
    {
        public float[] Texts { get; } = new float[rows * shape.Features];
        public float[] Targets { get; } = new float[rows * shape.Labels];
        public float[] Keep { get; } = new float[rows * shape.Hidden];

        public void Fill(
            EndlessOrder[] orders, FeatureMatrix features, (float[] Mean, float[] InverseDeviation) scaling, LabelTargets targets,
            HeadOptions options, Random random)
        {
            for (var row = 0; row < rows; row++)
            {
                var text = orders[row % orders.Length].Next();
                var standardized = Texts.AsSpan(row * shape.Features, shape.Features);
                features.Read(text, standardized);
                Head.Standardize(standardized, scaling, standardized);
                targets.Write(text, options.LabelSmoothing, Targets.AsSpan(row * shape.Labels, shape.Labels));
            }

            var kept = 1 / (1 - options.Dropout);
            for (var i = 0; i < Keep.Length; i++) Keep[i] = random.NextSingle() < options.Dropout ? 0 : kept;
        }
    }
}
