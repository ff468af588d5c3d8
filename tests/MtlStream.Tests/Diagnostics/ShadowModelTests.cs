using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Testing;
using Microsoft.Extensions.Time.Testing;
using MtlStream.Batching;
using MtlStream.Models;
using MtlStream.Serving;
using MtlStream.Tasks;
using MtlStream.Tests.Doubles;
using MtlStream.Text;

namespace MtlStream.Tests.Diagnostics;

public sealed class ShadowModelTests : IDisposable
{
    private static readonly ModelTask[] s_tasks =
    [
        new MultiLabelTask("emotion", ["joy", "anger"], [0.5f, 0.5f]),
        new SingleLabelTask("intent", ["greet", "leave"], 0.7f),
    ];

    private readonly MeterRecorder _meters = new();
    private readonly FakeTimeProvider _time = new();
    private readonly FakeLogger _log = new();

    public void Dispose() => _meters.Dispose();

    [Theory]
    [InlineData(0.9, 0.6, 0.9, 0.2, false)] // joy is the best of both, and one gives anger besides
    [InlineData(0.6, 0.55, 0.55, 0.6, true)] // another is the best, and both give both
    [InlineData(0.4, 0.3, 0.3, 0.4, true)] // neither gives any
    public async Task Agreement_about_several_labels_is_about_those_that_are_given(double joy, double anger, double shadowJoy, double shadowAnger, bool agreed)
    {
        await CompareAsync(Answers(joy, anger, 1, 0), Answers(shadowJoy, shadowAnger, 1, 0));

        Assert.Equal(agreed ? 1 : 0, Agreed("emotion"));
        Assert.Equal(1, Agreed("intent"));
    }

    [Theory]
    [InlineData(0.69, 0.31, 0.71, 0.29, false)] // the same is the best, and one is sure enough to give it
    [InlineData(0.6, 0.4, 0.4, 0.6, true)] // another is the best, and neither gives it
    [InlineData(0.8, 0.2, 0.9, 0.1, true)]
    [InlineData(0.8, 0.2, 0.1, 0.9, false)]
    public async Task Agreement_about_one_label_is_about_whether_it_is_given(double greet, double leave, double shadowGreet, double shadowLeave, bool agreed)
    {
        await CompareAsync(Answers(1, 0, greet, leave), Answers(1, 0, shadowGreet, shadowLeave));

        Assert.Equal(agreed ? 1 : 0, Agreed("intent"));
        Assert.Equal(1, Agreed("emotion"));
    }

    [Fact]
    public async Task A_shadow_model_that_trips_a_bug_is_told_of_once_and_the_sample_goes_on()
    {
        var calls = 0;
        using var shadow = Shadow(Answers(1, 0, 1, 0) with { Before = () => { if (++calls < 3) throw new InvalidOperationException("of the text xyzzy"); } });
        using var stopping = new CancellationTokenSource();
        var running = shadow.RunAsync(stopping.Token);

        for (var i = 0; i < 3; i++) Offer(shadow, Answers(1, 0, 1, 0));
        await ModelSwapTests.Until(() => Agreed("emotion") == 1);
        await stopping.CancelAsync();
        await running;

        Assert.Equal(2, _meters.Of("mtlstream.shadow.skipped").Sum(t => t.Value));
        var line = Assert.Single(_log.Collector.GetSnapshot());
        Assert.Equal(LogLevel.Warning, line.Level);
        Assert.Contains(typeof(InvalidOperationException).FullName!, line.Message, StringComparison.Ordinal);
        Assert.DoesNotContain("xyzzy", line.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_time_in_it_is_that_of_its_clock()
    {
        await CompareAsync(Answers(1, 0, 1, 0), Answers(1, 0, 1, 0) with { Before = () => _time.Advance(TimeSpan.FromSeconds(3)) });

        Assert.Equal(3, Assert.Single(_meters.Of("mtlstream.shadow.duration")).Value);
    }

    private static AnsweringModel Answers(params double[] scores) => new([.. scores.Select(s => (float)s)]);

    private async Task CompareAsync(AnsweringModel serving, AnsweringModel other)
    {
        using var shadow = Shadow(other);
        using var stopping = new CancellationTokenSource();
        var running = shadow.RunAsync(stopping.Token);
        Offer(shadow, serving);
        await ModelSwapTests.Until(() => _meters.Of("mtlstream.shadow.compared").Sum(t => t.Value) == 2);
        await stopping.CancelAsync();
        await running;
    }

    private ShadowModel Shadow(AnsweringModel model) => new(_meters, model, s_tasks, share: 1, _time, _log);

    private static void Offer(ShadowModel shadow, AnsweringModel serving)
    {
        using var text = TokenizedText.Of([new(10, 0, 1, 0, true), new(11, 1, 2, 0, true)], 2, 3);
        using var predictions = serving.Predict(new([new(text, 0)], text.SequenceLength(0), BatchTrigger.DeviceFree), 0);
        shadow.Offer(new("ab", text), predictions, 0);
    }

    private double Agreed(string task) =>
        _meters.Of("mtlstream.shadow.agreed").Where(t => Equals(t.Tags["mtlstream.task"], task)).Sum(t => t.Value);

    /// <summary>Says the same of every text.</summary>
    private sealed record AnsweringModel(float[] Scores) : IMultitaskModel
    {
        public Action Before { get; init; } = () => { };
        public ModelIdentity Identity { get; } = new("toy", "2", "cpu");
        public IReadOnlyList<ModelTask> Tasks => s_tasks;
        public BatchShape Shape { get; } = new(1, 100, []);
        public int Workers => 1;

        public Predictions Predict(TokenBatch batch, int worker)
        {
            Before();
            var predictions = new Predictions(Tasks, batch.Sequences.Count, batch.PaddedLength);
            Scores.AsSpan(0, 2).CopyTo(predictions.Probabilities(0, 0));
            Scores.AsSpan(2, 2).CopyTo(predictions.Probabilities(1, 0));
            return predictions;
        }

        public void Probe(int worker)
        {
        }

        public void Dispose()
        {
        }
    }
}
