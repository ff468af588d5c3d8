using System.IO.Compression;
using System.Text;
using MtlStream.Learning;
using MtlStream.Learning.Meaning;

namespace MtlStream.Tests.Learning;

public sealed class MeaningSetsTests : IDisposable
{
    private readonly string _data = Directory.CreateTempSubdirectory("mtlstream-sets").FullName;

    public void Dispose() => Directory.Delete(_data, recursive: true);

    private MeaningSets Sets => new(new TestSetReader(_data));

    [Fact]
    public void Questions_of_test_paragraphs_are_read_and_every_fourth_is_asked_of_another_one_too()
    {
        var paragraphs = Hashed("The fox saw dog number", hash => hash < 20).Take(3).ToList();
        var other = Hashed("A cat sat on mat number", hash => hash >= 20).First();
        Write("text_to_text/squadshifts_new_wiki.jsonl.gz", string.Join('\n', paragraphs.Append(other).Select(p => $$"""{"text":"{{p}}","question":"Who saw it?","answers":[[0,"The fox"],[4,"fox"]]}""")));
        Write("text_to_text/squadshifts_reddit.jsonl.gz", "");
        Write("text_to_text/squadshifts_amazon_reviews.jsonl.gz", "");

        var asked = Sets.Asked(Set("answer", ""));

        Assert.Equal(paragraphs.Append(paragraphs[1]), asked.Select(a => a.Text));
        Assert.Equal(["The fox", "fox"], asked[0].Answers);
        Assert.Empty(asked[3].Answers);
    }

    [Fact]
    public void Words_of_a_treebank_are_joined_and_marked_words_are_answers()
    {
        Write("text_to_text/qamr_sentences.tsv.gz", "A:1\tHe said -LRB- twice -RRB- that it 's n't so .\n");
        Write("text_to_text/qamr_test.tsv.gz", "A:1\t0\t0\tw\tc\tWhat did he say?\t6 7 8\tx:3\ty:0 9\n");

        var asked = Assert.Single(Sets.Asked(Set("answer", "qamr")), a => a.Answers.Count > 0);

        Assert.Equal("He said (twice) that it'sn't so.", asked.Text);
        Assert.Equal(["it'sn't", "twice"], asked.Answers);
    }

    [Fact]
    public void Words_that_the_short_form_has_are_kept()
    {
        var original = Hashed("The the big dog ran away , police said ,", hash => hash < 10).First();
        Write("text_to_text/sentence_compression.jsonl.gz", $$"""
            ["original", "compressed"]
            ["{{original}}", "the dog ran ,"]
            """);

        var text = Assert.Single(Sets.Shortened(Set("compress", "")));

        Assert.Equal("The dog ran ,", string.Join(' ', text.Words.Where(w => w.Kept).Select(w => text.Text[w.Start..w.End])));
    }

    [Fact]
    public void Summaries_are_read_with_the_sentences_of_their_texts()
    {
        Write("scitldr/SciTLDR-Data/SciTLDR-A/test.jsonl", """{"source":["One.","Two."],"source_labels":[0,1],"target":["Short.","Brief."]}""");
        Write("bbc_summary_100/article/tech/001.txt", "Headline\n\nFirst one.\nSecond one.\n");
        Write("bbc_summary_100/summary/tech/001.txt", "Second one.\n");

        var (paper, article) = (Assert.Single(Sets.SummedUp(Set("summary", ""))), Assert.Single(Sets.SummedUp(Set("summary", "bbc"))));

        Assert.Equal(("One. Two.", 2, 2), (paper.Text, paper.Sentences.Count, paper.Summaries.Count));
        Assert.Equal("First one. Second one.", article.Text);
        Assert.Equal("Second one.", Assert.Single(article.Summaries).Trim());
    }

    [Fact]
    public void Every_fourth_turn_is_a_reply_to_one_or_three_before_it()
    {
        var first = Enumerable.Range(0, 400).First(n => TestSetReader.PartOf($"a{n}\nb\nc\nd\ne\nf\ng\nh") < 5);
        Write("text_to_text/self_dialogue.jsonl.gz", $$"""{"turns":["a{{first}}","b","c"," d ","e","f","g","h"]}""");

        Assert.Equal([new($"a{first} b c", "d"), new("g", "h")], Sets.Exchanges(Set("reply", "")));
    }

    [Theory]
    [InlineData("the fox", "A fox!", 1)]
    [InlineData("", "fox", 0)]
    [InlineData("red fox", "fox", 2.0 / 3)]
    public void Answers_are_compared_by_their_words(string given, string answer, double f1) => Assert.Equal(f1, AnswerWords.F1(given, ["cat", answer]), 9);

    [Fact]
    public void No_answer_is_right_only_where_there_is_none() => Assert.Equal((1.0, 0.0), (AnswerWords.F1(null, []), AnswerWords.F1("fox", [])));

    private static TestSet Set(string task, string suffix) => TestSet.Load().Single(s => s.Task == task && s.Suffix == suffix);

    private static IEnumerable<string> Hashed(string text, Predicate<int> wanted) =>
        Enumerable.Range(0, 2000).Select(n => $"{text} {n}").Where(t => wanted(TestSetReader.PartOf(t)));

    private void Write(string path, string content)
    {
        var full = Path.Combine(_data, path);
        Directory.CreateDirectory(Path.GetDirectoryName(full)!);
        using var file = File.Create(full);
        using Stream stream = path.EndsWith(".gz", StringComparison.Ordinal) ? new GZipStream(file, CompressionLevel.Fastest) : file;
        stream.Write(Encoding.UTF8.GetBytes(content));
    }
}
