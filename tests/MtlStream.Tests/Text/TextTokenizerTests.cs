using MtlStream.Text;

namespace MtlStream.Tests.Text;

public sealed class TextTokenizerTests
{
    [Fact]
    public void Empty_text_has_no_tokens_and_one_empty_window()
    {
        using var text = TokenizerVectors.Tokenizer(splitWords: true).Tokenize(" \t\n");

        Assert.Empty(text.Tokens.ToArray());
        Assert.Empty(text.Words.ToArray());
        Assert.Equal([new TokenWindow(0, 0)], text.Windows.ToArray());
        Assert.Equal(2, text.SequenceLength(0));
        Assert.False(text.Truncated);
    }

    [Fact]
    public void A_row_is_the_tokens_between_cls_and_sep_with_the_case_of_their_words()
    {
        var tokenizer = TokenizerVectors.Tokenizer(splitWords: true);
        using var text = tokenizer.Tokenize("The USA don't");
        var ids = new long[text.SequenceLength(0) + 1];
        var types = new long[ids.Length];

        text.WriteSequence(0, ids, types);

        Assert.Equal("[CLS]", tokenizer.TokenText((int)ids[0]));
        Assert.Equal("[SEP]", tokenizer.TokenText((int)ids[text.SequenceLength(0) - 1]));
        Assert.Equal(0, ids[^1]);
        Assert.Equal(1, types[1]);
        Assert.Equal(2, types[2]);
        Assert.Equal(text.Tokens.ToArray().Select(token => (long)token.Id), ids[1..^2]);
    }

    [Fact]
    public void Each_word_of_the_splitter_is_tokenized_by_itself_and_knows_its_first_token()
    {
        const string source = "I can't, \0 it's 5pm";
        using var text = TokenizerVectors.Tokenizer(splitWords: true).Tokenize(source);

        Assert.Equal(["I", "ca", "n't", ",", "it", "'s", "5", "pm"], text.Words.ToArray().Select(word => source[word.Start..word.End]));
        CheckWords(text);
    }

    [Fact]
    public void Without_the_splitter_the_words_are_those_of_the_tokenizer()
    {
        const string source = "I can't";
        using var text = TokenizerVectors.Tokenizer().Tokenize(source);

        Assert.Equal(["I", "can", "'", "t"], text.Words.ToArray().Select(word => source[word.Start..word.End]));
        CheckWords(text);
    }

    [Theory]
    [InlineData(16, 4, false)]
    [InlineData(16, 7, true)]
    [InlineData(34, 0, true)]
    [InlineData(128, 32, true)]
    public void Windows_cover_every_token_overlap_enough_and_begin_at_words(int maxTokens, int overlap, bool splitWords)
    {
        var random = new Random(maxTokens + overlap);
        var tokenizer = TokenizerVectors.Tokenizer(splitWords: splitWords, maxTokens: maxTokens, overlap: overlap);
        for (var round = 0; round < 300; round++)
        {
            using var text = tokenizer.Tokenize(RandomText(random, random.Next(400)));
            var windows = text.Windows.ToArray();

            Assert.Equal(0, windows[0].Start);
            Assert.Equal(text.Tokens.Length, windows[^1].Start + windows[^1].Length);
            Assert.All(windows[..^1], window => Assert.Equal(maxTokens - 2, window.Length));
            Assert.InRange(windows[^1].Length, 0, maxTokens - 2);
            for (var i = 1; i < windows.Length; i++)
            {
                var shared = windows[i - 1].Start + windows[i - 1].Length - windows[i].Start;
                Assert.InRange(shared, overlap, overlap + ((maxTokens - 2 - overlap) / 4));
                Assert.True(windows[i].Length > shared, "a window adds tokens");
                if (shared < overlap + ((maxTokens - 2 - overlap) / 4)) Assert.True(text.Tokens[windows[i].Start].BeginsWord || shared == overlap);
            }
        }
    }

    [Fact]
    public void A_window_begins_at_a_word_when_one_begins_nearby()
    {
        var tokenizer = TokenizerVectors.Tokenizer(splitWords: true, maxTokens: 34, overlap: 4);
        using var text = tokenizer.Tokenize(string.Concat(Enumerable.Repeat("xyzzy's ", 60)));

        Assert.True(text.Windows.Length > 3);
        foreach (var window in text.Windows) Assert.True(text.Tokens[window.Start].BeginsWord);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void A_text_over_the_limit_keeps_the_tokens_before_it_and_is_flagged(bool splitWords)
    {
        var random = new Random(5);
        var whole = TokenizerVectors.Tokenizer(splitWords: splitWords);
        for (var round = 0; round < 200; round++)
        {
            var source = RandomText(random, 200);
            using var expected = whole.Tokenize(source);
            var limit = Math.Max(16, random.Next(expected.Tokens.Length + 10));

            using var text = TokenizerVectors.Tokenizer(splitWords: splitWords, maxTextTokens: limit).Tokenize(source);

            Assert.Equal(expected.Tokens.Length > limit, text.Truncated);
            Assert.Equal(expected.Words[..text.Words.Length].ToArray(), text.Words.ToArray());
            var kept = text.Truncated ? expected.Words[text.Words.Length].FirstToken : expected.Tokens.Length;
            Assert.Equal(expected.Tokens[..kept].ToArray(), text.Tokens.ToArray());
            var following = expected.Words[Math.Min(text.Words.Length + 1, expected.Words.Length)..];
            var next = following.IsEmpty ? expected.Tokens.Length : following[0].FirstToken;
            Assert.True(next > limit || !text.Truncated, "there was room for the next word");
            CheckWords(text);
        }
    }

    [Theory]
    [InlineData("https://a.b/c/d/e/f/g/h/i/j/k and more")]
    [InlineData("https://a.b/c/d/e/f/g/h/i/j/k")]
    public void A_first_word_over_the_limit_is_cut_within(string source)
    {
        using var text = TokenizerVectors.Tokenizer(splitWords: true, maxTextTokens: 16).Tokenize(source);

        Assert.True(text.Truncated);
        Assert.Equal(16, text.Tokens.Length);
        Assert.Equal(text.Tokens[^1].End, Assert.Single(text.Words.ToArray()).End);
    }

    [Theory]
    [InlineData("\u200B")]
    [InlineData("\uFEFF")]
    [InlineData("\u00AD")]
    [InlineData("\0")]
    [InlineData("\uFFFD")]
    [InlineData("\u200E\u202E\u2066")]
    [InlineData("\u0301\u0300")]
    [InlineData("\uFE0F\u200D")]
    [InlineData("\uE000")]
    [InlineData("\uD800 \uDC00")]
    [InlineData("\u00A0\u3000\u2028\t")]
    [InlineData("\U000E0041\U000E007F")]
    public void A_text_without_anything_to_read_is_empty(string source)
    {
        using var split = TokenizerVectors.Tokenizer(splitWords: true).Tokenize(source);
        using var whole = TokenizerVectors.Tokenizer().Tokenize(source);

        Assert.True(split.IsEmpty);
        Assert.True(whole.IsEmpty);
        Assert.Empty(split.Words.ToArray());
    }

    [Theory]
    [InlineData("\U0001FACD")]
    [InlineData("\u0378")]
    [InlineData("\u0897")]
    [InlineData("\U00013430")]
    [InlineData("\uFFFE")]
    public void A_character_newer_than_the_tables_is_an_unknown_word(string character)
    {
        var tokenizer = TokenizerVectors.Tokenizer(splitWords: true);
        using var text = tokenizer.Tokenize($"in {character} in");

        Assert.Equal(3, text.Tokens.Length);
        Assert.Equal(tokenizer.UnknownId, text.Tokens[1].Id);
        Assert.Equal((3, 3 + character.Length), (text.Tokens[1].Start, text.Tokens[1].End));
    }

    [Fact]
    public void A_megabyte_of_text_is_read_no_further_than_its_limit()
    {
        var tokenizer = TokenizerVectors.Tokenizer(splitWords: true, maxTokens: 128, overlap: 32, maxTextTokens: 4096);
        var source = string.Concat(Enumerable.Repeat("the cat ", 1 << 17));

        using var text = tokenizer.Tokenize(source);

        Assert.True(text.Truncated);
        Assert.Equal(4096, text.Tokens.Length);
        Assert.True(text.Tokens[^1].End < 40_000);
    }

    [Theory]
    [InlineData("a")]
    [InlineData("é")]
    [InlineData("\u0301")]
    [InlineData("e\u0301")]
    [InlineData("a'")]
    [InlineData("\uD805\uDE35")]
    [InlineData("-")]
    public void A_word_of_a_million_characters_is_one_pass(string pattern)
    {
        var source = string.Concat(Enumerable.Repeat(pattern, 1_000_000 / pattern.Length));
        foreach (var splitWords in (ReadOnlySpan<bool>)[true, false])
        {
            var started = System.Diagnostics.Stopwatch.StartNew();

            using var text = TokenizerVectors.Tokenizer(splitWords: splitWords, maxTextTokens: 4096).Tokenize(source);

            // Milliseconds; with a pass for each character it would be hours.
            Assert.True(started.Elapsed < TimeSpan.FromMinutes(2), $"took {started.Elapsed}");
        }
    }

    [Fact]
    public void Tokenizing_allocates_nothing_once_warm()
    {
        var random = new Random(11);
        var tokenizer = TokenizerVectors.Tokenizer(splitWords: true, maxTokens: 32, overlap: 8);
        var texts = Enumerable.Range(0, 200).Select(_ => RandomText(random, random.Next(80))).ToArray();

        // Warm is when the runtime has also compiled what runs often anew, which it does in the background when it has time.
        Assert.True(SpinWait.SpinUntil(() => Allocated() == 0, TimeSpan.FromMinutes(3)));

        long Allocated()
        {
            var before = GC.GetAllocatedBytesForCurrentThread();
            foreach (var text in texts) tokenizer.Tokenize(text).Dispose();
            return GC.GetAllocatedBytesForCurrentThread() - before;
        }
    }

    [Fact]
    public async Task Many_threads_get_what_one_gets()
    {
        var random = new Random(12);
        var tokenizer = TokenizerVectors.Tokenizer(splitWords: true, maxTokens: 32, overlap: 8);
        var texts = Enumerable.Range(0, 300).Select(_ => RandomText(random, random.Next(60))).ToArray();
        var expected = texts.Select(text => Ids(tokenizer, text)).ToArray();

        await Task.WhenAll(Enumerable.Range(0, 8).Select(_ => Task.Run(() =>
        {
            for (var i = 0; i < texts.Length; i++) Assert.Equal(expected[i], Ids(tokenizer, texts[i]));
        })));
    }

    [Theory]
    [InlineData(3, 0)]
    [InlineData(16, 8)]
    [InlineData(16, -1)]
    public void Refuses_a_window_size_or_overlap_that_makes_no_sense(int maxTokens, int overlap)
    {
        Assert.Throws<InvalidDataException>(() => TokenizerVectors.Tokenizer(maxTokens: maxTokens, overlap: overlap));
    }

    private static int[] Ids(TextTokenizer tokenizer, string text)
    {
        using var tokenized = tokenizer.Tokenize(text);
        return [.. tokenized.Tokens.ToArray().Select(token => token.Id)];
    }

    private static string RandomText(Random random, int words)
    {
        string[] parts = ["the", "don't", "Running", "xyzzyplugh", "http://t.co/AbC", "naïve", "日本", "🎉", "U.S.", "@ann", "#tag", "5pm", "--", "(ok)", "unaffable's"];
        return string.Join(' ', Enumerable.Range(0, words).Select(_ => parts[random.Next(parts.Length)]));
    }

    private static void CheckWords(TokenizedText text)
    {
        var firsts = text.Words.ToArray().Select(word => word.FirstToken).ToArray();
        Assert.Equal(firsts, Enumerable.Range(0, text.Tokens.Length).Where(i => text.Tokens[i].BeginsWord));
        for (var i = 0; i < firsts.Length; i++)
        {
            var word = text.Words[i];
            var end = i + 1 < firsts.Length ? firsts[i + 1] : text.Tokens.Length;
            for (var token = firsts[i]; token < end; token++)
            {
                Assert.InRange(text.Tokens[token].Start, word.Start, word.End);
                Assert.InRange(text.Tokens[token].End, word.Start, word.End);
            }
        }
    }
}
