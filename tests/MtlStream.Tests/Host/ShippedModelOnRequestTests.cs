using System.Text;
using System.Text.Json;
using MtlStream.Models;
using MtlStream.Tests.Schemas;

namespace MtlStream.Tests.Host;

/// <summary>The tasks of the shipped model that have to be asked for: answers, short forms, summaries, replies.</summary>
public sealed class ShippedModelOnRequestTests : IDisposable
{
    private static readonly string[] s_onRequest = ["embedding", "answer", "compress", "summary", "reply"];

    private readonly string _file = Path.GetTempFileName();

    public void Dispose() => File.Delete(_file);

    [Fact]
    public void Nothing_that_makes_a_pass_dearer_is_served_unless_it_is_asked_for()
    {
        var manifest = ModelManifest.Load(ModelManifest.Locate(""));

        Assert.Equal(s_onRequest, manifest.Tasks.Where(t => t.Task.OnRequest).Select(t => t.Task.Name));
        Assert.Empty(manifest.Select("").Select(t => t.Task.Name).Intersect(s_onRequest));
    }

    [Fact]
    public async Task Every_text_is_asked_and_no_answer_is_an_answer()
    {
        var tasks = await AnnotateAsync(
            "The stolen car was found in a garage near Leipzig on Monday.\nI had soup for lunch.\n",
            "--tasks", "sentiment", "--question", "place=Where was the car found?");

        var (answered, silent) = (Answer(tasks[0]), Answer(tasks[1]));
        Assert.Equal("place", answered.GetProperty("question").GetString());
        Assert.Matches("garage|Leipzig", answered.GetProperty("text").GetString());
        Assert.Equal(JsonValueKind.Null, silent.GetProperty("text").ValueKind);
        static JsonElement Answer(JsonElement tasks) => Assert.Single(tasks.GetProperty("answer").GetProperty("answers").EnumerateArray());
    }

    [Fact]
    public async Task An_answer_is_found_behind_the_first_window_of_a_long_text()
    {
        var text = string.Concat(Enumerable.Repeat("The weather was fine, and nobody had much to do in the village. ", 30)) + "Anna Schmidt repaired the old church clock in 1987.";

        var tasks = Assert.Single(await AnnotateAsync(text, "--tasks", "sentiment", "--question", "who=Who repaired the church clock?"));

        var answer = Assert.Single(tasks.GetProperty("answer").GetProperty("answers").EnumerateArray());
        Assert.Equal("Anna Schmidt", answer.GetProperty("text").GetString());
        Assert.Equal(text.IndexOf("Anna", StringComparison.Ordinal), answer.GetProperty("start").GetInt32());
    }

    [Fact]
    public async Task A_fifth_of_the_sentences_of_a_long_text_stays_in_order()
    {
        string[] sentences = [.. Enumerable.Range(1, 10).Select(n => n % 2 == 0 ? $"We propose a method that solves task {n} with fewer labels." : $"It rained on day {n}.")];
        var text = string.Join(' ', sentences);

        var tasks = Assert.Single(await AnnotateAsync(text, "--tasks", "summary"));

        var kept = tasks.GetProperty("summary").GetProperty("sentences").EnumerateArray().Select(s => text[s.GetProperty("start").GetInt32()..s.GetProperty("end").GetInt32()]).ToList();
        Assert.Equal(2, kept.Count);
        Assert.Equal(sentences.Where(kept.Contains), kept);
    }

    [Fact]
    public async Task Words_that_can_be_left_out_are()
    {
        const string Text = "A man was arrested on Friday after he allegedly stole two bicycles from a shop in the city centre , police said .";

        var tasks = Assert.Single(await AnnotateAsync(Text, "--tasks", "compress"));

        var compressed = tasks.GetProperty("compress");
        var kept = compressed.GetProperty("kept").EnumerateArray().Select(r => Text[r[0].GetInt32()..r[1].GetInt32()]).ToList();
        Assert.Equal(string.Join(' ', kept), compressed.GetProperty("text").GetString());
        Assert.InRange(kept.Sum(k => k.Length), 10, Text.Length - 20);
        Assert.Contains("man was arrested", compressed.GetProperty("text").GetString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_best_reply_of_a_file_is_given()
    {
        File.WriteAllText(_file, """
            {"name":"films","text":"I loved that movie, the actors were great and so was the ending."}
            {"name":"games","text":"The Patriots will win the Super Bowl, they have the best quarterback."}
            {"name":"songs","text":"Her new album is amazing, I listen to every song."}
            """);

        var tasks = await AnnotateAsync(
            "Did you like the film that we saw last night?\nWho is your favorite team in football this season?\nWhat do you think about her music?\n",
            "--tasks", "reply", "--replies", _file);

        Assert.Equal(["films", "games", "songs"], tasks.Select(t => t.GetProperty("reply").GetProperty("label").GetString()));
    }

    private static async Task<List<JsonElement>> AnnotateAsync(string text, params string[] options)
    {
        var result = await Cli.RunAsync(text, ["annotate", "-", "--format", "text", "--device", "cpu", .. options]);
        Assert.True(result.ExitCode == 0, result.Error);
        var schema = SchemaFiles.Strict("enriched-event.v1");
        var events = result.Lines.Select(line => SchemaFiles.Parse(Encoding.UTF8.GetBytes(line))).ToList();
        Assert.All(events, e => Assert.Empty(schema.Problems(e)));
        return [.. events.Select(e => e.GetProperty("analysis").GetProperty("tasks"))];
    }
}
