using System.Text.Json;
using MtlStream.Generation;
using MtlStream.Onnx.Generation;
using MtlStream.Tests.Host;
using MtlStream.Tests.Schemas;

namespace MtlStream.Tests.Generation;

/// <summary>What the shipped package writes beside its labels: translations and titles, by one decoder over its own encoder.</summary>
public sealed class ShippedDecoderTests
{
    private const string Text = "Two young men are playing football in the park.";

    private static readonly string[] s_names = ["title", "translate_de", "translate_fr"];

    private static string Package => Path.Combine(Repository.Root, "models", "mtlstream-en");

    [Fact]
    public void Each_text_has_a_manifest_and_writes_what_it_wrote_before()
    {
        Assert.Equal(s_names, GeneratorManifest.NamesIn(Package));
        foreach (var name in s_names)
        {
            var file = File.ReadAllBytes(Path.Combine(Package, $"generator.{name}.json"));
            Assert.Empty(SchemaFiles.Strict("generator-manifest.v1").Problems(SchemaFiles.Parse(file)));
            Assert.Empty(GeneratorLoader.Findings(Package, name));
            Assert.NotEmpty(GeneratorManifest.Load(Package, name).Scores!);
        }

        var refusal = Assert.Throws<InvalidDataException>(() => GeneratorManifest.Load(Package, "translate_it"));
        Assert.Contains("title, translate_de, translate_fr", refusal.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Company_changes_no_text()
    {
        using var one = GeneratorLoader.Load("translate_de", Package, new() { MaxRows = 1 });
        using var many = GeneratorLoader.Load("translate_de", Package, new() { MaxRows = 8 });
        string[] texts = [Text, "I'm tired.", "A dog runs after the ball, and a girl in a red coat laughs.", "Where is the station?", "He said that he would come tomorrow."];

        var alone = one.Write(texts).Select(job => job.Search.Found!.Ids);
        var together = many.Write(texts).Select(job => job.Search.Found!.Ids);

        Assert.Equal(alone, together);
        Assert.Equal(texts.Length, alone.Select(ids => string.Join(' ', ids)).Distinct().Count());
    }

    [Fact]
    public void The_token_that_the_decoder_begins_with_says_what_is_written()
    {
        var german = GeneratorLoader.Load("translate_de", Package, new());
        using var french = GeneratorLoader.Load("translate_fr", Package, new(), [german]);

        Assert.Same(german.Model, french.Model);
        Assert.Contains("Männer", Written(german), StringComparison.Ordinal);
        Assert.Contains("hommes", Written(french), StringComparison.Ordinal);
        german.Dispose();
        Assert.Contains("hommes", Written(french), StringComparison.Ordinal); // what one owner gives up another still has
    }

    [Fact]
    public void Tokens_carry_their_letter_case()
    {
        using var generator = GeneratorLoader.Load("title", Package, new());
        int[] lower = generator.JobOf("london").Source, upper = generator.JobOf("LONDON").Source, first = generator.JobOf("London").Source;

        Assert.Equal(3, lower.Length); // [CLS] london [SEP]
        Assert.Equal(new HashSet<int> { lower[1] / 4 }, new[] { lower, upper, first }.Select(source => source[1] / 4).ToHashSet());
        Assert.Equal([0, 2, 1], new[] { lower, upper, first }.Select(source => source[1] % 4));
    }

    [Fact]
    public async Task A_name_alone_asks_for_a_text_of_the_package()
    {
        var annotated = await Cli.RunAsync(Input(Text), "annotate", "-", "--device", "cpu", "--tasks", "sentiment", "--generate", "translate_de", "title");
        var unknown = await Cli.RunAsync(Input(Text), "annotate", "-", "--device", "cpu", "--generate", "translate_it");

        Assert.True(annotated.ExitCode == 0, annotated.Error);
        var tasks = JsonDocument.Parse(annotated.Lines[0]).RootElement.GetProperty("analysis").GetProperty("tasks");
        Assert.Equal(["sentiment", "title", "translate_de"], tasks.EnumerateObject().Select(t => t.Name).Order());
        Assert.True(tasks.GetProperty("translate_de").GetProperty("experimental").GetBoolean());
        Assert.Contains("Männer", tasks.GetProperty("translate_de").GetProperty("text").GetString(), StringComparison.Ordinal);
        Assert.Equal(2, unknown.ExitCode);
        Assert.Contains("translate_it", unknown.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Verify_looks_at_what_is_written_too()
    {
        var copy = Directory.CreateTempSubdirectory("mtlstream-decoder").FullName;
        try
        {
            foreach (var file in Directory.GetFiles(Package)) File.Copy(file, Path.Combine(copy, Path.GetFileName(file)));
            var before = await Cli.RunAsync("", "model", "verify", copy);
            File.AppendAllText(Path.Combine(copy, "writer.bin"), " ");
            var after = await Cli.RunAsync("", "model", "verify", copy);

            Assert.True(before.ExitCode == 0, string.Join('\n', before.Lines));
            Assert.Equal(1, after.ExitCode);
            Assert.Contains(after.Lines, line => line.Contains("writer.bin", StringComparison.Ordinal));
        }
        finally
        {
            Directory.Delete(copy, recursive: true);
        }
    }

    private static string Input(string text) => JsonSerializer.Serialize(new { text });

    private static string Written(TextGenerator generator) => generator.TextOf(generator.Write([Text])[0]).Text;
}
