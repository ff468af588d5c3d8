using System.Text.RegularExpressions;
using MtlStream.Text;

namespace MtlStream.Tests.Text;

public sealed partial class SentencesTests
{
    [Theory]
    [InlineData("It rained. We left.", "It rained.|We left.")]
    [InlineData("Really?! Yes! \"No.\" He left.", "Really?!|Yes!|\"No.\"|He left.")]
    [InlineData("Dr. Who met J. Smith in the U.S. today. Fine.", "Dr. Who met J. Smith in the U.S. today.|Fine.")]
    [InlineData("It cost 3.5 dollars, i.e. nothing. ok then", "It cost 3.5 dollars, i.e. nothing. ok then")]
    [InlineData("no marks at all", "no marks at all")]
    [InlineData("A heading\n\nand a line\nthat goes on", "A heading|and a line\nthat goes on")]
    [InlineData("", "")]
    public void A_mark_and_an_empty_line_end_a_sentence_and_an_abbreviation_does_not(string text, string expected)
    {
        var words = Words(text).ToArray();

        var found = Sentences.Of(text, words).Select(s => text[words[s.First].Start..words[s.End - 1].End]);

        Assert.Equal(expected, string.Join('|', found));
    }

    /// <summary>Runs of letters, digits and inner full stops as a word each, every mark one by itself.</summary>
    internal static List<Word> Words(string text) =>
        [.. WordPattern().Matches(text).Select((m, i) => new Word(m.Index, m.Index + m.Length, i))];

    [GeneratedRegex(@"\p{L}[\p{L}.]*\.\p{L}\.|(?:Dr|J)\.|[\p{L}\d]+(?:\.\d+)?|\S")]
    private static partial Regex WordPattern();
}
