using MtlStream.Learning.Review;

namespace MtlStream.Tests.Learning;

public sealed class StreamQualityTests
{
    private static readonly DateTimeOffset s_now = new(2026, 11, 30, 8, 0, 0, TimeSpan.Zero);

    /// <summary>A stream on which the model is right in 0.9 * 0.95 + 0.1 * 0.4 = 89.5 %, and unsure of the tenth where it is mostly wrong.</summary>
    [Fact]
    public void From_draws_of_unequal_probability_the_estimate_has_no_bias_and_its_interval_holds()
    {
        var random = new Random(11);
        var estimates = Enumerable.Range(0, 300).Select(_ => StreamQuality.Hajek(Draw(random))).ToList();

        Assert.Equal(0.895, estimates.Average(e => e.Value), 0.006);
        Assert.InRange(estimates.Count(e => e.Low <= 0.895 && 0.895 <= e.High) / 300.0, 0.9, 1);
        Assert.All(estimates, e => Assert.True(e.High - e.Low < 0.25, $"{e}"));
    }

    [Fact]
    public void Where_all_are_right_the_interval_is_no_point()
    {
        var estimate = StreamQuality.Hajek([.. Enumerable.Repeat((1.0, 0.1), 50)]);

        Assert.Equal(1, estimate.Value, 1e-12);
        Assert.InRange(estimate.Low, 0.9, 0.95);
    }

    [Fact]
    public void Only_answers_to_events_that_had_a_known_chance_count_and_people_who_disagree_count_in_part()
    {
        var book = new AnswerBook();
        book.Add(Answer("a", "anna", ["x"], probability: 0.5));
        book.Add(Answer("a", "ben", ["y"], probability: 0.5)); // x was given: half right
        book.Add(Answer("b", "anna", ["x"], probability: 0.5));
        book.Add(Answer("c", "anna", ["y"], probability: null));
        book.Add(Answer("d", "anna", null, probability: 0.5));

        var quality = StreamQuality.Of(book, "task", _ => true)!;

        Assert.Equal(2, quality.Answered);
        Assert.Equal(0.75, quality.Accuracy.Value, 1e-9);
        Assert.Null(StreamQuality.Of(book, "other", _ => true));
    }

    [Fact]
    public void The_metric_tells_the_estimate_and_its_interval()
    {
        using var meters = new Diagnostics.MeterRecorder();
        var metrics = new QualityMetrics(meters) { Known = [new("task", 20, new(0.9, 0.8, 0.95))] };

        Assert.Equal(0.9, meters.Last("mtlstream.task.quality", "mtlstream.quality.of", "value"));
        Assert.Equal(0.8, meters.Last("mtlstream.task.quality", "mtlstream.quality.of", "low"));
        Assert.Equal(20, meters.Last("mtlstream.task.quality.answers", "mtlstream.task", "task"));
        Assert.Single(metrics.Known);
    }

    private static List<(double, double)> Draw(Random random)
    {
        var drawn = new List<(double, double)>();
        for (var i = 0; i < 4000; i++)
        {
            var isUnsure = random.NextDouble() < 0.1;
            var right = random.NextDouble() < (isUnsure ? 0.4 : 0.95);
            var probability = isUnsure ? 1 - (0.98 * 0.5) : 0.02;
            if (random.NextDouble() < probability) drawn.Add((right ? 1 : 0, probability));
        }

        return drawn;
    }

    private static ReviewAnswer Answer(string question, string by, IReadOnlyList<string>? labels, double? probability) =>
        new(question, "task", labels, by, s_now) { Given = ["x"], Probability = probability };
}
