using System.IO.Compression;
using System.Text;
using MtlStream.Models;
using MtlStream.Tests.Schemas;

namespace MtlStream.Tests.Host;

/// <summary>The shipped model on the load-test stream, as a user would run it.</summary>
public sealed class AnnotateShippedModelTests
{
    /// <summary>How many lines; <c>MTLSTREAM_TEST_LINES</c> asks for more.</summary>
    private static readonly int s_lines = int.TryParse(Environment.GetEnvironmentVariable("MTLSTREAM_TEST_LINES"), out var lines) ? lines : 500;

    [LoadTestFact]
    public async Task Every_line_comes_back_in_order_and_valid_with_every_task()
    {
        var input = Lines().ToList();

        var result = await Cli.RunAsync(string.Join('\n', input), "annotate", "-");

        Assert.True(result.ExitCode == 0, result.Error);
        Assert.Equal(input.Count, result.Lines.Count);
        var schema = SchemaFiles.Strict("enriched-event.v1");
        var tasks = ModelManifest.Load(ModelManifest.Locate("")).Select("").Select(t => t.Task.Name).ToList();
        foreach (var (before, after) in input.Zip(result.Lines))
        {
            Assert.StartsWith(before[..^1] + ",\"analysis\":{", after, StringComparison.Ordinal);
            var output = SchemaFiles.Parse(Encoding.UTF8.GetBytes(after));
            Assert.Empty(schema.Problems(output));
            Assert.Equal(tasks, output.GetProperty("analysis").GetProperty("tasks").EnumerateObject().Select(t => t.Name));
        }
    }

    [Theory]
    [InlineData("I had soup for lunch.", null)]
    [InlineData("Ich hätte gerne zwei Brötchen und einen Kaffee.", null)]
    [InlineData("Happy birthday Grandma", null)]
    [InlineData("Sarah Jones loved how the Boston Bruins won in overtime!", "rec.sport.hockey")]
    [InlineData("NASA has moved the launch of the probe to Friday because of strong winds over Florida.", "sci.space")]
    public async Task A_topic_is_given_only_where_the_model_is_sure_enough(string text, string? topic)
    {
        var result = await Cli.RunAsync(text, "annotate", "-", "--format", "text", "--tasks", "topic", "--device", "cpu");

        Assert.True(result.ExitCode == 0, result.Error);
        var answer = SchemaFiles.Parse(Encoding.UTF8.GetBytes(Assert.Single(result.Lines))).GetProperty("analysis").GetProperty("tasks").GetProperty("topic");
        Assert.Equal(topic, answer.GetProperty("label").GetString());
        Assert.InRange(answer.GetProperty("score").GetDouble(), 0.05, 1);
    }

    private static IEnumerable<string> Lines()
    {
        using var reader = new StreamReader(new GZipStream(File.OpenRead(LoadTestFactAttribute.File!), CompressionMode.Decompress));
        for (var n = 0; n < s_lines && reader.ReadLine() is { } line; n++) yield return line;
    }
}

/// <summary>Marks a test that needs the load-test stream beside the repository and a shipped model; skipped, with that reason, where there is none.</summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class LoadTestFactAttribute : FactAttribute
{
    public LoadTestFactAttribute()
    {
        if (File is null) Skip = "There is no ../shared/data/loadtest/short_text.jsonl.gz beside the repository, or no model in it.";
    }

    /// <summary>The stream, gzipped; null when there is none.</summary>
    internal static string? File { get; } = Find();

    private static string? Find()
    {
        var root = Directory.GetParent(SchemaFiles.Folder)!;
        var stream = Path.Combine(root.Parent?.FullName ?? "/", "shared", "data", "loadtest", "short_text.jsonl.gz");
        var model = Path.Combine(root.FullName, "models", ModelManifest.ShippedName, ModelManifest.FileName);
        return System.IO.File.Exists(stream) && System.IO.File.Exists(model) ? stream : null;
    }
}
