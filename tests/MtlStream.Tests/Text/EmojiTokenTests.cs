namespace MtlStream.Tests.Text;

/// <summary>Emoji as tokens of a vocabulary that has some.</summary>
public sealed class EmojiTokenTests : IDisposable
{
    private readonly string _vocabulary = Path.GetTempFileName();

    public EmojiTokenTests() => File.WriteAllLines(_vocabulary, ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "hi", "👍", "❤", "👩", "🇺🇸", "🤷"]);

    public void Dispose() => File.Delete(_vocabulary);

    [Theory]
    [InlineData("hi 👍", "hi 👍")]
    [InlineData("hi👍👍hi", "hi 👍 👍 hi")]
    [InlineData("hi 👍🏽", "hi 👍")]
    [InlineData("❤️ ❤", "❤ ❤")]
    [InlineData("👩‍👩‍👧 👩🏿‍🚀", "👩 👩")]
    [InlineData("🤷🏼‍♀️", "🤷")]
    [InlineData("🇺🇸", "🇺🇸")]
    [InlineData("🇫🇷 😡 hihi", "[UNK] [UNK] [UNK]")]
    public void An_emoji_is_a_token_and_its_variants_are_read_as_it(string text, string tokens)
    {
        var tokenizer = TokenizerVectors.Tokenizer(splitWords: true, vocabulary: _vocabulary, emojiVariants: true);
        using var read = tokenizer.Tokenize(text);

        Assert.Equal(tokens, string.Join(' ', read.Tokens.ToArray().Select(t => tokenizer.TokenText(t.Id))));
    }

    [Fact]
    public void The_token_covers_the_whole_emoji()
    {
        const string Text = "hi 👩🏿‍🚀";
        using var read = TokenizerVectors.Tokenizer(splitWords: true, vocabulary: _vocabulary, emojiVariants: true).Tokenize(Text);

        Assert.Equal((3, Text.Length), (read.Tokens[1].Start, read.Tokens[1].End));
        Assert.Equal((3, Text.Length), (read.Words[1].Start, read.Words[1].End));
    }

    [Fact]
    public void Without_the_setting_a_variant_is_unknown()
    {
        var tokenizer = TokenizerVectors.Tokenizer(splitWords: true, vocabulary: _vocabulary);
        using var read = tokenizer.Tokenize("👍🏽");

        Assert.Equal(tokenizer.UnknownId, Assert.Single(read.Tokens.ToArray()).Id);
    }
}
