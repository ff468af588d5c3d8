using System.Text;
using Google.Protobuf;
using MtlStream.Text;
using MtlStream.Text.SentencePiece;

namespace MtlStream.Tests.Text;

/// <summary>SentencePiece's Unigram and byte-level BPE against their references.</summary>
public sealed class SubwordTokenizerTests
{
    [Theory]
    [InlineData("sentencepiece")]
    [InlineData("bpe")]
    public void Gives_the_reference_ids_and_ranges_on_the_sample(string kind)
    {
        var tokenizer = SubwordVectors.Tokenizer(kind);
        var samples = SubwordVectors.Samples();

        Assert.InRange(samples.Count, 350, 500);
        foreach (var sample in samples)
        {
            using var found = tokenizer.Tokenize(sample.Text);
            var expected = sample.Tokens[kind].Select(t => (t[0], t[1], t[2]));
            Assert.True(expected.SequenceEqual(Tokens(found)), $"""
                {Escaped(sample.Text)}
                expected {string.Join(' ', expected)}
                found    {string.Join(' ', Tokens(found))}
                """);
        }
    }

    [ReferenceTheory]
    [InlineData("sentencepiece")]
    [InlineData("bpe")]
    public void Gives_the_reference_ids_and_ranges_on_all_reference_texts(string kind)
    {
        var tokenizer = SubwordVectors.Tokenizer(kind);
        var texts = TokenizerVectors.AllWordPiece().Select(vector => vector.Text).ToList();
        var digests = SubwordVectors.Digests(kind);
        var different = new List<string>();

        Assert.Equal(8298, texts.Count);
        foreach (var (text, digest) in texts.Zip(digests, (text, digest) => (text, digest)))
        {
            using var found = tokenizer.Tokenize(text);
            if (SubwordVectors.Digest(found) != digest) different.Add(Escaped(text));
        }

        Assert.True(different.Count == 0, $"{different.Count} of {texts.Count} texts differ:\n{string.Join('\n', different.Take(20))}");
    }

    [Theory]
    [InlineData("sentencepiece")]
    [InlineData("bpe")]
    public void A_word_is_a_run_without_white_space_and_its_first_token_begins_it(string kind)
    {
        const string text = " Hello,  \ud83d\ude00 \ud835\udc9c\ufb01 x\t";

        using var found = SubwordVectors.Tokenizer(kind).Tokenize(text);

        Assert.Equal([(1, 7), (9, 11), (12, 15), (16, 17)], found.Words.ToArray().Select(w => (w.Start, w.End)));
        var beginning = found.Tokens.ToArray().Index().Where(t => t.Item.BeginsWord).ToList();
        Assert.Equal(found.Words.ToArray().Select(w => w.FirstToken), beginning.Select(t => t.Index));
        Assert.Equal(found.Words.ToArray().Select(w => w.Start), beginning.Select(t => t.Item.Start));
    }

    [Theory]
    [InlineData("sentencepiece", "<s></s><unk>[CLS][SEP]")]
    [InlineData("bpe", "<s></s><unk><pad>")]
    public void Text_that_spells_a_special_token_is_ordinary_text(string kind, string text)
    {
        var tokenizer = SubwordVectors.Tokenizer(kind);

        using var found = tokenizer.Tokenize(text);

        Assert.DoesNotContain(found.Tokens.ToArray(), t => tokenizer.TokenText(t.Id) is "<s>" or "</s>" or "<pad>");
        Assert.Equal(text.Length, found.Tokens[^1].End);
    }

    [Theory]
    [InlineData("sentencepiece", "a")]
    [InlineData("sentencepiece", "a ")]
    [InlineData("sentencepiece", " ")]
    [InlineData("sentencepiece", "\u2581")]
    [InlineData("sentencepiece", "\u4e00")]
    [InlineData("bpe", "a")]
    [InlineData("bpe", "a ")]
    [InlineData("bpe", " ")]
    [InlineData("bpe", "\u4e00")]
    public void What_is_beyond_the_limit_is_not_encoded(string kind, string repeated)
    {
        const int limit = 100;
        var tokenizer = SubwordVectors.Tokenizer(kind, limit);
        var text = string.Concat(Enumerable.Repeat(repeated, (2 << 20) / repeated.Length)) + "end";
        using (tokenizer.Tokenize("warm up"))
        {
            // what is allocated once is there
        }

        var before = GC.GetAllocatedBytesForCurrentThread();
        using var found = tokenizer.Tokenize(text);

        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 1 << 20);
        Assert.Equal(kind == "bpe" || !IsSpace(repeated), found.Truncated);
        Assert.InRange(found.Tokens.Length, 1, limit);
    }

    // SentencePiece drops white space that a text begins with.
    private static bool IsSpace(string text) => text is " " or "\u2581";

    [Theory]
    [InlineData("sentencepiece")]
    [InlineData("bpe")]
    public void At_the_limit_the_tokens_are_those_of_the_first_words(string kind)
    {
        var whole = SubwordVectors.Tokenizer(kind);
        foreach (var sample in SubwordVectors.Samples().Where(s => s.Tokens[kind].Length is > 5 and < 100))
        {
            for (var limit = 1; limit < 7; limit++)
            {
                using var all = whole.Tokenize(sample.Text);
                using var some = SubwordVectors.Tokenizer(kind, limit).Tokenize(sample.Text);
                Assert.Equal(Tokens(all).Take(Kept(all, limit)), Tokens(some));
                Assert.Equal(all.Tokens.Length > limit, some.Truncated);
            }
        }
    }

    [Theory]
    [InlineData("sentencepiece")]
    [InlineData("bpe")]
    public void Many_threads_get_what_one_gets(string kind)
    {
        var tokenizer = SubwordVectors.Tokenizer(kind);

        Parallel.ForEach(Enumerable.Range(0, 8), _ =>
        {
            foreach (var sample in SubwordVectors.Samples())
            {
                using var found = tokenizer.Tokenize(sample.Text);
                Assert.Equal(sample.Tokens[kind].Select(t => (t[0], t[1], t[2])), Tokens(found));
            }
        });
    }

    [Fact]
    public void A_SentencePiece_model_that_asks_for_what_is_not_supported_is_refused()
    {
        AssertRefused(m => m.Trainer.Kind = Trainer.Types.Kind.Bpe, "only Unigram is supported");
        AssertRefused(m => m.Trainer.WhitespaceAsSuffix = true, "white space is a suffix");
        AssertRefused(m => m.Normalizer.EscapeWhitespaces = false, "white space is not escaped");
        AssertRefused(m => m.Pieces[500].Kind = Piece.Types.Kind.UserDefined, "of kind UserDefined");
        AssertRefused(m => m.Pieces[500].Kind = Piece.Types.Kind.Byte, "of kind Byte");
        AssertRefused(m => m.Pieces[500].Text = "a\u2581b", "reaches across white space");
        AssertRefused(m => m.Pieces[1].Text = "<begin>", "no piece <s> or [CLS] among 1000");
        AssertRefused(m => m.Normalizer.PrecompiledCharsmap = ByteString.CopyFrom(9, 9, 9, 9, 9), "The character map has 5 bytes");
        AssertRefused(m => m.Pieces.Clear(), "no piece of text");
        AssertRefused(m => m.Normalizer = null, "settings are missing");
    }

    [Theory]
    [InlineData("sentencepiece", "model")]
    [InlineData("bpe", "vocab")]
    [InlineData("bpe", "merges")]
    public void A_file_that_is_damaged_or_not_there_is_named(string kind, string role)
    {
        var damaged = Path.GetTempFileName();
        File.WriteAllText(damaged, "{ this is not it");
        try
        {
            var files = new Dictionary<string, string>(SubwordVectors.Files[kind]) { [role] = damaged };
            Assert.Contains(damaged, Refusal(kind, files), StringComparison.Ordinal);
        }
        finally
        {
            File.Delete(damaged);
        }

        Assert.Contains($"the file role {role}; {damaged} is not there", Refusal(kind, new(SubwordVectors.Files[kind]) { [role] = damaged }), StringComparison.Ordinal);
        Assert.Contains($"the file role {role}; the manifest names none", Refusal(kind, SubwordVectors.Files[kind].Where(f => f.Key != role).ToDictionary()), StringComparison.Ordinal);
    }

    // Whole words, or what there is room for of the first.
    private static int Kept(TokenizedText all, int limit)
    {
        if (all.Tokens.Length <= limit || all.Tokens[limit].BeginsWord) return limit;
        var begun = all.Words.ToArray().Where(w => w.FirstToken < limit).ToList();
        return begun.Count > 1 ? begun[^1].FirstToken : limit;
    }

    private static void AssertRefused(Action<Model> spoil, string because)
    {
        var model = Model.Parser.ParseFrom(File.ReadAllBytes(SubwordVectors.Files["sentencepiece"]["model"]));
        spoil(model);
        var path = Path.GetTempFileName();
        File.WriteAllBytes(path, model.ToByteArray());
        try
        {
            Assert.Contains(because, Refusal("sentencepiece", new() { ["model"] = path }), StringComparison.Ordinal);
        }
        finally
        {
            File.Delete(path);
        }
    }

    private static string Refusal(string kind, Dictionary<string, string> files) => Assert.Throws<InvalidDataException>(
        () => TextTokenizer.Load(new(kind, files, false, false, CaseIds: false, SplitWords: false, MaxTokens: 64, WindowOverlap: 0), new())).Message;

    private static IEnumerable<(int, int, int)> Tokens(TokenizedText text) => text.Tokens.ToArray().Select(t => (t.Id, t.Start, t.End));

    private static string Escaped(string text)
    {
        var escaped = new StringBuilder();
        foreach (var unit in text) escaped.Append(unit is >= ' ' and <= '~' ? $"{unit}" : $"\\u{(int)unit:x4}");
        return escaped.ToString();
    }
}
