using System.Text;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.ML.OnnxRuntime;
using MtlStream.Batching;
using MtlStream.Models;
using MtlStream.Onnx;
using MtlStream.Text;

namespace MtlStream.IntegrationTests;

/// <summary>The package that ships, or the one that the variable MTLSTREAM_TEST_MODEL names.</summary>
public sealed class OnnxShippedModelTests
{
    private static readonly ModelManifest s_manifest =
        ModelManifest.Load(ModelManifest.Locate(Environment.GetEnvironmentVariable("MTLSTREAM_TEST_MODEL") ?? ""));

    private static OnnxMultitaskModel Load(int workers = 1, string tasks = "", bool onRequest = true) =>
        OnnxMultitaskModel.Load(
            s_manifest, new ModelOptions { Device = "cpu", Lanes = workers, Tasks = tasks }.WithOnRequest(onRequest), NullLogger.Instance);

    private static TokenSequence Sequence(int length, int seed)
    {
        var random = new Random(seed);
        var tokens = new Token[length - 2];
        for (var i = 0; i < tokens.Length; i++) tokens[i] = new(random.Next(1000, 20_000), 0, 0, (byte)random.Next(4), true);
        return new(TokenizedText.Of(tokens, 101, 102), 0);
    }

    private static TokenBatch Batch(params TokenSequence[] sequences) => new(sequences, sequences.Max(r => r.Length), BatchTrigger.Linger);

    [Fact]
    public void The_package_gives_its_golden_outputs()
    {
        using var model = Load();

        Assert.Empty(s_manifest.VerifyChecksums());
        Assert.Empty(GoldenOutputs.Load(s_manifest.Golden!).Compare(model, [.. s_manifest.Tasks.Where(t => model.Tasks.Contains(t.Task))]));
    }

    [Fact]
    public void A_texts_scores_are_the_same_to_the_bit_alone_and_among_neighbours()
    {
        using var model = Load(workers: 2, onRequest: false);
        var sequences = Enumerable.Range(3, 40).Select(length => Sequence(length, length)).ToArray();

        using var together = model.Predict(Batch(sequences), 0);

        for (var sequence = 0; sequence < sequences.Length; sequence++)
        {
            using var alone = model.Predict(Batch(sequences[sequence]), 1);
            for (var task = 0; task < model.Tasks.Count; task++)
            {
                var expected = alone.Of(task, 0).Floats();
                Assert.Equal(expected.ToArray(), together.Of(task, sequence).Floats()[..expected.Length].ToArray());
            }
        }
    }

    [Fact]
    public void A_texts_vector_is_the_same_alone_and_among_neighbours_but_for_rounding()
    {
        using var model = Load(tasks: "embedding");
        var sequences = Enumerable.Range(3, 40).Select(length => Sequence(length, length)).ToArray();

        using var together = model.Predict(Batch(sequences), 0);

        for (var sequence = 0; sequence < sequences.Length; sequence++)
        {
            using var alone = model.Predict(Batch(sequences[sequence]), 0);
            var expected = alone.Of(0, 0).Floats();
            var found = together.Of(0, sequence).Floats();
            for (var i = 0; i < expected.Length; i++) Assert.Equal(expected[i], found[i], 1e-5f);
        }
    }

    [Fact]
    public void A_task_served_alone_scores_as_it_does_among_all()
    {
        using var all = Load();
        var batch = Batch([.. Enumerable.Range(3, 20).Select(length => Sequence(length, length))]);
        using var expected = all.Predict(batch, 0);

        for (var task = 0; task < all.Tasks.Count; task++)
        {
            using var model = Load(tasks: all.Tasks[task].Name);
            using var predictions = model.Predict(batch, 0);
            for (var sequence = 0; sequence < batch.Sequences.Count; sequence++)
            {
                var served = predictions.Of(0, sequence).Floats()[..all.Tasks[task].Outputs[0].Width(batch.Sequences[sequence].Length)].ToArray();
                Assert.Equal(expected.Of(task, sequence).Floats()[..served.Length].ToArray(), served);
            }
        }
    }

    [Fact]
    public void A_call_allocates_next_to_nothing()
    {
        using var model = Load();
        var batch = Batch([.. Enumerable.Range(0, 8).Select(i => Sequence(16, i))]);
        for (var i = 0; i < 20; i++) model.Predict(batch, 0).Dispose();

        var before = GC.GetAllocatedBytesForCurrentThread();
        for (var i = 0; i < 20; i++) model.Predict(batch, 0).Dispose();

        // The predictions object with two buffers a task, for eight events.
        Assert.InRange((GC.GetAllocatedBytesForCurrentThread() - before) / 20, 1, 3000);
    }

    [Fact]
    public void The_gpu_graph_turns_its_weights_into_fp16_at_load_and_not_in_every_call()
    {
        // Optimized as for a GPU, but without one: basic optimizations, constant folding among them, depend on no device.
        var optimized = Path.Combine(Directory.CreateTempSubdirectory("mtlstream").FullName, "optimized.onnx");
        using (var options = new SessionOptions
        {
            GraphOptimizationLevel = GraphOptimizationLevel.ORT_ENABLE_BASIC,
            OptimizedModelFilePath = optimized,
        })
        {
            SessionFactory.DequantizeAtLoad(options);
            try
            {
                using var session = new InferenceSession(s_manifest.Graphs["cuda"], options);
            }
            catch (OnnxRuntimeException exception) when (exception.Message.Contains("NOT_IMPLEMENTED", StringComparison.OrdinalIgnoreCase))
            {
                // Fused fp16 kernels exist on GPUs only; the graph has been optimized and written by then, or the next line fails.
            }
        }

        var graph = Encoding.Latin1.GetString(File.ReadAllBytes(optimized));
        Directory.Delete(Path.GetDirectoryName(optimized)!, recursive: true);
        // The exporter calls a matrix X as int8 X, and turned into floating point X/wide: folded, there is no such tensor left.
        Assert.Contains("layer0.qkv", graph, StringComparison.Ordinal);
        Assert.DoesNotContain("layer0.qkv/wide", graph, StringComparison.Ordinal);
    }
}
