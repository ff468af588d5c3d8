using MtlStream.Text;

namespace MtlStream.Tests.Text;

public sealed class WordSplitterTests
{
    [Fact]
    public void Finds_the_words_that_the_training_code_finds()
    {
        var vectors = TokenizerVectors.SampleWords();

        Assert.InRange(vectors.Count, 600, 2000);
        foreach (var vector in vectors)
        {
            var expected = vector.Ranges.Select(range => vector.Text[range[0]..range[1]]);
            Assert.True(
                vector.Ranges.Select(range => (range[0], range[1])).SequenceEqual(Split(vector.Text)),
                $"{vector.Kind}: {string.Join('|', expected)} but found {string.Join('|', Split(vector.Text).Select(word => vector.Text[word.Start..word.End]))}");
        }
    }

    [Theory]
    [InlineData("don't", "do|n't")]
    [InlineData("It’s Ann's", "It|’s|Ann|'s")]
    [InlineData("gonna cannot", "gon|na|can|not")]
    [InlineData("@ann: #Fun :-) http://t.co/x.", "@ann|:|#Fun|:-)|http://t.co/x|.")]
    [InlineData("👍🏽👨‍👩‍👧🇺🇸 ok", "👍🏽|👨‍👩‍👧|🇺🇸|ok")]
    [InlineData("Mr. X left the U.S. at 5pm.", "Mr.|X|left|the|U.S.|at|5|pm|.")]
    public void Splits_as_the_treebank_does(string text, string expected)
    {
        Assert.Equal(expected, string.Join('|', Split(text).Select(word => text[word.Start..word.End])));
    }

    [Fact]
    public void Covers_all_but_white_space_in_order()
    {
        var random = new Random(7);
        const string alphabet = "ab.,'-/@#:&$!?*_()<>\"’` \t0129 é日\u200D\uFE0F\uD83D\uDE00\uD800…";
        for (var round = 0; round < 5000; round++)
        {
            var text = new string([.. Enumerable.Range(0, random.Next(40)).Select(_ => alphabet[random.Next(alphabet.Length)])]);
            var at = 0;
            foreach (var (start, end) in Split(text))
            {
                Assert.True(string.IsNullOrWhiteSpace(text[at..start]), text);
                Assert.True(start >= at && end > start, text);
                at = end;
            }
            Assert.True(string.IsNullOrWhiteSpace(text[at..]), text);
        }
    }

    [Theory]
    [InlineData("1-")]
    [InlineData("a.")]
    [InlineData("<a")]
    [InlineData("(a.com")]
    [InlineData("a'")]
    [InlineData("@")]
    [InlineData("http://")]
    [InlineData("x")]
    [InlineData("@a-")]
    [InlineData("#a-@")]
    public void Reads_a_megabyte_without_white_space_in_linear_time(string pattern)
    {
        var text = string.Concat(Enumerable.Repeat(pattern, (1 << 20) / pattern.Length));
        var started = System.Diagnostics.Stopwatch.StartNew();

        var words = new WordSplitter(text);
        while (words.TryNext(out _, out _))
        {
        }

        // Milliseconds; quadratic time would be hours.
        Assert.True(started.Elapsed < TimeSpan.FromMinutes(2), $"took {started.Elapsed}");
    }

    private static List<(int Start, int End)> Split(string text)
    {
        var found = new List<(int, int)>();
        var words = new WordSplitter(text);
        while (words.TryNext(out var start, out var end)) found.Add((start, end));
        return found;
    }
}
