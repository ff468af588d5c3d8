using System.Text.Json;

namespace MtlStream.Tests.Host;

/// <summary>Names as the shipped model finds them, through <c>annotate</c>.</summary>
public sealed class NamesTests
{
    private static readonly string[] s_people = ["Jean-Luc Picard", "Mary-Kate O'Neil", "Karl-Heinz Rummenigge"];
    private static readonly string[] s_others = ["T-Mobile", "Coca-Cola", "Mercedes-Benz"];
    private static readonly string[] s_pairs = ["Bush-Cheney", "Obama-Biden", "India-Pakistan", "Yankees-Mets"];

    private static readonly string[] s_aboutPeople =
    [
        "{0} met the team yesterday.", "I talked to {0} about it.", "{0}'s book is great", "thanks {0} for the help!",
        "The speech was given by {0}.", "Where is {0}?", "{0}", "John Smith and {0} were there.", "I saw {0}, who smiled.",
        "(photo: {0})", "{0} met Ann Brown", "Ann Brown met {0}", "Dear {0},",
    ];

    private static readonly string[] s_aboutOthers =
    [
        "I work at {0} now.", "{0} shares fell 3 % on Monday.", "{0}'s profit rose", "AT&T vs {0}", "{0} and Google signed a deal.",
        "My {0} bill is too high", "switched to {0}, never again", "{0}", "The CEO of {0} resigned.", "{0} is hiring",
        "complain to {0} and", "{0} and", "Thank you {0}!",
    ];

    private static readonly string[] s_aboutPairs = ["The {0} ticket lost.", "the {0} meeting", "I watched {0} yesterday.", "{0} again"];

    [Fact]
    public async Task A_hyphenated_name_is_found_whole_and_two_parties_stay_two()
    {
        var whole = Frames(s_people, s_aboutPeople).Concat(Frames(s_others, s_aboutOthers)).ToList();
        var apart = Frames(s_pairs, s_aboutPairs).ToList();

        var found = await Entities(whole.Concat(apart).Select(f => f.Text));

        Assert.Equal(78, whole.Count);
        Assert.Empty(whole.Zip(found).Where(f => !f.Second.Contains(f.First.Name)).Select(f => $"{f.First.Text}: {string.Join(", ", f.Second)}"));
        Assert.Empty(apart.Zip(found.Skip(78)).Where(f => f.Second.Any(e => e.Contains('-'))).Select(f => f.First.Text));
    }

    [Fact]
    public async Task Each_line_of_a_list_has_its_own_entities()
    {
        var found = await Entities(
        [
            "John Smith\n\nMary Jones", "Contact:\nJohn Smith\nMary Jones\nAcme Corp\nBerlin", "Paris\nLondon\nBerlin",
            "Last year we all went on a very long trip to New\nYork together.",
        ]);

        Assert.Equal(["John Smith", "Mary Jones"], found[0]);
        Assert.Equal(["John Smith", "Mary Jones", "Acme Corp", "Berlin"], found[1]);
        Assert.Equal(["Paris", "London", "Berlin"], found[2]);
        Assert.Equal(["New\nYork"], found[3]);
    }

    [Fact]
    public async Task Entities_of_HTML_are_read_on_request_and_ranges_stay()
    {
        string[] texts = ["I like Ben &amp; Jerry&#39;s so much &lt;3", "Jean&#45;Luc Picard &quot;won&quot;"];
        string[] plain = ["I like Ben & Jerry's so much <3", "Jean-Luc Picard \"won\""];

        var read = await Annotate(texts, "--unescape", "html", "--all-scores");
        var expected = await Annotate(plain, "--all-scores");

        Assert.Equal(Spans(expected[1]), ["Jean-Luc Picard"]);
        Assert.Equal(Spans(read[1]), ["Jean&#45;Luc Picard"]);
        foreach (var (found, other, text) in read.Zip(expected, texts))
        {
            Assert.Equal(TextScores(other), TextScores(found));
            Assert.All(Spans(found), span => Assert.Contains(span, text, StringComparison.Ordinal));
        }
    }

    private static List<string> TextScores(string line)
    {
        using var json = JsonDocument.Parse(line);
        var tasks = json.RootElement.GetProperty("analysis").GetProperty("tasks");
        return [.. tasks.EnumerateObject().Where(t => t.Value.TryGetProperty("scores", out _)).Select(t => t.Value.GetProperty("scores").GetRawText())];
    }

    private static IEnumerable<(string Name, string Text)> Frames(string[] names, string[] frames) =>
        from name in names from frame in frames select (name, frame.Replace("{0}", name, StringComparison.Ordinal));

    private static async Task<List<List<string>>> Entities(IEnumerable<string> texts)
    {
        var lines = await Annotate(texts, "--tasks", "entities");
        return [.. lines.Select(Spans)];
    }

    private static async Task<IReadOnlyList<string>> Annotate(IEnumerable<string> texts, params string[] options)
    {
        var input = string.Join('\n', texts.Select(text => JsonSerializer.Serialize(new { text })));
        var result = await Cli.RunAsync(input, ["annotate", "-", "--device", "cpu", .. options]);
        Assert.True(result.ExitCode == 0, result.Error);
        return result.Lines;
    }

    private static List<string> Spans(string line)
    {
        using var json = JsonDocument.Parse(line);
        var spans = json.RootElement.GetProperty("analysis").GetProperty("tasks").GetProperty("entities").GetProperty("spans");
        return [.. spans.EnumerateArray().Select(span => span.GetProperty("text").GetString()!)];
    }
}
