using System.Text.Json;
using System.Text.Json.Nodes;
using MtlStream.Generation;
using MtlStream.Onnx.Generation;
using MtlStream.Tests.Host;
using MtlStream.Tests.Schemas;

namespace MtlStream.Tests.Generation;

/// <summary>Folders as Optimum exports them, of tiny models, and what PyTorch writes with these: see <c>exports/make.py</c>.</summary>
public sealed class GeneratorImportTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("mtlstream-import").FullName;

    public static TheoryData<string> Exports => ["t5", "marian", "bart"];

    private string Package => Path.Combine(_folder, "package");

    [Theory]
    [MemberData(nameof(Exports))]
    public void An_export_writes_what_it_wrote_before_with_its_cache_and_in_company(string export)
    {
        GeneratorImport.Run(ExportOf(export), Package, export);
        Assert.Empty(SchemaFiles.Strict("generator-manifest.v1").Problems(SchemaFiles.Parse(File.ReadAllBytes(Path.Combine(Package, GeneratorManifest.FileName)))));
        using var greedy = GeneratorLoader.Load(export, Package, new() { Beams = 1, MaxRows = 4 }); // not all of them at once
        using var searched = GeneratorLoader.Load(export, Package, new() { Beams = 3 });
        var expected = ReferenceOf(export);

        var written = greedy.Write(expected.Select(e => e.Text));
        var beams = searched.Write(expected.Select(e => e.Text));

        for (var i = 0; i < expected.Count; i++)
        {
            Assert.Equal(expected[i].Source, written[i].Source);
            Assert.Equal(expected[i].Greedy, written[i].Search.Found!.Ids);
            Assert.Equal(expected[i].Score, written[i].Search.Found!.Score, 0.001);
            Assert.Equal(expected[i].Open, written[i].Truncated);
            Assert.Equal(expected[i].Beams, beams[i].Search.Found!.Ids);
        }
    }

    [Fact]
    public void Tokens_are_the_text_again()
    {
        foreach (var export in (string[])["t5", "marian", "bart"])
        {
            GeneratorImport.Run(ExportOf(export), Path.Combine(_folder, export), export);
            var manifest = GeneratorManifest.Load(Path.Combine(_folder, export));
            var tokenizer = GeneratorTokenizer.Load(manifest.Tokenizer, manifest.Folder, manifest.Rules);
            Assert.Equal("the cat sat on the mat.", tokenizer.Decode(tokenizer.Encode("the cat sat on the mat.", 100, out var cut)));
            Assert.False(cut);
            Assert.Equal(8, tokenizer.Encode("the cat sat on the mat.", 8, out cut).Length);
            Assert.True(cut);
        }
    }

    [Fact]
    public void Words_stand_before_each_text()
    {
        GeneratorImport.Run(ExportOf("t5"), Package, "t5", prefix: "sum: ");
        using var generator = GeneratorLoader.Load("t5", Package, new());
        using var plain = Plain("t5");

        Assert.Equal(plain.JobOf("sum: a b").Source, generator.JobOf("a b").Source);
    }

    [Fact]
    public void What_is_missing_is_named_at_once()
    {
        var export = Copy("marian", "encoder_model.onnx", "decoder_model_merged.onnx", "vocab.json", "config.json");

        var refusal = Assert.Throws<InvalidDataException>(() => GeneratorImport.Run(export, Package, "broken"));

        foreach (var missing in (string[])["encoder_model.onnx is missing", "decoder_model_merged.onnx is missing", "config.json is missing"])
            Assert.Contains(missing, refusal.Message, StringComparison.Ordinal);
        Assert.False(Directory.Exists(Package));
        Assert.Equal([export], Directory.GetDirectories(_folder));
    }

    [Theory]
    [InlineData("config.json", "model_type", "\"pegasus\"", "model_type is \"pegasus\"; expected one of t5, mt5, bart, marian")]
    [InlineData("generation_config.json", "do_sample", "true", "do_sample is true")]
    [InlineData("generation_config.json", "num_beam_groups", "2", "num_beam_groups is above 1")]
    [InlineData("generation_config.json", "bad_words_ids", "[[1, 2]]", "only single ones are supported")]
    [InlineData("generation_config.json", "eos_token_id", "null", "")]
    public void What_is_not_supported_is_named(string file, string member, string value, string said)
    {
        var export = Copy("t5");
        Edit(export, file, json => json[member] = JsonNode.Parse(value));

        if (said.Length == 0) GeneratorImport.Run(export, Package, "fallback"); // config.json has it, too
        else Assert.Contains(said, Assert.Throws<InvalidDataException>(() => GeneratorImport.Run(export, Package, "odd")).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_decoder_without_its_cache_is_refused()
    {
        var export = Copy("bart", "decoder_with_past_model.onnx");

        var refusal = Assert.Throws<InvalidDataException>(() => GeneratorImport.Run(export, Package, "slow"));

        Assert.Contains("decoder_with_past_model.onnx", refusal.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_cache_of_another_model_is_found_out()
    {
        var export = Copy("bart");
        File.Copy(Path.Combine(export, "decoder_model.onnx"), Path.Combine(export, "decoder_with_past_model.onnx"), overwrite: true);

        Assert.Throws<InvalidDataException>(() => GeneratorImport.Run(export, Package, "mixed"));
    }

    [Fact]
    public void Graphs_may_be_in_a_folder_of_their_own_and_the_tokenizer_in_one_file()
    {
        var export = Copy("t5", "spiece.model");
        Directory.CreateDirectory(Path.Combine(export, "onnx"));
        foreach (var graph in Directory.GetFiles(export, "*.onnx"))
            File.Move(graph, Path.Combine(export, "onnx", Path.GetFileName(graph).Replace(".onnx", "_quantized.onnx", StringComparison.Ordinal)));
        string[] pieces = ["<pad>", "</s>", "<unk>", "\u2581", .. "abcdefghijklmnopqrstuvwxyz.,".Select(c => c.ToString())];
        var vocabulary = new JsonArray([.. pieces.Select(p => (JsonNode)new JsonArray(p, -2.0))]);
        File.WriteAllText(Path.Combine(export, "tokenizer.json"), new JsonObject { ["model"] = new JsonObject { ["type"] = "Unigram", ["unk_id"] = 2, ["vocab"] = vocabulary } }.ToJsonString());

        GeneratorImport.Run(export, Package, "t5");

        using var generator = GeneratorLoader.Load("t5", Package, new());
        Assert.Equal(ReferenceOf("t5").Select(e => e.Greedy), generator.Write(ReferenceOf("t5").Select(e => e.Text)).Select(j => j.Search.Found!.Ids));
    }

    [Fact]
    public void Damage_is_found()
    {
        GeneratorImport.Run(ExportOf("marian"), Package, "marian");
        Assert.Empty(GeneratorLoader.Findings(Package));

        File.AppendAllText(Path.Combine(Package, "source.spm"), " ");
        Assert.Contains("source.spm", Assert.Single(GeneratorLoader.Findings(Package)), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Commands_import_verify_and_annotate()
    {
        var imported = await Cli.RunAsync("", "model", "import", ExportOf("marian"), "--out", Package);
        var verified = await Cli.RunAsync("", "model", "verify", Package);
        var again = await Cli.RunAsync("", "model", "import", ExportOf("marian"), "--out", Package);
        var input = Path.Combine(_folder, "texts.jsonl");
        File.WriteAllLines(input, ReferenceOf("marian").Select(r => JsonSerializer.Serialize(new { text = r.Text })));
        var measured = await Cli.RunAsync("", "bench", "generate", "--generator", Package, "--input", input, "--repetitions", "1", "--json");
        var annotated = await Cli.RunAsync("""{"text":"the cat sat on the mat."}""", "annotate", "-", "--device", "cpu", "--tasks", "sentiment", "--generate", $"german={Package}");

        Assert.True(imported.ExitCode == 0, imported.Error);
        Assert.Contains("marian, 3 beams", string.Join('\n', imported.Lines), StringComparison.Ordinal);
        Assert.True(verified.ExitCode == 0, string.Join('\n', verified.Lines));
        Assert.Equal(2, again.ExitCode);
        Assert.True(measured.ExitCode == 0, measured.Error);
        var report = JsonDocument.Parse(measured.Lines[^1]).RootElement;
        Assert.All((string[])["sentencesPerSecond", "fixedSentencesPerSecond", "speedup", "tokensPerSecond", "rowsPerStep"], name => Assert.True(report.GetProperty(name).GetDouble() > 0, name));
        Assert.True(annotated.ExitCode == 0, annotated.Error);
        var tasks = JsonDocument.Parse(annotated.Lines[0]).RootElement.GetProperty("analysis").GetProperty("tasks");
        Assert.Equal(["sentiment", "german"], tasks.EnumerateObject().Select(t => t.Name));
        Assert.Equal(["text", "score", "truncated", "experimental"], tasks.GetProperty("german").EnumerateObject().Select(t => t.Name));
    }

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    internal static string ExportOf(string name) => Path.Combine(Repository.Root, "tests", "MtlStream.Tests", "Generation", "exports", name);

    [Fact]
    public void A_model_of_several_languages_is_told_which()
    {
        var export = Copy("marian");
        Edit(export, "vocab.json", json =>
        {
            json.Remove("z");
            json[">>fra<<"] = 2;
        });

        GeneratorImport.Run(export, Package, "several", prefix: ">>fra<<");
        var refusal = Assert.Throws<InvalidDataException>(() => GeneratorImport.Run(export, Path.Combine(_folder, "other"), "several", prefix: ">>fre<<"));

        using var generator = GeneratorLoader.Load("several", Package, new());
        Assert.Equal([2, 30, 29, 0], generator.JobOf("a").Source);
        Assert.Contains("no >>fre<<; expected one of >>fra<<", refusal.Message, StringComparison.Ordinal);
    }

    private TextGenerator Plain(string export)
    {
        var folder = Path.Combine(_folder, "plain");
        GeneratorImport.Run(ExportOf(export), folder, export);
        return GeneratorLoader.Load(export, folder, new());
    }

    private static List<Reference> ReferenceOf(string export) =>
        JsonSerializer.Deserialize<List<Reference>>(File.ReadAllText(Path.Combine(ExportOf(export), "reference.json")), JsonSerializerOptions.Web)!;

    private static void Edit(string export, string file, Action<JsonObject> edit)
    {
        var path = Path.Combine(export, file);
        var json = JsonNode.Parse(File.ReadAllText(path))!.AsObject();
        edit(json);
        File.WriteAllText(path, json.ToJsonString());
    }

    /// <summary>A copy that a test may spoil.</summary>
    private string Copy(string export, params string[] without)
    {
        var copy = Path.Combine(_folder, "export");
        Directory.CreateDirectory(copy);
        foreach (var file in Directory.GetFiles(ExportOf(export)).Where(f => !without.Contains(Path.GetFileName(f)))) File.Copy(file, Path.Combine(copy, Path.GetFileName(file)));
        return copy;
    }

    private sealed record Reference(string Text, int[] Source, int[] Greedy, float Score, bool Open, int[] Beams);
}
