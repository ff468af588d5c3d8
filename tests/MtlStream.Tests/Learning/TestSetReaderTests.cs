using System.IO.Compression;
using System.Text;
using MtlStream.Learning;

namespace MtlStream.Tests.Learning;

public sealed class TestSetReaderTests : IDisposable
{
    private readonly string _data = Directory.CreateTempSubdirectory("mtlstream-sets").FullName;

    public void Dispose() => Directory.Delete(_data, recursive: true);

    private void Write(string path, string content)
    {
        var full = Path.Combine(_data, path);
        Directory.CreateDirectory(Path.GetDirectoryName(full)!);
        using var file = File.Create(full);
        using Stream stream = path.EndsWith(".gz", StringComparison.Ordinal) ? new GZipStream(file, CompressionLevel.Fastest) : file;
        stream.Write(Encoding.UTF8.GetBytes(content));
    }

    private static TestSet Set(string task) => TestSet.Load().Single(s => s.Task == task);

    [Fact]
    public void A_test_set_is_data_and_a_reader_that_there_is_not_is_named()
    {
        var file = Path.Combine(_data, "sets.json");
        File.WriteAllText(file, """[{"task": "t", "name": "n", "reader": "xml", "files": ["a"], "metrics": ["accuracy"]}]""");

        var message = Assert.Throws<UsageException>(() => TestSet.Load(file)).Message;

        Assert.Contains("t has the reader 'xml', expected one of ", message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_tenth_of_the_sentences_tests_the_language_and_what_is_no_label_is_other()
    {
        (string Text, string Code)[] sentences = [("Satz 23", "deu"), ("Satz 41", "cmn"), ("Satz 47", "grn"), ("Satz 0", "deu")];
        Write("languages/languages.jsonl.gz", string.Join('\n', sentences.Select(s => $$"""{"text":"{{s.Text}}","language":"{{s.Code}}"}""")));

        var texts = new TestSetReader(_data).Texts(Set("language"));

        Assert.Equal(["Satz 23: deu", "Satz 41: zho", "Satz 47: other"], texts.Select(t => $"{t.Text}: {t.Labels[0]}"));
    }

    [Fact]
    public void Labels_that_are_numbers_get_the_names_that_the_set_gives()
    {
        Write("tweeteval/datasets/offensive/test_text.txt", "a &amp; b\nc\n");
        Write("tweeteval/datasets/offensive/test_labels.txt", "1\n0\n");

        var texts = new TestSetReader(_data).Texts(Set("offensive"));

        Assert.Equal(["a & b yes", "c no"], texts.Select(t => $"{t.Text} {t.Labels.Single()}"));
    }

    [Fact]
    public void Words_of_the_treebank_have_their_places_in_the_text()
    {
        Write(
            "ud_english-ewt/en_ewt-ud-test.conllu.gz",
            """
            # text = I don't wanna 😀 go.
            1	I	I	PRON	PRP	_
            2-3	don't	_	_	_	_
            2	do	do	AUX	VBP	_
            3	n't	not	PART	RB	_
            4-5	wanna	_	_	_	_
            4	want	want	VERB	VB	_
            5	na	to	PART	TO	_
            5.1	left	leave	VERB	VBN	_
            6	😀	_	SYM	NFP	_
            7	go	go	VERB	VB	_
            8	.	.	PUNCT	.	_


            """.ReplaceLineEndings("\n"));

        var sentence = Assert.Single(new TestSetReader(_data).Sentences(Set("pos")));

        // "want" is not spelled out in "wanna": it covers the whole token.
        Assert.Equal(
            ["I 0-1 PRON", "do 2-4 AUX", "n't 4-7 PART", "want 8-13 VERB", "na 8-13 PART", "😀 14-16 SYM", "go 17-19 VERB", ". 19-20 PUNCT"],
            sentence.Words.Select(w => $"{w.Form} {w.Start}-{w.End} {w.Tag}"));
    }

    [Fact]
    public void Names_of_kinds_that_the_model_does_not_know_are_outside()
    {
        Write("uner_english-ewt/en_ewt-ud-test.iob2.gz", "# text = Ann won #1\n1\tAnn\tB-PER\t-\t-\n2\twon\tO\t-\t-\n3\t#1\tB-OTH\t-\t-\n\n");

        var sentence = Assert.Single(new TestSetReader(_data).Sentences(Set("entities"), ["O", "B-PER", "I-PER"]));

        Assert.Equal(["Ann 0-3 B-PER", "won 4-7 O", "#1 8-10 O"], sentence.Words.Select(w => $"{w.Form} {w.Start}-{w.End} {w.Tag}"));
    }

    [Fact]
    public void A_post_loses_header_quotes_and_signature()
    {
        const string post = "From: a@b\nSubject: > x\n\nAnn writes:\n> quoted\n|quoted too\nIn article <1> it stood.\nMine,\n  spaced  out.\n\n--\nBob\nphone 1\n";

        Assert.Equal("Mine, spaced out.", TestSetReader.CleanPost(post));
    }

    [Fact]
    public void A_post_without_a_body_is_empty() => Assert.Equal("", TestSetReader.CleanPost("From: a@b\nno body"));

    [Fact]
    public void Tweets_are_unescaped() =>
        Assert.Equal("it's \"so\" & <3 ’", TestSetReader.Unescape("it\\'s \"\"so\"\" &amp;amp; &lt;3 \\u2019"));

    [Fact]
    public void A_missing_test_set_is_named()
    {
        var message = Assert.Throws<UsageException>(() => new TestSetReader(_data).Texts(Set("offensive"))).Message;

        Assert.Contains(Path.Combine(_data, "tweeteval/datasets/offensive/test_text.txt"), message, StringComparison.Ordinal);
    }
}
