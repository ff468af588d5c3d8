using Microsoft.Extensions.Logging.Abstractions;
using MtlStream.Batching;
using MtlStream.Models;
using MtlStream.Onnx;
using MtlStream.Serving;
using MtlStream.Tests.Doubles;

namespace MtlStream.Tests.Models;

public sealed class RecentResultsTests : IDisposable
{
    private readonly ToyPackage _package = new();
    private readonly OnnxMultitaskModel _model;

    public RecentResultsTests() =>
        _model = OnnxMultitaskModel.Load(_package.Manifest(), new() { Device = "cpu", Lanes = 2 }, NullLogger.Instance);

    public void Dispose()
    {
        _model.Dispose();
        _package.Dispose();
    }

    [Theory]
    [InlineData(1)]
    [InlineData(5)]
    [InlineData(1000)]
    public void Answers_are_those_of_the_model_whatever_is_remembered(int capacity)
    {
        var remembered = 0;
        var recent = new RecentResults(_model, capacity, n => remembered += n);
        var random = new Random(5);
        for (var i = 0; i < 200; i++)
        {
            var sequences = Enumerable.Range(0, random.Next(1, 9)).Select(_ => ToyPackage.Sequence(5 + random.Next(4), 20 + random.Next(4))).ToArray();
            using var expected = _model.Predict(ToyPackage.Batch(sequences), 0);
            using var predictions = recent.Predict(ToyPackage.Batch(sequences), i % 2);

            for (var sequence = 0; sequence < sequences.Length; sequence++) Assert.Equal(expected.All(sequence, 4), predictions.All(sequence, 4));
        }

        Assert.True(remembered > 0);
    }

    [Fact]
    public void What_is_remembered_is_not_computed_again()
    {
        var recent = new RecentResults(_model, 10);
        recent.Predict(ToyPackage.Batch(ToyPackage.Sequence(5, 6)), 0).Dispose();

        using var known = recent.Predict(ToyPackage.Batch(ToyPackage.Sequence(5, 6)), 0);
        using var partly = recent.Predict(ToyPackage.Batch(ToyPackage.Sequence(5, 6), ToyPackage.Sequence(7)), 0);

        Assert.Equal((0, 3), (known.Computed, partly.Computed));
    }

    [Fact]
    public void What_is_older_than_the_capacity_is_scored_again()
    {
        var remembered = 0;
        var recent = new RecentResults(_model, 2, n => remembered += n);
        void Score(int token) => recent.Predict(ToyPackage.Batch(ToyPackage.Sequence(token)), 0).Dispose();

        Score(5);
        Score(6);
        Score(5);
        Assert.Equal(1, remembered);

        Score(7);
        Score(5);
        Assert.Equal(1, remembered);
    }

    [Fact]
    public void A_failed_batch_leaves_nothing_behind()
    {
        var recent = new RecentResults(_model, 10);
        TokenBatch Batch() => ToyPackage.Batch(ToyPackage.Sequence(ToyPackage.Infinite));

        Assert.Throws<InferenceException>(() => recent.Predict(Batch(), 0));
        Assert.Throws<InferenceException>(() => recent.Predict(Batch(), 0));
    }
}
