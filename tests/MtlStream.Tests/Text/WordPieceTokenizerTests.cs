using System.Security.Cryptography;
using System.Text;
using MtlStream.Text;

namespace MtlStream.Tests.Text;

public sealed class WordPieceTokenizerTests
{
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Gives_the_reference_ids_ranges_and_cases_on_the_sample(bool uncased)
    {
        var vectors = TokenizerVectors.SampleWordPiece();

        Assert.InRange(vectors.Count, 350, 500);
        Compare(vectors, TokenizerVectors.Tokenizer(uncased), uncased);
    }

    [ReferenceTheory]
    [InlineData(true)]
    [InlineData(false)]
    public void Gives_the_reference_ids_ranges_and_cases_on_all_reference_texts(bool uncased)
    {
        var vectors = TokenizerVectors.AllWordPiece();
        var vocabulary = Path.Combine(TokenizerVectors.Reference!, "vocab.txt");

        Assert.Equal(8298, vectors.Count);
        Compare(vectors, TokenizerVectors.Tokenizer(uncased, vocabulary: vocabulary), uncased);
    }

    [Fact]
    public void Text_that_spells_a_special_token_is_ordinary_text()
    {
        using var text = TokenizerVectors.Tokenizer().Tokenize("[SEP]");

        Assert.True(text.Tokens.Length > 1);
        Assert.Equal((0, 1), (text.Tokens[0].Start, text.Tokens[0].End));
    }

    [Fact]
    public void A_run_of_marks_is_put_in_canonical_order()
    {
        using var text = TokenizerVectors.Tokenizer().Tokenize("a\u1B44\u0334"); // class 9 before class 1: the mark that stays takes the second place

        Assert.Equal((0, 3), (text.Tokens[0].Start, text.Tokens[^1].End));
    }

    [Fact]
    public void A_text_of_nothing_but_marks_costs_no_more_than_its_length()
    {
        // Putting these two million characters in canonical order, which is quadratic, would keep a core busy for half an hour.
        var text = string.Concat(Enumerable.Repeat("\u1B44\u0334", 1_000_000));

        using var tokenized = TokenizerVectors.Tokenizer().Tokenize(text);

        var token = Assert.Single(tokenized.Tokens.ToArray());
        Assert.Equal("[UNK]", TokenizerVectors.Tokenizer().TokenText(token.Id));
    }

    [Fact]
    public void Reads_the_same_from_tokenizer_json()
    {
        var folder = Directory.CreateTempSubdirectory("mtlstream-tokenizer-");
        try
        {
            var path = Path.Combine(folder.FullName, "tokenizer.json");
            File.WriteAllText(path, Json(lowercase: true));

            var fromJson = TextTokenizer.Load(Settings("tokenizer", path), new TokenizationOptions());

            Compare(TokenizerVectors.SampleWordPiece().Where(vector => vector.Ids.Length < 1000), fromJson, uncased: true);
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    [Fact]
    public void Refuses_a_file_that_contradicts_the_manifest()
    {
        var folder = Directory.CreateTempSubdirectory("mtlstream-tokenizer-");
        try
        {
            var path = Path.Combine(folder.FullName, "tokenizer.json");
            File.WriteAllText(path, Json(lowercase: false));

            var error = Assert.Throws<InvalidDataException>(() => TextTokenizer.Load(Settings("tokenizer", path), new TokenizationOptions()));

            Assert.Contains("lowercase is False, but the manifest says True", error.Message, StringComparison.Ordinal);
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    [Fact]
    public void Refuses_a_kind_it_does_not_know_and_says_which_it_does()
    {
        var settings = Settings("vocab", TokenizerVectors.SampleVocabulary) with { Kind = "unigram-lm" };

        var error = Assert.Throws<InvalidDataException>(() => TextTokenizer.Load(settings, new TokenizationOptions()));

        Assert.Contains("'unigram-lm' is not supported; supported: wordpiece", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Refuses_a_vocabulary_without_the_special_tokens_or_that_is_not_there()
    {
        var path = Path.GetTempFileName();
        try
        {
            File.WriteAllText(path, "[UNK]\nword\n");

            var lacking = Assert.Throws<InvalidDataException>(() => TextTokenizer.Load(Settings("vocab", path), new TokenizationOptions()));
            var missing = Assert.Throws<InvalidDataException>(() => TextTokenizer.Load(Settings("vocab", path + ".gone"), new TokenizationOptions()));
            var unnamed = Assert.Throws<InvalidDataException>(() => TextTokenizer.Load(Settings("merges", path), new TokenizationOptions()));

            Assert.Contains("[CLS]", lacking.Message, StringComparison.Ordinal);
            Assert.Contains(path + ".gone", missing.Message, StringComparison.Ordinal);
            Assert.Contains("merges", unnamed.Message, StringComparison.Ordinal);
        }
        finally
        {
            File.Delete(path);
        }
    }

    [Fact]
    public void Every_code_point_is_of_the_kind_that_it_is_to_the_reference()
    {
        // Each was compared with the reference. Another digest means that the tables of the runtime are newer:
        // what Unicode has taken up since goes to NewerCharacters.
        var map = new CharacterMap(lowercase: true, stripAccents: true);
        var kinds = Enumerable.Range(0, 0x110000).Where(Rune.IsValid).Select(c => (byte)map[c].Kind).ToArray();

        Assert.Equal("C13D4DB6C9975B2D", Convert.ToHexString(SHA256.HashData(kinds))[..16]);
    }

    [Fact]
    public void Fails_loudly_when_unicode_normalization_is_switched_off()
    {
        var error = Assert.Throws<PlatformNotSupportedException>(() => CharacterMap.RequireNormalization("\u00E9"));

        Assert.Contains("InvariantGlobalization", error.Message, StringComparison.Ordinal);
        CharacterMap.RequireNormalization("e\u0301");
    }

    [Fact]
    public void The_text_of_every_range_normalizes_to_its_token()
    {
        var random = new Random(20240917);
        var tokenizer = TokenizerVectors.Tokenizer();
        string[] parts = ["Straße", "ÉCOLE", "naïve", "the", "Running", "unaffable", "日本", "🎉", "\u0301", "\0", "\uD800", "İstanbul", " ", "  ", "\t", ",", "—", "“", "xyz", "ΑΒΓ", "한국", "≮", "１２"];
        for (var round = 0; round < 2000; round++)
        {
            var builder = new StringBuilder();
            for (var i = random.Next(1, 12); i > 0; i--) builder.Append(parts[random.Next(parts.Length)]);
            var text = builder.ToString();

            using var tokenized = tokenizer.Tokenize(text);

            foreach (var token in tokenized.Tokens)
            {
                var spelled = tokenizer.TokenText(token.Id);
                if (spelled == "[UNK]") continue;
                var expected = spelled.Length > 2 ? spelled.Replace("##", "", StringComparison.Ordinal) : spelled;
                var found = Normal(text[token.Start..token.End]);
                // One Hangul syllable is several characters once decomposed; each of them has the syllable's range.
                Assert.True(found == expected || (token.End - token.Start == 1 && found.Contains(expected, StringComparison.Ordinal)), $"{text}: {found} is not {expected}");
            }
        }
    }

    [Theory]
    [InlineData(0)]
    [InlineData(129)]
    [InlineData(200)]
    public void Words_longer_than_there_is_room_for_are_refused_at_load(int chars)
    {
        var path = Path.Combine(Directory.CreateTempSubdirectory("mtlstream-").FullName, "tokenizer.json");
        File.WriteAllText(path, Json(lowercase: true, chars));

        var message = Assert.Throws<InvalidDataException>(() => TextTokenizer.Load(Settings("tokenizer", path), new())).Message;

        Assert.Contains($"model.max_input_chars_per_word is {chars}; expected 1 to 128", message, StringComparison.Ordinal);
        Directory.Delete(Path.GetDirectoryName(path)!, recursive: true);
    }

    [Fact]
    public void A_word_as_long_as_the_file_allows_is_cut_into_pieces()
    {
        var path = Path.Combine(Directory.CreateTempSubdirectory("mtlstream-").FullName, "tokenizer.json");
        File.WriteAllText(path, Json(lowercase: true, 128));
        var tokenizer = TextTokenizer.Load(Settings("tokenizer", path), new());

        using var longest = tokenizer.Tokenize(new string('a', 128));
        using var longer = tokenizer.Tokenize(new string('a', 129));

        Assert.True(longest.Tokens.Length > 1);
        Assert.Equal(1, longer.Tokens.Length);
        Directory.Delete(Path.GetDirectoryName(path)!, recursive: true);
    }

    private static string Normal(string text) =>
        string.Concat(text.Where(c => !char.IsSurrogate(c) || char.IsSurrogatePair(text, Math.Max(0, text.IndexOf(c, StringComparison.Ordinal))))
            .Select(c => c.ToString())).Normalize(NormalizationForm.FormD)
            .Where(c => CharacterMap.CategoryOf(c) is not System.Globalization.UnicodeCategory.NonSpacingMark && c != '\0')
            .Aggregate(new StringBuilder(), (builder, c) => builder.Append(c)).ToString().ToLowerInvariant();

    private static TokenizerSettings Settings(string role, string path) =>
        new("wordpiece", new Dictionary<string, string> { [role] = path }, true, true, true, false, 1 << 20, 0);

    private static string Json(bool lowercase, int maxWordChars = 100)
    {
        var vocabulary = File.ReadAllLines(TokenizerVectors.SampleVocabulary).Select((token, id) => KeyValuePair.Create(token, id));
        return System.Text.Json.JsonSerializer.Serialize(new
        {
            added_tokens = new[] { new { id = 2, content = "[SEP]", special = true } },
            normalizer = new { type = "BertNormalizer", clean_text = true, handle_chinese_chars = true, strip_accents = (bool?)null, lowercase },
            pre_tokenizer = new { type = "BertPreTokenizer" },
            model = new { type = "WordPiece", unk_token = "[UNK]", continuing_subword_prefix = "##", max_input_chars_per_word = maxWordChars, vocab = new Dictionary<string, int>(vocabulary) },
        });
    }

    private static void Compare(IEnumerable<TokenizerVectors.WordPiece> vectors, TextTokenizer tokenizer, bool uncased)
    {
        foreach (var vector in vectors)
        {
            using var tokenized = tokenizer.Tokenize(vector.Text);
            var (ids, ranges) = uncased ? (vector.Ids, vector.Offsets) : (vector.CasedIds, vector.CasedOffsets);
            var tokens = tokenized.Tokens.ToArray();

            var at = $"{vector.Kind}: {System.Text.Json.JsonSerializer.Serialize(vector.Text.Length > 200 ? vector.Text[..200] : vector.Text)}";
            Assert.True(ids.SequenceEqual(tokens.Select(token => token.Id)), at);
            Assert.True(ranges.Select(range => (range[0], range[1])).SequenceEqual(tokens.Select(token => (token.Start, token.End))), at);
            if (uncased) Assert.True(vector.Case.SequenceEqual(tokens.Select(token => (int)token.Case)), at);
        }
    }
}
