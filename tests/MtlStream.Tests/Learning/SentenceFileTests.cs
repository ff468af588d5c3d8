using MtlStream.Learning.Data;
using MtlStream.Tests.Models;
using MtlStream.Text;

namespace MtlStream.Tests.Learning;

public sealed class SentenceFileTests : IDisposable
{
    private readonly ToyPackage _package = new();
    private readonly string _path = Path.Combine(Directory.CreateTempSubdirectory("mtlstream-sentences").FullName, "data.any");

    public void Dispose()
    {
        _package.Dispose();
        Directory.Delete(Path.GetDirectoryName(_path)!, recursive: true);
    }

    [Theory]
    [InlineData("play O\nthe O\nwhite B-album\nalbum I-album\n\nstop O\n")]
    [InlineData("-DOCSTART- -X- O\n\nplay VB x O\nthe DT x O\nwhite JJ x B-album\nalbum NN x E-album\n\n\nstop VB x O")]
    [InlineData("# a comment\nplay\tO\r\nthe\tO\r\nwhite\tB-album\r\nalbum\tL-album\r\n\r\nstop\tO\r\n")]
    public void Conll_is_read_in_its_forms(string content)
    {
        var sentences = Read(content);

        Assert.Equal(["play the white album", "stop"], sentences.Select(s => s.Text));
        Assert.Equal(["O", "O", "B-album", "I-album"], sentences[0].Labels);
        Assert.Equal(["play", "the", "white", "album"], sentences[0].Words.Select(w => sentences[0].Text[w.Start..w.End]));
    }

    [Fact]
    public void A_span_of_one_word_in_other_schemes_begins() => Assert.Equal(["B-x", "B-y"], Read("a S-x\nb U-y\n")[0].Labels);

    [Fact]
    public void Conll_u_gives_forms_and_parts_of_speech()
    {
        var sentence = Assert.Single(Read(
            "# text = I don't\n1\tI\tI\tPRON\tPRP\t_\t2\tnsubj\t_\t_\n2-3\tdon't\t_\t_\t_\t_\t_\t_\t_\t_\n2\tdo\tdo\tAUX\tVBP\t_\t0\troot\t_\t_\n3\tn't\tnot\tPART\tRB\t_\t2\tadvmod\t_\t_\n",
            spans: false));

        Assert.Equal("I do n't", sentence.Text);
        Assert.Equal(["PRON", "AUX", "PART"], sentence.Labels);
    }

    [Fact]
    public void Columns_may_be_numbers() => Assert.Equal(["A", "B"], Read("1 x A y\n2 z B w\n", spans: false, new("2", "3"))[0].Labels);

    [Fact]
    public void Ranges_in_json_label_the_words_that_they_touch()
    {
        var sentence = Assert.Single(Read("{\"body\":\"the Cat sat on mats\",\"found\":[{\"start\":4,\"end\":11,\"label\":\"x\"}]}", spans: true, new("/body", "/found")));

        Assert.Equal(["O", "B-x", "I-x", "O", "O"], sentence.Labels);
    }

    [Theory]
    [InlineData("a O\nb\n", "line 2: found 1 columns, expected 2")]
    [InlineData("a O\nb NOUN\n", "line 2: found the label NOUN, expected O, B-... or I-...")]
    [InlineData(" \n", "the file is empty")]
    [InlineData("# only this\n", "found no sentences")]
    [InlineData("{\"text\":\"a\"}\n", "line 1: expected a list of ranges at label")]
    [InlineData("{\"text\":\"a\",\"label\":[{\"start\":0,\"end\":2,\"label\":\"x\"}]}\n", "line 1: found the range 0 to 2")]
    [InlineData("{\"text\":\"a\",\"label\":[\"x\"]}\n", "line 1: expected objects with start, end and label")]
    public void What_is_wrong_is_said_with_its_line(string content, string expected) =>
        Assert.Contains(expected, Assert.Throws<UsageException>(() => Read(content)).Message, StringComparison.Ordinal);

    [Fact]
    public void Sentences_are_judged()
    {
        var sentences = Enumerable.Range(0, 12).Select(i => Sentence($"word {i}", i, "O", i % 2 == 0 ? "B-x" : "O"))
            .Append(Sentence("word 0", 20, "O", "B-x")).Append(Sentence("word 1", 21, "B-x", "O")).ToList();

        var set = SentenceSet.Of(sentences, spans: true);

        Assert.Equal(["O", "B-x", "I-x"], set.Labels);
        Assert.Equal(13, set.Sentences.Count);
        Assert.Contains(set.Findings, f => f.Kind == "duplicate" && f.Message.StartsWith("1 sentences", StringComparison.Ordinal));
        Assert.Contains(set.Findings, f => f.Kind == "contradiction" && f.Message.Contains("lines 1, 21", StringComparison.Ordinal));
        Assert.Equal("leakage", set.LeakageInto([Sentence("word 3", 1, "O", "O")])?.Kind);
    }

    [Fact]
    public void What_cannot_be_learnt_from_is_refused()
    {
        var outside = Enumerable.Range(0, 12).Select(i => Sentence($"word {i}", i, "O", "O")).ToList();

        Assert.Contains("no sentence has a span", Refusal(outside, spans: true), StringComparison.Ordinal);
        Assert.Contains("all words have the label O", Refusal(outside, spans: false), StringComparison.Ordinal);
        Assert.Contains("found 3 different sentences", Refusal(outside[..3], spans: true), StringComparison.Ordinal);

        static string Refusal(List<LabelledSentence> sentences, bool spans) => Assert.Throws<UsageException>(() => SentenceSet.Of(sentences, spans)).Message;
    }

    private static LabelledSentence Sentence(string text, int line, string first, string second)
    {
        var end = text.IndexOf(' ');
        return new(text, [new(0, end, first), new(end + 1, text.Length, second)], line);
    }

    private IReadOnlyList<LabelledSentence> Read(string content, bool spans = true, LabelledColumns? columns = null)
    {
        File.WriteAllText(_path, content);
        return new SentenceFile(_path, columns ?? new(), TextTokenizer.Load(_package.Manifest().Tokenizer, new()), spans).Read();
    }
}
