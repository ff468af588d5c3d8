using System.Text;
using System.Text.Json;
using MtlStream.Json;
using MtlStream.Models;
using MtlStream.Tasks;
using MtlStream.Tests.Models;
using MtlStream.Tests.Text;
using MtlStream.Text;

namespace MtlStream.Tests.Tasks;

public sealed class KeptLabelTaskTests
{
    private static readonly KeptWordsTask s_words = new("compress", ["leave", "keep"]);
    private static readonly KeptSentencesTask s_sentences = new("summary", ["leave", "keep"]);

    [Fact]
    public void Words_beside_each_other_stay_as_one_range_with_what_stands_between_them()
    {
        Assert.Equal("""{"text":"Police found the car","kept":[[0,6],[17,30]]}""", Words("Police , who ... found the car", "Police", "found the car"));
    }

    [Fact]
    public void A_mark_is_joined_to_what_it_follows_where_no_space_stands_before_it()
    {
        Assert.Equal("""{"text":"He left.","kept":[[0,7],[13,14]]}""", Words("He left early.", "He left", "."));
    }

    [Fact]
    public void Where_nothing_stays_the_text_is_empty()
    {
        Assert.Equal("""{"text":"","kept":[]}""", Words("oh"));
    }

    [Fact]
    public void A_fifth_of_the_sentences_stays_and_one_at_least_in_the_order_of_the_text()
    {
        Assert.Equal("""{"sentences":[{"start":4,"end":7,"score":0.9000}]}""", Kept("Aa. Bb. Cc.", 0.1f, 0.9f, 0.2f));
        Assert.Equal(
            """{"sentences":[{"start":4,"end":7,"score":0.8000},{"start":20,"end":23,"score":0.9000}]}""",
            Kept("Aa. Bb. Cc. Dd. Ee. Ff.", 0.1f, 0.8f, 0.2f, 0.3f, 0.3f, 0.9f));
    }

    [Fact]
    public void They_are_left_out_unless_they_are_asked_for()
    {
        using var package = new ToyPackage().Edit(m => m["tasks"]!.AsArray().Add(JsonSerializer.SerializeToNode(new
        {
            name = "compress", kind = "kept_words", labels = new[] { "leave", "keep" }, outputs = new { tags = "tags.tags", scores = "tags.scores" },
        })));
        var manifest = package.Manifest();

        Assert.DoesNotContain("compress", manifest.Select("").Select(t => t.Task.Name));
        Assert.IsType<KeptWordsTask>(Assert.Single(manifest.Select("compress")).Task);
    }

    [Theory]
    [InlineData("kept_words")]
    [InlineData("kept_sentences")]
    public void Three_labels_are_one_too_many(string kind)
    {
        using var package = new ToyPackage().Edit(m => m["tasks"]!.AsArray().Add(JsonSerializer.SerializeToNode(new
        {
            name = "x", kind, labels = new[] { "a", "b", "c" }, outputs = new { tags = "tags.tags", scores = "tags.scores" },
        })));

        var message = Assert.Throws<InvalidDataException>(package.Manifest).Message;

        Assert.Contains("(x).labels: found 3, expected two", message, StringComparison.Ordinal);
    }

    private static string Words(string text, params string[] kept)
    {
        using var tokens = Tokens(text);
        using var said = new Predictions([s_words], 1, tokens.Tokens.Length + 2);
        var values = said.Of(0, 0);
        values.Ids(0).Clear();
        values.Floats(1).Fill(0.9f);
        var at = 0;
        foreach (var part in kept)
        {
            var start = text.IndexOf(part, at, StringComparison.Ordinal);
            at = start + part.Length;
            for (var word = 0; word < tokens.Words.Length; word++)
            {
                if (tokens.Words[word].Start >= start && tokens.Words[word].End <= at) values.Ids(0)[word + 1] = 1;
            }
        }

        return Written(s_words, values, text, tokens);
    }

    private static string Kept(string text, params float[] shares)
    {
        using var tokens = Tokens(text);
        using var said = new Predictions([s_sentences], 1, tokens.Tokens.Length + 2);
        var values = said.Of(0, 0);
        for (var word = 0; word < tokens.Words.Length; word++)
        {
            var share = shares[word / 2]; // a word and its full stop
            values.Ids(0)[word + 1] = share > 0.5f ? 1 : 0;
            values.Floats(1)[word + 1] = Math.Max(share, 1 - share);
        }

        return Written(s_sentences, values, text, tokens);
    }

    private static string Written(ModelTask task, TaskValues values, string text, TokenizedText tokens)
    {
        Assert.Null(task.ValidationError(values, tokens));
        var output = Utf8Buffer.ForThisThread();
        task.Write(values, new(text, tokens), new(), output);
        return Encoding.UTF8.GetString(output.Written);
    }

    // A token for each word and each mark.
    private static TokenizedText Tokens(string text)
    {
        var words = SentencesTests.Words(text);
        return new(
            [.. words.Select(w => new Token(10, w.Start, w.End, 0, true))], [.. words], [new(0, words.Count)], 2, 3);
    }
}
