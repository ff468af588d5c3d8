using System.Globalization;
using System.Text;
using System.Text.Json;
using MtlStream.Json;
using MtlStream.Models;
using MtlStream.Tasks;
using MtlStream.Text;

namespace MtlStream.Tests.Tasks;

/// <summary>What becomes of labels and probabilities as the shipped model gave them; each line is a word with both.</summary>
public sealed class SpanRulesTests
{
    private static readonly string[] s_labels =
        ["O", "B-PER", "I-PER", "B-LOC", "I-LOC", "B-ORG", "I-ORG", "B-PLACE", "I-PLACE", "B-THING", "I-THING"];

    [Theory]
    [InlineData("Jean-Luc Picard met", "B-PER.97 I-PER.82 B-PER.60 I-PER.98 O1", "Jean-Luc Picard PER")]
    [InlineData("Mary-Kate O'Neil met", "B-PER.94 O.74 B-PER.71 I-PER.97 O1", "Mary-Kate O'Neil PER")]
    [InlineData("Olivia Newton-John met", "B-PER.98 I-PER.99 O.67 B-PER.85 O1", "Olivia Newton-John PER")]
    [InlineData("I talked to Kim Jong-un about it.", "O1 O1 O1 B-PER.97 I-PER.97 O.65 O.43 O1 O1 O1", "Kim Jong-un PER")]
    [InlineData("Moon Jae-in's book", "B-PER.89 I-PER.82 I-PER.71 I-PER.73 O.99 O1", "Moon Jae-in PER")]
    [InlineData("AT&T vs T-Mobile", "B-ORG.93 O.99 B-ORG.79 O.5 I-ORG.81", "AT&T ORG, T-Mobile ORG")]
    [InlineData("The CEO of Wal-Mart resigned.", "O1 O1 O1 B-ORG.57 I-LOC.79 I-ORG.59 O1 O1", "Wal-Mart ORG")]
    [InlineData("Rolls-Royce and", "B-ORG.85 O.51 I-ORG.60 O1", "Rolls-Royce ORG")]
    [InlineData("moved from Aix-en-Provence to Paris.", "O1 O1 B-LOC.96 O.81 O.62 O.68 I-LOC.51 O1 B-LOC.97 O1", "Aix-en-Provence LOC, Paris LOC")]
    [InlineData("Az-Zaman : The", "O.57 I-ORG.65 I-ORG.62 O1 O1", "Az-Zaman ORG")]
    [InlineData("Winston\u2010Salem, where", "B-LOC.96 O.63 I-LOC.90 O.99 O.99", "Winston\u2010Salem LOC")]
    public void A_hyphenated_name_is_one(string text, string labels, string spans) => Assert.Equal(spans, Found(text, labels));

    [Theory]
    [InlineData("The Bush-Cheney ticket lost.", "O1 B-PER.98 O.97 B-PER.95 O1 O1 O1", "Bush PER, Cheney PER")]
    [InlineData("the Clinton-Gore administration", "O1 B-PER.98 O.58 B-PER.80 O1", "Clinton PER, Gore PER")]
    [InlineData("I watched Merkel-Macron yesterday.", "O1 O1 B-PER.82 O.61 I-PER.61 O1 O1", "Merkel PER, Macron PER")]
    [InlineData("the Hillary Clinton-Trump debate", "O1 B-PER.97 I-PER.97 O.98 B-PER.96 O1", "Hillary Clinton PER, Trump PER")]
    [InlineData("London-Paris again", "B-LOC.97 O.99 B-LOC.92 O1", "London LOC, Paris LOC")]
    [InlineData("the Arsenal-Chelsea match", "O1 B-ORG.94 O.96 B-ORG.54 O1", "Arsenal ORG, Chelsea ORG")]
    [InlineData("London-to-Brighton ride", "B-LOC.9 O.99 O.99 O.99 B-LOC.9 O1", "London LOC, Brighton LOC")]
    [InlineData("a London-based startup", "O1 B-LOC.97 O.99 O.99 O1", "London LOC")]
    [InlineData("Bush - Cheney", "B-PER.97 I-PER.6 B-PER.6", "Bush PER, Cheney PER")]
    public void Two_names_joined_by_a_hyphen_stay_two(string text, string labels, string spans) => Assert.Equal(spans, Found(text, labels));

    [Theory]
    [InlineData("John Smith\n\nMary Jones", "B-PER.98 I-PER.98 I-PER.92 I-PER.98", "John Smith PER, Mary Jones PER")]
    [InlineData("John Smith\r\n \r\nMary Jones", "B-PER.98 I-PER.98 I-PER.92 I-PER.98", "John Smith PER, Mary Jones PER")]
    [InlineData("new in New\u2029York", "O1 O1 B-LOC.98 I-LOC.98", "New LOC, York LOC")]
    [InlineData("Paris\nLondon\nBerlin", "B-LOC.96 I-LOC.87 I-LOC.93", "Paris LOC, London LOC, Berlin LOC")]
    [InlineData("Contact:\nJohn Smith\nMary Jones\nAcme Corp\nBerlin", "O1 O1 B-PER.98 I-PER.98 I-PER.92 I-PER.98 B-ORG.9 I-ORG.9 I-ORG.8",
        "John Smith PER, Mary Jones PER, Acme Corp ORG, Berlin ORG")]
    [InlineData("Speakers: Li Wei\nAna Torres", "O1 O1 B-PER.98 I-PER.98 I-PER.98 I-PER.98", "Li Wei PER, Ana Torres PER")]
    [InlineData("We saw\n  1. Rome\n  2. Madrid\nand left", "O1 O1 O1 O1 B-LOC.97 I-LOC.6 I-LOC.6 I-LOC.76 O1 O1", "Rome LOC, 2. Madrid LOC")]
    [InlineData("- Ana Torres\n- Li Wei", "O1 B-PER.97 I-PER.98 I-PER.60 I-PER.87 I-PER.98", "Ana Torres PER, Li Wei PER")]
    [InlineData("Cast\nJohn Smith\nMary Jones as herself", "O1 B-PER.98 I-PER.98 I-PER.92 I-PER.98 O1 O1", "John Smith PER, Mary Jones PER")]
    [InlineData("Paris\tLondon", "B-LOC.96 I-LOC.63", "Paris LOC, London LOC")]
    [InlineData("City: Ulm\nCompany: Acme", "O1 O1 B-ORG.9 I-ORG.9 O1 B-ORG.9", "Ulm ORG, Acme ORG")]
    [InlineData("City: Baden-Baden\nCompany: Acme", "O1 O1 B-LOC.9 O.6 B-ORG.6 I-ORG.7 O1 B-ORG.9", "Baden-Baden LOC, Acme ORG")]
    [InlineData("Name: Li Wei\nWork address: Rome", "O1 O1 B-PER.9 I-PER.9 I-PER.9 I-PER.9 O1 B-LOC.9", "Li Wei PER, Rome LOC")]
    [InlineData("Mary Jones\nTokyo\nJean-Luc Picard", "B-PER.98 I-PER.97 I-PER.53 I-PER.63 O.66 B-PER.56 I-PER.96",
        "Mary Jones PER, Tokyo PER, Jean-Luc Picard PER")]
    public void No_span_crosses_an_empty_line_or_two_entries_of_a_list(string text, string labels, string spans) =>
        Assert.Equal(spans, Found(text, labels));

    [Theory]
    [InlineData("I think that New\nYork is great", "O1 O1 O1 B-LOC.97 I-LOC.93 O1 O1", "New\nYork LOC")]
    [InlineData("they told me about New\r\nYork", "O1 O1 O1 O1 B-LOC.93 I-LOC.72", "New\r\nYork LOC")]
    [InlineData("a long trip together to visit John\nSmith with friends", "O1 O1 O1 O1 O1 O1 B-PER.79 I-PER.56 O1 O1", "John\nSmith PER")]
    [InlineData("the Bank of\nAmerica and", "O1 B-ORG.95 I-ORG.95 I-ORG.6 O1", "Bank of\nAmerica ORG")]
    public void A_wrapped_name_stays_one(string text, string labels, string spans) => Assert.Equal(spans, Found(text, labels));

    [Theory]
    [InlineData("Hackney 's has", "O.6 O.6 B-LOC.5 O1", "")]
    [InlineData("Hackney's has", "O.6 B-LOC.5 O1", "")]
    [InlineData("it isn't", "O1 O1 B-LOC.5", "")]
    [InlineData("Ben & Jerry's", "O.5 B-ORG.5 O.5 B-LOC.4", "")]
    [InlineData("Philly's Steaks", "O.6 B-LOC.5 I-LOC.6", "Steaks LOC")]
    [InlineData("the Thomson's shop", "O1 B-ORG.8 I-ORG.4 O1", "Thomson ORG")]
    [InlineData("the Hershey's shop", "O1 B-ORG.8 I-ORG.8 O1", "Hershey's ORG")]
    [InlineData("Mercedes-Benz and", "B-ORG.9 I-ORG.9 I-ORG.9 I-ORG.5", "Mercedes-Benz ORG")]
    [InlineData("\"Acme, Inc.\" Yahoo!", "B-ORG.6 I-ORG.9 I-ORG.9 I-ORG.9 I-ORG.5 B-ORG.9", "Acme, Inc. ORG, Yahoo! ORG")]
    [InlineData("Division (Defense), now", "B-ORG.9 I-ORG.9 I-ORG.9 I-ORG.9 I-ORG.6 O1", "Division (Defense) ORG")]
    [InlineData("us - and", "O1 B-ORG.6 O1", "")]
    public void Marks_clitics_and_small_words_are_no_span_and_at_no_end_of_one(string text, string labels, string spans) =>
        Assert.Equal(spans, Found(text, labels));

    [Fact]
    public void A_span_that_goes_on_with_another_type_is_one_of_the_type_that_most_speaks_for() =>
        Assert.Equal("El Paso Energy ORG, Bill PER, Rome LOC", Found("El Paso Energy Bill Rome", "B-LOC.6 I-ORG.8 I-ORG.9 B-PER.9 B-LOC.9"));

    [Fact]
    public void What_is_agreed_on_is_what_is_given()
    {
        var given = Answer("Jean-Luc Picard met 's", "B-PER.97 I-PER.82 B-PER.60 I-PER.98 O1 O1 B-LOC.4", names: true, (task, values, text) => task.Given(values, text));

        Assert.Equal(["B-PER", "I-PER", "I-PER", "I-PER", "O", "O", "O"], given);
    }

    [Fact]
    public void Where_spans_may_be_anything_their_words_stay() => Assert.Equal(
        "next to the PLACE, this one 's THING",
        Found("next to the this one 's", "B-PLACE.9 I-PLACE.9 I-PLACE.9 B-THING.9 I-THING.9 I-THING.9 I-THING.9", names: false));

    private static string Found(string text, string labels, bool names = true) => Answer(text, labels, names, (task, values, read) =>
    {
        var output = Utf8Buffer.ForThisThread();
        task.Write(values, read, new(), output);
        using var json = JsonDocument.Parse(Encoding.UTF8.GetString(output.Written));
        return string.Join(", ", json.RootElement.GetProperty("spans").EnumerateArray().Select(s => $"{s.GetProperty("text")} {s.GetProperty("label")}"));
    });

    private delegate T Asked<T>(TokenSpansTask task, TaskValues values, TaskText text);

    // One token a word; labels as "B-PER.97": label and probability.
    private static T Answer<T>(string text, string labels, bool names, Asked<T> ask)
    {
        var found = new List<Word>();
        var splitter = new WordSplitter(text);
        while (splitter.TryNext(out var start, out var end)) found.Add(new(start, end, found.Count));
        var given = labels.Split(' ');
        Assert.Equal(given.Length, found.Count);
        var tokens = found.Select(w => new Token(1, w.Start, w.End, 0, true)).ToArray();
        using var tokenized = new TokenizedText(tokens, [.. found], [new(0, tokens.Length)], 101, 102);
        var task = new TokenSpansTask("entities", s_labels, names);
        using var predictions = new Predictions([task], 1, tokens.Length + 2);
        var values = predictions.Of(0, 0);
        for (var word = 0; word < given.Length; word++)
        {
            var length = given[word].AsSpan().IndexOfAnyInRange('.', '9');
            TokenLabelTask.TagsOf(values)[word + 1] = Array.IndexOf(s_labels, given[word][..length]);
            TokenLabelTask.ScoresOf(values)[word + 1] = float.Parse(given[word][length..], CultureInfo.InvariantCulture);
        }

        return ask(task, values, new(text, tokenized));
    }
}
