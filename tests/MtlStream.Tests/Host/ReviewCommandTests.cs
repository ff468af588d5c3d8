using System.Text.Json;

namespace MtlStream.Tests.Host;

public sealed class ReviewCommandTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("mtlstream-review").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public async Task Keys_answer_and_take_back_and_what_was_answered_is_not_asked_again()
    {
        var questions = Path.Combine(_folder, "unsure.jsonl");
        File.WriteAllLines(questions, Enumerable.Range(0, 5).Select(i => $$"""{"text":"text number {{i}}\u001b[2J"}"""));

        var first = await ReviewAsync("1-2?!", questions, "anna");
        var second = await ReviewAsync("11111111", questions, "anna");
        var other = await ReviewAsync("2222222", questions, "ben", "--overlap", "1");

        Assert.True(first.ExitCode == 0, first.Error);
        Assert.DoesNotContain((byte)0x1b, first.Output);
        Assert.Equal(2, Report(first).GetProperty("answered").GetInt32()); // one was taken back, one cannot be told
        Assert.Equal(5, Report(second).GetProperty("answered").GetInt32());
        Assert.Equal(["anna", "ben"], Report(other).GetProperty("people").EnumerateArray().Select(p => p.GetString()));
        Assert.Equal(JsonValueKind.Number, Report(other).GetProperty("agreement").ValueKind);
        var written = File.ReadAllText(questions + ".answers.jsonl");
        Assert.DoesNotContain("text number", written, StringComparison.Ordinal);
        Assert.Contains("\"withdrawn\":true", written, StringComparison.Ordinal);
    }

    [Fact]
    public async Task What_the_model_says_is_shown_and_taken_only_on_request()
    {
        var questions = Path.Combine(_folder, "unsure.jsonl");
        File.WriteAllText(questions, """{"text":"x y","analysis":{"model":{"name":"m","version":"1"},"tasks":{"mood":{"label":"bad","score":0.4}}}}""" + "\n");

        var plain = await ReviewAsync("\n!", questions, "anna");
        var suggested = await ReviewAsync("\n!", questions, "anna", "--suggest");

        Assert.DoesNotContain("the model says", string.Join('\n', plain.Lines), StringComparison.Ordinal);
        Assert.Equal(0, Report(plain).GetProperty("answered").GetInt32());
        Assert.Contains("the model says bad", string.Join('\n', suggested.Lines), StringComparison.Ordinal);
        Assert.Equal(1, Report(suggested).GetProperty("answered").GetInt32());
    }

    [Fact]
    public async Task Parts_of_a_text_are_chosen_and_labelled_by_keys()
    {
        var questions = Path.Combine(_folder, "names.jsonl");
        File.WriteAllLines(questions, Enumerable.Repeat("""{"text":"Tim Cook left Oslo."}""", 1));

        // Tim Cook, two words on Oslo; left by mistake, which is taken back.
        var result = await Cli.RunAsync("]1>2->2\n", "review", questions, "--task", "who", "--labels", "PER,LOC", "--kind", "token_spans", "--by", "anna", "--json");

        Assert.True(result.ExitCode == 0, result.Error);
        var answer = JsonDocument.Parse(File.ReadAllLines(questions + ".answers.jsonl").Single()).RootElement;
        Assert.Equal(["PER 0-8", "LOC 14-18"], answer.GetProperty("labels").EnumerateArray().Select(l => l.GetString()));
        Assert.Contains(result.Lines, line => line.Contains("PER Tim Cook, LOC left", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("--task nosuch", "has no task of that name")]
    [InlineData("--task pos", "about words")]
    [InlineData("--task sentiment --overlap 2", "share from 0 to 1")]
    [InlineData("--task sentiment --Kafka:AnswerTopik=x", "there is no key AnswerTopik")]
    [InlineData("--from-topic", "either a FILE")]
    public async Task What_cannot_be_is_said(string options, string says)
    {
        var questions = Path.Combine(_folder, "unsure.jsonl");
        File.WriteAllText(questions, "{\"text\":\"x\"}\n");

        var result = await Cli.RunAsync("1", ["review", questions, .. options.Split(' ')]);

        Assert.Equal(2, result.ExitCode);
        Assert.Contains(says, result.Error, StringComparison.Ordinal);
    }

    private static Task<CliResult> ReviewAsync(string keys, string file, string by, params string[] options) =>
        Cli.RunAsync(keys, ["review", file, "--task", "mood", "--labels", "bad,good", "--by", by, "--json", .. options]);

    private static JsonElement Report(CliResult result) => JsonSerializer.Deserialize<JsonElement>(result.Lines[^1]);
}
