using System.Collections.Concurrent;
using Microsoft.Extensions.Logging.Abstractions;
using MtlStream.Batching;
using MtlStream.Events;
using MtlStream.Models;
using MtlStream.Results;
using MtlStream.Serving;
using MtlStream.Tasks;
using MtlStream.Tests.Doubles;
using MtlStream.Text;

namespace MtlStream.Tests.Diagnostics;

public sealed class ModelSwapTests
{
    [Fact]
    public void Predictions_name_the_version_that_scored_them()
    {
        using var swap = new ModelSwap(new VersionedModel("1"));

        using var before = swap.Predict(Batch(Event()), 0);
        Assert.True(swap.TrySwap(new VersionedModel("2"), out _));
        using var after = swap.Predict(Batch(Event()), 0);

        Assert.Equal(("1", "2"), (before.Model!.Version, after.Model!.Version));
        Assert.Equal("2", swap.Identity.Version);
    }

    [Fact]
    public async Task Under_load_every_batch_is_scored_by_a_model_that_is_alive_from_beginning_to_end()
    {
        var models = new ConcurrentBag<VersionedModel>();
        var first = new VersionedModel("0");
        models.Add(first);
        using (var swap = new ModelSwap(first))
        {
            using var enough = new CancellationTokenSource();
            var workers = Enumerable.Range(0, 2).Select(worker => Task.Run(() =>
            {
                var scored = 0;
                while (!enough.IsCancellationRequested || scored < 100)
                {
                    using var predictions = swap.Predict(Batch(Event()), worker); // throws when the model is disposed meanwhile
                    Assert.Equal(predictions.Model!.Version, VersionedModel.VersionIn(predictions));
                    scored++;
                }
            })).ToArray();
            for (var version = 1; version <= 200; version++)
            {
                var next = new VersionedModel($"{version}");
                models.Add(next);
                Assert.True(swap.TrySwap(next, out _));
                await Task.Yield();
            }

            await enough.CancelAsync();
            await Task.WhenAll(workers);
            Assert.Equal(200, models.Count(m => m.Disposed));
        }

        Assert.All(models, m => Assert.True(m.Disposed));
    }

    [Fact]
    public void All_windows_of_a_long_text_go_to_the_version_that_took_the_first()
    {
        var old = new VersionedModel("1");
        using var swap = new ModelSwap(old);
        var text = Event(windows: 2);

        using var first = swap.Predict(Batch(text), 0);
        swap.TrySwap(new VersionedModel("2"), out _);
        using var second = swap.Predict(new([new(text.Tokens, 1, text), new(Event().Tokens, 0)], 10, BatchTrigger.Linger), 0);
        Assert.False(old.Disposed);
        text.Dispose();

        Assert.Equal(("1", "1"), (first.Model!.Version, second.Model!.Version));
        Assert.True(old.Disposed);
    }

    [Fact]
    public void Long_texts_of_two_versions_in_one_batch_are_parted_by_the_pipeline()
    {
        using var swap = new ModelSwap(new VersionedModel("1"));
        var (old, young) = (Event(windows: 2), Event(windows: 2));
        swap.Predict(Batch(old), 0).Dispose();
        swap.TrySwap(new VersionedModel("2"), out _);
        swap.Predict(Batch(young), 0).Dispose();

        Assert.Throws<MixedBatchException>(() => swap.Predict(new([new(old.Tokens, 1, old), new(young.Tokens, 1, young)], 10, BatchTrigger.Linger), 0));
        using var alone = swap.Predict(new([new(old.Tokens, 1, old)], 10, BatchTrigger.Split), 0);

        Assert.Equal("1", alone.Model!.Version);
        old.Dispose();
        young.Dispose();
    }

    [Fact]
    public void Other_workers_or_shapes_take_a_restart()
    {
        using var swap = new ModelSwap(new VersionedModel("1"));
        using var fewerWorkers = new VersionedModel("2") { Workers = 1 };
        using var otherShape = new VersionedModel("2") { Shape = new(8, 100, []) };

        Assert.False(swap.TrySwap(fewerWorkers, out var workers));
        Assert.False(swap.TrySwap(otherShape, out var shape));

        Assert.Contains("1 workers", workers, StringComparison.Ordinal);
        Assert.Contains("8 sequences", shape, StringComparison.Ordinal);
        Assert.Equal("1", swap.Identity.Version);
    }

    [Fact]
    public async Task A_shadow_model_is_compared_by_the_names_of_tasks_when_another_version_has_others()
    {
        using var meters = new MeterRecorder();
        using var serving = new VersionedModel("1");
        using var next = new VersionedModel("2") { Tasks = [new SingleLabelTask("refund", ["no", "yes"]), new SingleLabelTask("mood", ["low", "high"])] };
        using var shadow = new ShadowModel(meters, new VersionedModel("3"), serving.Tasks, share: 1, TimeProvider.System, NullLogger.Instance);
        using var stopping = new CancellationTokenSource();
        var running = shadow.RunAsync(stopping.Token);

        foreach (var model in new[] { serving, next, serving })
        {
            using var text = Event();
            using var predictions = model.Predict(Batch(text), 0);
            predictions.Probabilities(predictions.Tasks.Count - 1, 0)[0] = 1000; // mood is low, whatever else is there
            shadow.Offer(new(text.Event.Text, text.Tokens), predictions, 0);
        }

        await Until(() => meters.Of("mtlstream.shadow.compared").Sum(t => t.Value) == 3);
        await stopping.CancelAsync();
        await running;

        Assert.All(meters.Of("mtlstream.shadow.compared"), m => Assert.Equal("mood", m.Tags["mtlstream.task"]));
    }

    [Fact]
    public async Task A_shadow_model_is_compared_and_never_answers()
    {
        using var meters = new MeterRecorder();
        using var serving = new VersionedModel("1");
        using var shadow = new ShadowModel(meters, new VersionedModel("2") { Probability = 0.1f }, serving.Tasks, share: 0.5, TimeProvider.System, NullLogger.Instance);
        using var stopping = new CancellationTokenSource();
        var running = shadow.RunAsync(stopping.Token);

        for (var i = 0; i < 20; i++)
        {
            using var text = Event();
            using var predictions = serving.Predict(Batch(text), 0);
            shadow.Offer(new(text.Event.Text, text.Tokens), predictions, 0);
        }

        await Until(() => meters.Of("mtlstream.shadow.compared").Sum(t => t.Value) == 10);
        await stopping.CancelAsync();
        await running;

        Assert.Equal(0, meters.Of("mtlstream.shadow.agreed").Sum(t => t.Value));
        Assert.Equal("mood", meters.Of("mtlstream.shadow.compared")[0].Tags["mtlstream.task"]);
    }

    internal static async Task Until(Func<bool> condition)
    {
        var deadline = TimeProvider.System.GetTimestamp();
        while (!condition())
        {
            Assert.True(TimeProvider.System.GetElapsedTime(deadline) < TimeSpan.FromMinutes(2), "The condition was not met within two minutes.");
            await Task.Delay(5);
        }
    }

    private static TokenBatch Batch(TokenizedEvent text) => new([new(text.Tokens, 0, text)], text.Tokens.SequenceLength(0), BatchTrigger.DeviceFree);

    private static TokenizedEvent Event(int windows = 1)
    {
        var tokens = Enumerable.Range(0, 4).Select(i => new Token(10 + i, i, i + 1, 0, true));
        var text = new TokenizedText([.. tokens], [], [.. Enumerable.Repeat(new TokenWindow(0, 4), windows)], 2, 3);
        return new(new TextEvent(Make.Record(0), new PooledArray<char>(0), default), text);
    }

    /// <summary>Writes its version into its scores, and fails when it is used after it was disposed.</summary>
    private sealed class VersionedModel(string version) : IMultitaskModel
    {
        public ModelIdentity Identity { get; } = new("toy", version, "cpu");
        public IReadOnlyList<ModelTask> Tasks { get; init; } = [new SingleLabelTask("mood", ["low", "high"])];
        public BatchShape Shape { get; init; } = new(32, 4096, []);
        public int Workers { get; init; } = 2;
        public float Probability { get; init; } = 0.9f;
        public bool Disposed { get; private set; }

        public static string VersionIn(Predictions predictions) => $"{(int)predictions.Probabilities(0, 0)[0]}";

        public Predictions Predict(TokenBatch batch, int worker)
        {
            ObjectDisposedException.ThrowIf(Disposed, this);
            var predictions = new Predictions(Tasks, batch.Sequences.Count, batch.PaddedLength);
            Thread.SpinWait(200);
            for (var sequence = 0; sequence < batch.Sequences.Count; sequence++)
                (predictions.Probabilities(0, sequence)[0], predictions.Probabilities(0, sequence)[1]) = (int.Parse(version, null), Probability == 0.9f ? 1000 : -1);
            ObjectDisposedException.ThrowIf(Disposed, this);
            return predictions;
        }

        public void Probe(int worker)
        {
        }

        public void Dispose() => Disposed = true;
    }
}
