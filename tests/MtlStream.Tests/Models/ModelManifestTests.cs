using System.Text.Json.Nodes;
using MtlStream.Models;
using MtlStream.Text;

namespace MtlStream.Tests.Models;

public sealed class ModelManifestTests
{
    [Fact]
    public void A_manifest_says_all_that_serving_needs()
    {
        using var package = new ToyPackage();

        var manifest = package.Manifest();

        Assert.Equal(("toy", "1.0.0", 64), (manifest.Name, manifest.Version, manifest.MaxTokens));
        Assert.Equal(package.At("vocab.txt"), manifest.Tokenizer.Files["vocab"]);
        Assert.True(manifest.Tokenizer is { Kind: "wordpiece", Lowercase: true, CaseIds: true, SplitWords: true, WindowOverlap: 16 });
        Assert.Equal(package.At("model.cpu.onnx"), manifest.Graphs["cpu"]);
        Assert.Equal(["input_ids", "attention_mask", "token_type_ids"], manifest.Inputs.Names);
        Assert.Equal(["mood", "traits", "tags", "names"], manifest.Tasks.Select(t => t.Task.Name));
        Assert.Equal(["single_label", "multi_label", "token_tags", "token_spans"], manifest.Tasks.Select(t => t.Task.Kind));
        Assert.Equal([0.4f], manifest.Tasks[0].Task.Thresholds);
        Assert.Equal([0.5f, 0.5f, 0.6f, 0.7f], manifest.Tasks[1].Task.Thresholds);
        Assert.Equal(["tags.tags", "tags.scores"], manifest.Tasks[2].Tensors);
        Assert.Equal(0.5, manifest.Tasks[2].Scores["accuracy"].Value);
        Assert.Empty(manifest.VerifyChecksums());
    }

    [Theory]
    [InlineData("../outside.bin")]
    [InlineData("folder/../../outside.bin")]
    [InlineData("{0}/vocab.txt")]
    [InlineData("/etc/hostname")]
    [InlineData("")]
    public void A_file_that_a_manifest_names_is_within_its_package(string name)
    {
        using var package = new ToyPackage();
        var named = string.Format(null, name, package.Folder);
        File.WriteAllText(package.At("../outside.bin"), "");
        package.Edit(manifest =>
        {
            manifest["tokenizer"]!["files"]!["vocab"] = named;
            manifest["golden"] = named;
            manifest["checksums"]![named] = "sha256:" + new string('0', 64);
        });

        var message = Assert.Throws<InvalidDataException>(package.Manifest).Message;

        foreach (var at in new[] { "tokenizer.files.vocab", "golden", $"checksums.{named}" })
            Assert.Contains($"  {at}: found {named}, expected a file within the package", message, StringComparison.Ordinal);
        File.Delete(package.At("../outside.bin"));
    }

    [Theory]
    [InlineData("a/b")]
    [InlineData("..\\b")]
    [InlineData("a\nb")]
    public void A_package_is_called_something_that_can_be_part_of_a_path(string name)
    {
        using var package = new ToyPackage();
        package.Edit(manifest =>
        {
            manifest["name"] = name;
            manifest["version"] = name;
        });

        var message = Assert.Throws<InvalidDataException>(package.Manifest).Message;

        foreach (var at in new[] { "name", "version" })
            Assert.Contains($"  {at}: found {name.Length} characters, expected 100 at most and neither slashes nor", message, StringComparison.Ordinal);
    }

    [Fact]
    public void Everything_that_is_wrong_is_in_one_message_with_its_place()
    {
        using var package = new ToyPackage();
        package.Edit(manifest =>
        {
            manifest["version"] = 2;
            manifest["maxTokens"] = -1;
            manifest["rowsPerCall"] = 0;
            manifest["graphs"]!["tpu"] = "model.tpu.onnx";
            manifest["inputs"]!.AsObject().Remove("mask");
            manifest["tasks"]![0]!.AsObject().Remove("labels");
            manifest["tasks"]![0]!["threshold"] = 1.5;
            manifest["tasks"]![1]!["thresholds"] = new JsonArray(-0.5);
            manifest["tasks"]![2]!["temperature"] = 0;
            manifest["tasks"]![2]!["kind"] = "token_poetry";
            manifest["tasks"]![3]!["labels"] = new JsonArray("O", "PER");
            manifest["checksums"]!["weights.bin"] = "md5:1";
            manifest["golden"] = "golden.json";
        });

        var message = Assert.Throws<InvalidDataException>(package.Manifest).Message;

        Assert.Contains(package.At("model.json"), message, StringComparison.Ordinal);
        string[] expected =
        [
            "version: found 2, expected a string.",
            "maxTokens: found -1, expected a whole number from 8 to 65536.",
            "graphs.tpu: found device \"tpu\", expected one of cpu, cuda.",
            "inputs.mask: missing.",
            "rowsPerCall: found 0, expected a whole number from 1 to 64.",
            "tasks[0] (mood).labels: missing.",
            "tasks[0] (mood).threshold: found 1.5, expected a number from 0 to 1.",
            "tasks[1] (traits).thresholds[0]: found -0.5, expected a number from 0 to 1.",
            "tasks[2] (tags).temperature: found 0, expected a number above 0.",
            "tasks[1] (traits).thresholds: found 1 for 4 labels, expected one for each.",
            "tasks[2] (tags).kind: found \"token_poetry\", expected one of single_label, multi_label, token_tags, token_spans, vector, kept_words, kept_sentences, answer_span, reply_vectors.",
            "tasks[3] (names).labels: found \"PER\", expected BIO labels: O, B-... and I-....",
            "checksums.weights.bin: found md5:1, expected sha256: and 64 hex digits.",
            $"golden: found no file {package.At("golden.json")}.",
        ];
        Assert.All(expected, problem => Assert.Contains(problem, message, StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("""{"overlap": 32}""", "window.overlap: found 32, expected a whole number from 0 to 31.")]
    [InlineData("16", "window: found 16, expected an object.")]
    public void A_window_that_no_worker_loads_is_refused(string window, string problem)
    {
        using var package = new ToyPackage();
        package.Edit(manifest => manifest["window"] = JsonNode.Parse(window));

        Assert.Contains(problem, Assert.Throws<InvalidDataException>(package.Manifest).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void The_largest_overlap_of_a_manifest_is_one_that_the_tokenizer_takes()
    {
        using var package = new ToyPackage();
        package.Edit(manifest => manifest["window"]!["overlap"] = 31);

        _ = TextTokenizer.Load(package.Manifest().Tokenizer, new());
    }

    [Fact]
    public void An_unknown_schema_is_named_and_nothing_else_is_said()
    {
        using var package = new ToyPackage();
        package.Edit(manifest => (manifest["schema"], manifest["tasks"]) = ("model-manifest.v9", 1));

        var message = Assert.Throws<InvalidDataException>(package.Manifest).Message;

        Assert.EndsWith("schema: found \"model-manifest.v9\", expected \"model-manifest.v1\".", message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("")]
    [InlineData("{\"schema\": \"model-manifest.v1\", ")]
    [InlineData("[]")]
    [InlineData("null")]
    public void A_manifest_that_is_no_json_object_is_refused_by_name(string json)
    {
        using var package = new ToyPackage();
        File.WriteAllText(package.At("model.json"), json);

        Assert.Contains("model.json", Assert.Throws<InvalidDataException>(package.Manifest).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_folder_without_a_manifest_is_refused()
    {
        var message = Assert.Throws<InvalidDataException>(() => ModelManifest.Load("no/such/folder")).Message;

        Assert.Contains(Path.GetFullPath("no/such/folder"), message, StringComparison.Ordinal);
        Assert.Contains("found no model.json", message, StringComparison.Ordinal);
    }

    [Fact]
    public void Missing_files_are_all_named()
    {
        using var package = new ToyPackage();
        File.Delete(package.At("vocab.txt"));
        File.Delete(package.At("model.cpu.onnx"));

        var message = Assert.Throws<InvalidDataException>(package.Manifest).Message;

        Assert.Contains($"tokenizer.files.vocab: found no file {package.At("vocab.txt")}", message, StringComparison.Ordinal);
        Assert.Contains($"graphs.cpu: found no file {package.At("model.cpu.onnx")}", message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_file_that_is_not_the_one_the_manifest_was_made_with_is_found()
    {
        using var package = new ToyPackage();
        File.AppendAllText(package.At("vocab.txt"), "one more\n");

        var problem = Assert.Single(package.Manifest().VerifyChecksums());

        Assert.StartsWith("vocab.txt: found sha256 ", problem, StringComparison.Ordinal);
    }

    [Fact]
    public void Tasks_are_selected_by_name_in_the_manifests_order_and_an_unknown_name_lists_the_known_ones()
    {
        using var package = new ToyPackage();
        var manifest = package.Manifest();

        Assert.Equal(["traits", "names"], manifest.Select("names, traits").Select(t => t.Task.Name));
        Assert.Equal(4, manifest.Select("").Count);
        Assert.Equal(
            "Model:Tasks: found mod, expected some of mood, traits, tags, names.",
            Assert.Throws<InvalidDataException>(() => manifest.Select("mood,mod")).Message);
    }
}
