using MtlStream.Learning.Data;
using MtlStream.Learning.Review;
using MtlStream.Models;
using MtlStream.Text;

namespace MtlStream.Tests.Learning;

public sealed class SpanLabelTests
{
    [Fact]
    public void What_is_written_is_read()
    {
        var span = new LabelledRange(12, 18, "work of art");

        Assert.Equal("work of art 12-18", SpanLabel.Of(span));
        Assert.Equal(span, SpanLabel.Parse(SpanLabel.Of(span)));
    }

    [Theory]
    [InlineData("LOC")]
    [InlineData("LOC 3")]
    [InlineData("LOC 3-3")]
    [InlineData("LOC 5-3")]
    [InlineData("LOC -3-5")]
    [InlineData(" 3-5")]
    [InlineData("LOC 3-99999999999")]
    public void What_is_none_is_none(string label) => Assert.Null(SpanLabel.Parse(label));

    [Fact]
    public void People_agree_where_they_say_the_same_spans_in_any_order()
    {
        var book = new AnswerBook();
        foreach (var (by, labels) in (ReadOnlySpan<(string, string[])>)[("anna", ["PER 0-8", "LOC 14-18"]), ("ben", ["LOC 14-18", "PER 0-8"]), ("cy", ["PER 0-3"])])
            book.Add(new("in/0/1", "who", labels, by, DateTimeOffset.UnixEpoch));
        var reviewed = ReviewedTexts.Of([new("in/0/1", "Tim Cook left Oslo.", new Dictionary<string, IReadOnlyList<string>>())], book, "who");

        var spans = Assert.Single(reviewed.Texts).Labels.Select(l => SpanLabel.Parse(l)!.Value).ToList();
        var tokenizer = TextTokenizer.Load(ModelManifest.Load(ModelManifest.Locate("")).Tokenizer, new());
        var sentence = LabelledSentence.Of("Tim Cook left Oslo.", spans, tokenizer, spans: true, line: 1);

        Assert.Equal(["B-PER", "I-PER", "O", "B-LOC", "O"], sentence.Labels);
    }
}
