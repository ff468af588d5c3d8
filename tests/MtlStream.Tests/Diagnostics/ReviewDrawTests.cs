using MtlStream.Events;
using MtlStream.Monitoring;
using MtlStream.Tasks;
using MtlStream.Tests.Doubles;
using MtlStream.Text;

namespace MtlStream.Tests.Diagnostics;

/// <summary>Which events people are asked about, and how likely each was to be chosen.</summary>
public sealed class ReviewDrawTests : IDisposable
{
    private static readonly ModelTask[] s_tasks = [new SingleLabelTask("sentiment", ["negative", "positive"])];

    private readonly MeterRecorder _meters = new();

    public void Dispose() => _meters.Dispose();

    [Theory]
    [InlineData(0.9f, 0.09, "random")] // sure: only the random tenth
    [InlineData(0.55f, 0.54, "uncertain")] // unsure: 1 - 0.9 * 0.5
    public void The_probability_is_that_of_the_shares_that_hold_the_event(float positive, double within, string reasons)
    {
        var options = new WatchOptions { Review = new Dictionary<string, double> { ["sentiment"] = 0.6 }, ReviewShare = 0.5, ReviewRandom = 0.1 };

        var drawn = Observe(Watch(options), positive, number: within);
        var missed = Observe(Watch(options), positive, number: within + 0.011);

        Assert.Equal(within + 0.01, drawn!.Probability!.Value, 1e-9);
        Assert.Equal(reasons, drawn.Reasons);
        Assert.Null(missed);
    }

    [Fact]
    public void Where_some_events_have_no_chance_no_probability_is_told()
    {
        var watch = Watch(new() { Review = new Dictionary<string, double> { ["sentiment"] = 0.6 } });

        Assert.Null(Observe(watch, 0.55f, number: 0.99)!.Probability);
        Assert.Null(Observe(watch, 0.9f, number: 0));
    }

    [Fact]
    public void Of_the_share_that_is_watched_only_that_share_can_be_drawn()
    {
        var watch = Watch(new() { ReviewRandom = 0.2, Share = 0.5 });

        var drawn = Enumerable.Range(0, 10).Select(_ => Observe(watch, 0.9f, number: 0)).OfType<ReviewChoice>().ToList();

        Assert.Equal(5, drawn.Count);
        Assert.All(drawn, choice => Assert.Equal(0.1, choice.Probability!.Value, 1e-9));
    }

    [Fact]
    public void A_label_that_has_become_more_common_is_drawn_as_drifted()
    {
        var reference = new ReferenceDistribution(
            1000, [], 0, new Dictionary<string, IReadOnlyList<double>> { ["sentiment"] = [0.9, 0.1] }, new Dictionary<string, IReadOnlyList<double>>());
        var watch = Watch(new() { ReviewDrifted = 0.5, ReviewRandom = 0.01, DriftWindow = 100 }, reference);

        for (var i = 0; i < 100; i++) Observe(watch, i % 2 == 0 ? 0.8f : 0.2f, number: 1); // positive in half of the events, in place of a tenth

        Assert.Equal("drifted", Observe(watch, 0.8f, number: 0.4)!.Reasons);
        Assert.Equal(0.505, Observe(watch, 0.8f, number: 0.4)!.Probability!.Value, 1e-9);
        Assert.Null(Observe(watch, 0.2f, number: 0.4));
    }

    [Fact]
    public void An_event_has_the_same_number_at_every_delivery_and_numbers_are_spread_evenly()
    {
        var numbers = Enumerable.Range(0, 10_000).Select(i => EventIdentity.DrawOf($"comments/{i % 3}/{i}")).ToList();

        Assert.All(numbers, number => Assert.InRange(number, 0, 1 - 1e-16));
        Assert.All(Enumerable.Range(0, 10), tenth => Assert.InRange(numbers.Count(n => (int)(n * 10) == tenth), 900, 1100));
        Assert.Equal(EventIdentity.DrawOf("comments/0/1"), EventIdentity.DrawOf("comments/0/1"));
        Assert.NotEqual(EventIdentity.DrawOf("comments/0/1"), EventIdentity.DrawOf("comments/1/0"));
    }

    private DriftMonitor Watch(WatchOptions options, ReferenceDistribution? reference = null) => new(_meters, options, s_tasks, -1, reference);

    private static ReviewChoice? Observe(DriftMonitor watch, float positive, double number)
    {
        using var text = TokenizedText.Of([new(10, 0, 1, 0, true)], 2, 3);
        using var predictions = new MtlStream.Models.Predictions(s_tasks, 1, 3);
        (predictions.Probabilities(0, 0)[0], predictions.Probabilities(0, 0)[1]) = (1 - positive, positive);
        return watch.Observe(text, predictions, 0, number);
    }
}
