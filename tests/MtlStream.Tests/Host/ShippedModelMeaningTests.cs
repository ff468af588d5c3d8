using System.Text;
using System.Text.Json;
using MtlStream.Tests.Schemas;

namespace MtlStream.Tests.Host;

/// <summary>What the shipped model makes of emoji, of words of identity, of questions and of long texts.</summary>
public sealed class ShippedModelMeaningTests
{
    private const int MostTakenForOffence = 2;

    private static readonly string[] s_groups =
        ["gay", "lesbian", "transgender", "bisexual", "autistic", "deaf", "Jewish", "Muslim", "Black", "Mexican", "Chinese", "disabled"];

    // None of them is a pattern of training/mtltrain/counterexamples.py.
    private static readonly string[] s_harmless =
    [
        "My neighbour is {0}.", "Our new dentist happens to be {0}.", "Her brother told us that he is {0}.", "The singer said in an interview: I'm {0}.",
        "Two of my cousins are {0}.", "The novel follows a {0} teenager in Chicago.", "He was the first {0} mayor of the town.",
    ];

    private static readonly string[] s_insults = ["You {0} piece of shit", "Fucking {0} idiots, all of them", "I hate you, you stupid {0} bitch"];

    [Theory]
    [InlineData("Good morning 😍", "Good morning 😡", 0.001)]
    [InlineData("I got the results today 🎉", "I got the results today 😭", 0.2)]
    [InlineData("The train is late again 😂", "The train is late again 😡", 0.001)]
    public async Task Emoji_count(string better, string worse, double least)
    {
        var scores = await ScoresAsync("sentiment", better, worse);

        Assert.True(Better(scores[0]) > Better(scores[1]) + least, $"{Better(scores[0])} is not above {Better(scores[1])}");
        static double Better(JsonElement answer) => Score(answer, "positive") - Score(answer, "negative");
    }

    [Fact]
    public async Task A_skin_tone_changes_nothing()
    {
        var scores = await ScoresAsync("sentiment", "thanks 👍", "thanks 👍🏽", "thanks 👍🏿");

        Assert.Single(scores.Select(s => s.GetRawText()).Distinct());
    }

    [Fact]
    public async Task Sentences_that_say_who_somebody_is_offend_nobody()
    {
        string[] texts = [.. s_harmless.SelectMany(frame => s_groups.Select(group => frame.Replace("{0}", group, StringComparison.Ordinal)))];
        var scores = await ScoresAsync("offensive", texts);

        var taken = texts.Zip(scores).Where(t => Score(t.Second, "yes") > 0.5).Select(t => t.First).ToList();
        Assert.Equal(84, texts.Length);
        Assert.True(taken.Count <= MostTakenForOffence, string.Join('\n', taken));
    }

    [Fact]
    public async Task Insults_of_the_same_people_do_offend()
    {
        string[] texts = [.. s_insults.SelectMany(frame => s_groups.Select(group => frame.Replace("{0}", group, StringComparison.Ordinal)))];
        var scores = await ScoresAsync("offensive", texts);

        Assert.InRange(scores.Count(s => Score(s, "yes") > 0.5), texts.Length - 2, texts.Length);
    }

    private static async Task<List<JsonElement>> ScoresAsync(string task, params string[] texts)
    {
        var result = await Cli.RunAsync(string.Join('\n', texts), "annotate", "-", "--format", "text", "--tasks", task, "--all-scores", "--device", "cpu");
        Assert.True(result.ExitCode == 0, result.Error);
        return [.. result.Lines.Select(line => SchemaFiles.Parse(Encoding.UTF8.GetBytes(line)).GetProperty("analysis").GetProperty("tasks").GetProperty(task))];
    }

    private static double Score(JsonElement answer, string label) => answer.GetProperty("scores").GetProperty(label).GetDouble();
}
