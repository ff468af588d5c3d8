using MtlStream.Tasks;

namespace MtlStream.Tests.Tasks;

public sealed class BioLabelsTests
{
    private static readonly string[] s_labels = ["O", "B-PER", "I-PER", "B-LOC", "I-LOC"];

    [Theory]
    [InlineData("O O", "")]
    [InlineData("B-PER I-PER O B-LOC", "0-2 PER, 3-4 LOC")]
    [InlineData("B-PER B-PER", "0-1 PER, 1-2 PER")]
    [InlineData("I-PER I-LOC I-LOC", "0-1 PER, 1-3 LOC")]
    [InlineData("B-PER I-LOC I-PER", "0-1 PER, 1-2 LOC, 2-3 PER")]
    public void A_span_begins_at_B_or_at_an_I_that_follows_something_else(string labels, string spans)
    {
        var bio = new BioLabels(s_labels);
        var found = new List<WordSpan>();

        bio.AddSpans([.. labels.Split(' ').Select(l => Array.IndexOf(s_labels, l))], found);

        Assert.Equal(spans, string.Join(", ", found.Select(s => $"{s.First}-{s.End} {bio.Types[s.Type]}")));
    }

    [Theory]
    [InlineData("PER")]
    [InlineData("B-")]
    [InlineData("X-PER")]
    [InlineData("")]
    public void Other_labels_are_refused_by_name(string label) =>
        Assert.Contains($"\"{label}\"", Assert.Throws<InvalidDataException>(() => new BioLabels(["O", label])).Message, StringComparison.Ordinal);
}
