using System.Diagnostics.Metrics;
using System.Runtime.InteropServices;
using System.Text.Json.Nodes;
using System.Text;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.ML.OnnxRuntime;
using MtlStream.Batching;
using MtlStream.Models;
using MtlStream.Onnx;
using MtlStream.Tests.Doubles;
using MtlStream.Text;

namespace MtlStream.Tests.Models;

public sealed partial class OnnxMultitaskModelTests : IDisposable
{
    private const int Mood = 0, Traits = 1, Tags = 2, Names = 3;

    private readonly ToyPackage _package = new();

    public void Dispose() => _package.Dispose();

    private OnnxMultitaskModel Load(string tasks = "", int workers = 2, ModelMetrics? metrics = null) =>
        OnnxMultitaskModel.Load(_package.Manifest(), new() { Device = "cpu", Tasks = tasks, Lanes = workers }, NullLogger.Instance, metrics);

    [Fact]
    public void Every_task_is_answered_with_probabilities()
    {
        using var model = Load();

        using var predictions = model.Predict(ToyPackage.Batch(ToyPackage.Sequence(5, 6, 7), ToyPackage.Sequence(20)), 0);

        Assert.Equal(("toy", "1.0.0", "cpu"), (model.Identity.Name, model.Identity.Version, model.Identity.Device));
        Assert.Equal((2, 5), (predictions.Sequences, predictions.PaddedLength));
        for (var sequence = 0; sequence < 2; sequence++)
        {
            Assert.Equal(1, predictions.Probabilities(Mood, sequence).ToArray().Sum(), 1e-5);
            Assert.All(predictions.Probabilities(Traits, sequence).ToArray(), p => Assert.InRange(p, 0, 1));
            Assert.All(predictions.Tags(Tags, sequence)[..3].ToArray(), tag => Assert.InRange(tag, 0, 2));
            Assert.All(predictions.TagScores(Tags, sequence)[..3].ToArray(), score => Assert.InRange(score, 1 / 3f, 1));
        }
    }

    [Fact]
    public void A_texts_scores_are_the_same_to_the_bit_whatever_shares_its_batch()
    {
        using var model = Load();
        var random = new Random(3);
        var sequences = Enumerable.Range(0, 40).Select(_ => ToyPackage.Sequence([.. Enumerable.Range(0, random.Next(1, 20)).Select(_ => random.Next(5, 13))]))
            .Append(ToyPackage.Sequence(ToyPackage.Large)).ToArray();

        using var together = model.Predict(ToyPackage.Batch(sequences), 0);

        for (var sequence = 0; sequence < sequences.Length; sequence++)
        {
            using var alone = model.Predict(ToyPackage.Batch(sequences[sequence]), 1);
            Assert.Equal(alone.All(0, sequences[sequence].Length), together.All(sequence, sequences[sequence].Length));
        }
    }

    [Fact]
    public void A_package_whose_texts_do_not_depend_on_each_other_gets_several_of_like_length_in_a_call()
    {
        _package.Edit(manifest => manifest["rowsPerCall"] = 4);
        using var model = Load();
        int[] lengths = [3, 40, 4, 41, 4, 12, 3, 5];
        var sequences = lengths.Select((length, i) => ToyPackage.Sequence([.. Enumerable.Range(0, length).Select(j => 20 + ((i + j) % 20))])).ToArray();

        using var together = model.Predict(ToyPackage.Batch(sequences), 0);

        // With [CLS] and [SEP]: 43, 42 | 14, 7, 6, 6 | 5, 5. More than 8 tokens of padding cost more than a call.
        Assert.Equal(1 + (7 + 8 + 8) + 0, together.Padding);
        Assert.Equal((2 * 43) + (4 * 14) + (2 * 5), together.Computed);
        using var single = OnnxMultitaskModel.Load(_package.Manifest(), new() { Device = "cpu", Lanes = 1, RowsPerCall = 1 }, NullLogger.Instance);
        for (var sequence = 0; sequence < sequences.Length; sequence++)
        {
            using var alone = single.Predict(ToyPackage.Batch(sequences[sequence]), 0);
            Assert.All(alone.Probabilities(Traits, 0).ToArray().Zip(together.Probabilities(Traits, sequence).ToArray()), p => Assert.Equal(p.First, p.Second, 1e-5f));
            Assert.Equal(alone.Tags(Tags, 0)[..sequences[sequence].Length].ToArray(), together.Tags(Tags, sequence)[..sequences[sequence].Length].ToArray());
        }
    }

    [Theory]
    [InlineData(0, 1)]
    [InlineData(2, 1)]
    [InlineData(1, 4)]
    [InlineData(2, 32)]
    public void Threads_per_lane_and_rows_per_call_are_options(int threads, int rowsPerCall)
    {
        using var model = OnnxMultitaskModel.Load(
            _package.Manifest(), new() { Device = "cpu", Lanes = 2, ThreadsPerLane = threads, RowsPerCall = rowsPerCall }, NullLogger.Instance);
        using var reference = Load();
        var sequences = Enumerable.Range(1, 50).Select(i => ToyPackage.Sequence([.. Enumerable.Range(0, i).Select(j => 20 + (i * j) % 20)])).ToArray();

        using var expected = reference.Predict(ToyPackage.Batch(sequences), 0);
        using var predictions = model.Predict(ToyPackage.Batch(sequences), 1);

        // Padding must not reach a text's scores. `mood` is left out: in int8 its neighbours do.
        Assert.Equal(rowsPerCall > 1, model.Shape.BenefitsFromBatching);
        for (var sequence = 0; sequence < sequences.Length; sequence++)
        {
            Assert.All(expected.Probabilities(Traits, sequence).ToArray().Zip(predictions.Probabilities(Traits, sequence).ToArray()), p => Assert.Equal(p.First, p.Second, 1e-5f));
            Assert.Equal(expected.Tags(Tags, sequence)[..sequences[sequence].Length].ToArray(), predictions.Tags(Tags, sequence)[..sequences[sequence].Length].ToArray());
        }
    }

    [Fact]
    public void More_shapes_than_are_remembered_change_nothing()
    {
        using var model = OnnxMultitaskModel.Load(_package.Manifest(), new() { Device = "cpu", Lanes = 1, RowsPerCall = 24 }, NullLogger.Instance);
        var first = Scores(24, 50);

        for (var paddedLength = 1; paddedLength <= 50; paddedLength++)
            for (var sequences = 1; sequences <= 24; sequences++) Scores(sequences, paddedLength); // 1,200 shapes

        Assert.Equal(first, Scores(24, 50));

        float[] Scores(int sequences, int paddedLength)
        {
            var batch = Enumerable.Range(0, sequences).Select(i => ToyPackage.Sequence([.. Enumerable.Range(0, paddedLength).Select(j => 20 + ((i + j) % 20))])).ToArray();
            using var predictions = model.Predict(ToyPackage.Batch(batch), 0);
            return predictions.Probabilities(Traits, sequences - 1).ToArray();
        }
    }

    [Fact]
    public void Rows_that_are_the_same_to_the_model_are_scored_once_and_all_answered()
    {
        using var meters = new MeterFactory();
        var deduplicated = 0L;
        using var listener = new MeterListener
        {
            InstrumentPublished = (instrument, l) =>
            {
                if (instrument.Name == "mtlstream.model.rows.deduplicated") l.EnableMeasurementEvents(instrument);
            },
        };
        listener.SetMeasurementEventCallback<long>((_, count, _, _) => deduplicated += count);
        listener.Start();
        using var model = Load(metrics: new(meters));

        using var predictions = model.Predict(ToyPackage.Batch(ToyPackage.Sequence(5, 6), ToyPackage.Sequence(7), ToyPackage.Sequence(5, 6), ToyPackage.Sequence(6, 5)), 0);

        Assert.Equal(1, deduplicated);
        Assert.Equal(4 + 3 + 4, predictions.Computed); // and not the sequence that came twice
        Assert.Equal(predictions.All(0, 4), predictions.All(2, 4));
        Assert.NotEqual(predictions.All(0, 4), predictions.All(1, 3));
    }

    [Fact]
    public void A_row_with_scores_that_are_not_finite_fails_alone_and_its_neighbours_pass_without_it()
    {
        using var model = Load();
        var (good, bad) = (ToyPackage.Sequence(5, 6, 7), ToyPackage.Sequence(5, ToyPackage.Infinite));

        Assert.Contains(
            "not finite", Assert.Throws<InferenceException>(() => model.Predict(ToyPackage.Batch(good, bad), 0)).Message, StringComparison.Ordinal);
        Assert.Throws<InferenceException>(() => model.Predict(ToyPackage.Batch(bad), 0));
        model.Predict(ToyPackage.Batch(good), 0).Dispose();
        model.Probe(0);
    }

    [Fact]
    public void What_the_graph_refuses_is_an_inference_exception_and_the_lane_goes_on()
    {
        using var model = Load();

        var exception = Assert.Throws<InferenceException>(() => model.Predict(ToyPackage.Batch(ToyPackage.Sequence(ToyPackage.OutsideTheVocabulary)), 0));

        Assert.False(exception.OutOfMemory);
        Assert.Contains("ONNX Runtime on cpu", exception.Message, StringComparison.Ordinal);
        model.Probe(0);
    }

    [Fact]
    public void A_batch_wider_than_the_model_is_refused()
    {
        using var model = Load();

        Assert.Contains(
            "at most 64", Assert.Throws<InferenceException>(() => model.Predict(ToyPackage.Batch(ToyPackage.Sequence(new int[63])), 0)).Message,
            StringComparison.Ordinal);
    }

    [Fact]
    public void The_widest_row_fits()
    {
        using var model = Load();

        using var predictions = model.Predict(ToyPackage.Batch(ToyPackage.Sequence([.. Enumerable.Repeat(5, 62)])), 1);

        Assert.Equal(64, predictions.PaddedLength);
    }

    [Fact]
    public async Task Lanes_run_side_by_side_without_touching_each_other()
    {
        using var model = Load(workers: 4);
        var sequences = Enumerable.Range(5, 8).Select(i => ToyPackage.Sequence(i, i + 15, i + 20)).ToArray();
        var expected = sequences.Select(sequence =>
        {
            using var predictions = model.Predict(ToyPackage.Batch(sequence), 0);
            return predictions.All(0, sequence.Length);
        }).ToArray();

        await Task.WhenAll(Enumerable.Range(0, model.Workers).Select(worker => Task.Run(() =>
        {
            for (var i = 0; i < 500; i++)
            {
                var sequence = (i + worker) % sequences.Length;
                using var predictions = model.Predict(ToyPackage.Batch(sequences[sequence]), worker);
                Assert.Equal(expected[sequence], predictions.All(0, sequences[sequence].Length));
            }
        })));
    }

    [Fact]
    public void Only_the_tasks_asked_for_are_served()
    {
        using var all = Load();
        using var model = Load(tasks: "tags,traits");
        var batch = ToyPackage.Batch(ToyPackage.Sequence(5, 6, 7));

        using var expected = all.Predict(batch, 0);
        using var predictions = model.Predict(batch, 0);

        Assert.Equal(["traits", "tags"], predictions.Tasks.Select(t => t.Name));
        Assert.Equal(expected.Probabilities(Traits, 0).ToArray(), predictions.Probabilities(0, 0).ToArray());
        Assert.Equal(expected.Tags(Tags, 0).ToArray(), predictions.Tags(1, 0).ToArray());
    }

    [Fact]
    public void Letter_case_and_segments_are_inputs_of_their_own()
    {
        var sequence = ToyPackage.Sequence(5, 6, 7); // of several letter cases
        var plain = new TokenSequence(TokenizedText.Of([.. sequence.Tokens.Tokens.ToArray().Select(t => t with { Case = 0 })], 2, 3), 0);
        var (cased, caseless) = (Scores(), Scores(plain));

        _package.Edit(manifest => manifest["inputs"] = JsonNode.Parse("""{"ids": "input_ids", "mask": "attention_mask", "cases": "token_type_ids"}"""));
        Assert.Equal(cased, Scores());

        _package.Edit(manifest => manifest["inputs"] = JsonNode.Parse("""{"ids": "input_ids", "mask": "attention_mask", "segments": "token_type_ids"}"""));
        Assert.Equal(caseless, Scores()); // one text: zeros
        Assert.NotEqual(cased, caseless);

        float[] Scores(TokenSequence? other = null)
        {
            using var model = Load();
            using var predictions = model.Predict(ToyPackage.Batch(other ?? sequence), 0);
            return predictions.All(0, sequence.Length);
        }
    }

    [Fact]
    public void Heads_of_other_tasks_are_not_run()
    {
        var whole = File.ReadAllBytes(_package.At("model.cpu.onnx"));

        var pruned = GraphPruning.Keep(whole, new HashSet<string> { "tags.tags", "tags.scores" });
        var text = Encoding.Latin1.GetString(pruned);

        Assert.Contains("tags.weight", text, StringComparison.Ordinal);
        Assert.Contains("words", text, StringComparison.Ordinal);
        Assert.DoesNotContain("names.weight", text, StringComparison.Ordinal);
        Assert.DoesNotContain("DynamicQuantizeLinear", text, StringComparison.Ordinal);
        Assert.Equal(whole, GraphPruning.Keep(whole, _package.Manifest().Tasks.SelectMany(t => t.Tensors).ToHashSet()));
    }

    [Fact]
    public void Every_tensor_that_does_not_fit_the_manifest_is_in_one_message()
    {
        _package.Edit(manifest =>
        {
            manifest["inputs"]!["types"] = "other_types";
            manifest["tasks"]![0]!["labels"] = new JsonArray("low", "high");
            manifest["tasks"]![1]!["outputs"]!["probabilities"] = "feelings.probabilities";
            manifest["tasks"]![2]!["outputs"]!["tags"] = "tags.scores";
        });

        var message = Assert.Throws<InvalidDataException>(() => Load()).Message;

        string[] expected =
        [
            "input other_types: not in the graph, which has input_ids, attention_mask, token_type_ids; expected Int64 [sequences, padded length].",
            "input token_type_ids: found in the graph, but the manifest's inputs are input_ids, attention_mask, other_types.",
            "task mood, output mood.probabilities: found Float [-1, 3], expected Float [sequences, 2]",
            "task traits, output feelings.probabilities: not in the graph",
            "task tags, output tags.scores: found Float [-1, -1], expected Int32 [sequences, padded length]",
        ];
        Assert.All(expected, problem => Assert.Contains(problem, message, StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("weights.bin")]
    [InlineData("model.cpu.onnx")]
    public void A_truncated_file_is_named_whether_its_checksum_is_known_or_not(string file)
    {
        File.WriteAllBytes(_package.At(file), File.ReadAllBytes(_package.At(file))[..^700]);

        Assert.Contains($"{file}: found sha256", Assert.Throws<InvalidDataException>(() => Load()).Message, StringComparison.Ordinal);

        _package.Edit(manifest => manifest.Remove("checksums"));
        Assert.Contains("model.cpu.onnx: ONNX Runtime cannot open it", Assert.Throws<InvalidDataException>(() => Load()).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_missing_weight_file_is_an_error_that_names_the_graph()
    {
        _package.Edit(manifest => manifest.Remove("checksums"));
        File.Delete(_package.At("weights.bin"));

        Assert.Contains("weights.bin", Assert.Throws<InvalidDataException>(() => Load()).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void The_runtime_is_told_to_report_nothing_to_its_maker()
    {
        using var model = Load();

        Assert.Equal("1", Marshal.PtrToStringUTF8(getenv("ORT_DISABLE_TELEMETRY")));
    }

    [LibraryImport("libc", StringMarshalling = StringMarshalling.Utf8)]
    private static partial nint getenv(string name);

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void A_lane_gives_each_call_its_own_answer_whether_bound_once_or_handed_over(bool bindOnce)
    {
        var manifest = _package.Manifest();
        using var model = Load();
        var calls = CallShape.Gpu(manifest.MaxTokens);
        using var session = SessionFactory.Open(manifest, manifest.Tasks, "cpu");
        using var worker = new InferenceWorker(
            session, OrtAllocator.DefaultInstance, manifest.Inputs, manifest.Tasks, calls, bindOnce);
        for (var token = 20; token < 40; token++)
        {
            using var expected = model.Predict(ToyPackage.Batch(ToyPackage.Sequence(token, 5)), 0);

            worker.Begin(4, 16); // one sequence of four is filled, 4 of 16 tokens long, as on a grid
            worker.Sequence(0, 4, out var ids, out var types);
            ToyPackage.Sequence(token, 5).Tokens.WriteSequence(0, ids, types);
            worker.Run();

            Assert.Equal(expected.Of(Tags, 0).Floats(0).ToArray(), worker.Output(Tags, 0, 0)[..4].ToArray()); // bit for bit
            Assert.All(expected.Probabilities(Traits, 0).ToArray().Zip(worker.Output(Traits, 0, 0).ToArray()), p => Assert.Equal(p.First, p.Second, 1e-5f));
            Assert.All(worker.Output(Traits, 0, 3).ToArray(), p => Assert.True(float.IsFinite(p), "a padding sequence"));
        }
    }

    [Fact]
    public void A_call_allocates_nothing_per_row()
    {
        using var model = Load();
        var one = ToyPackage.Batch(ToyPackage.Sequence(5, 6, 7));
        var many = ToyPackage.Batch([.. Enumerable.Range(0, 64).Select(i => ToyPackage.Sequence(5 + i % 8, 20 + i / 8, 7))]);
        long Allocated(TokenBatch batch)
        {
            for (var i = 0; i < 50; i++) model.Predict(batch, 0).Dispose();
            var before = GC.GetAllocatedBytesForCurrentThread();
            for (var i = 0; i < 100; i++) model.Predict(batch, 0).Dispose();
            return (GC.GetAllocatedBytesForCurrentThread() - before) / 100;
        }

        // What is left is the predictions object itself, more or less as the just-in-time compiler has got on. The smallest object has 24 bytes, and there are 63 sequences more.
        Assert.True(Allocated(many) - Allocated(one) < 63 * 24);
    }
}
