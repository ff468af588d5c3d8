using FsCheck.Fluent;
using FsCheck;
using MtlStream.Text;

namespace MtlStream.Tests.Text;

public sealed class ReadableTextTests
{
    private static readonly string[] s_parts =
    [
        "you", "'re", "an", "idiot", " ", " ", ".", "ｉｄｉｏｔ", "𝐢𝐝𝐢𝐨𝐭", "𝚒", "ⓘ", "🅸", "ﬃ", "&amp;", "&lt;", "&#39;", "&#128512;",
        "&", "amp;", "&#x1D422;", "і", "о", "привет", "，", "！", "\u200B", "\uD835", "é", "\u0301", "日", "🎉",
    ];

    private static readonly Arbitrary<string> s_texts = Gen.Elements(s_parts).ListOf().Select(string.Concat).ToArbitrary();

    [Theory]
    [InlineData("Ｙｏｕ ａｒｅ ａｎ ｉｄｉｏｔ！", "You are an idiot!")]
    [InlineData("𝐘𝐨𝐮'𝐫𝐞 𝗮𝗻 𝒊𝒅𝒊𝒐𝒕", "You're an idiot")]
    [InlineData("ⓘⓓⓘⓞⓣ 🅸🅳🅸🅾🆃 🄸🄳🄸🄾🅃 ⒤⒟⒤⒪⒯", "idiot IDIOT IDIOT idiot")]
    [InlineData("ɪᴅɪᴏᴛ ᴵᴰᴵᴼᵀ ᵢdᵢoₜ ℐ𝒟ℐ𝒪𝒯", "idiot IDIOT idiot IDIOT")]
    [InlineData("ﬁve ｇｕｙｓ ＠ａｎｎ ＃ｔａｇ ９０ｓ 𝟗", "five guys @ann #tag 90s 9")]
    [InlineData("іdiоt idіot", "idiot idiot")]
    [InlineData("ｄｏｎ＇ｔ donʼt ｅ‐ｍａｉｌ", "don't don't e-mail")]
    public void Look_alike_letters_and_marks_are_read_as_plain_ones(string text, string plain)
    {
        var tokenizer = Folding();
        using var expected = tokenizer.Tokenize(plain);
        using var found = tokenizer.Tokenize(text);

        Assert.Equal(Read(expected), Read(found));
        Assert.Equal(expected.Words.Length, found.Words.Length);

        static IEnumerable<(int, byte)> Read(TokenizedText text) => text.Tokens.ToArray().Select(token => (token.Id, token.Case));
    }

    [Theory]
    [InlineData("привет мир")]
    [InlineData("① first x² ™ № 🅰️ ℹ️ Ⓜ️ …½ Ω µ ª º 日本 カタカナ")]
    [InlineData("“quoted” — naïve 🎉 🇺🇸")]
    public void What_is_no_look_alike_stays_as_it_is(string text)
    {
        using var read = ReadableText.Of(text, letters: true, html: false);

        Assert.Equal(text, read is null ? text : read.Units.ToString());
    }

    [Fact]
    public void Ranges_are_those_of_the_original()
    {
        const string text = "𝐘𝐨𝐮 ﬁx Ｕ.Ｓ.";
        using var found = Folding().Tokenize(text);

        Assert.Equal(["𝐘𝐨𝐮", "ﬁx", "Ｕ.Ｓ", "."], found.Words.ToArray().Select(word => text[word.Start..word.End]));
    }

    [Fact]
    public void Without_the_manifest_asking_for_it_letters_stay_as_they_are()
    {
        using var text = TokenizerVectors.Tokenizer(splitWords: true).Tokenize("ｔｈｅ");

        Assert.NotEqual("the", TokenizerVectors.Tokenizer().TokenText(text.Tokens[0].Id));
    }

    [Theory]
    [InlineData("Ben &amp; Jerry's &lt;3", "Ben|&amp;|Jerry|'s|&lt;3")]
    [InlineData("don&#39;t don&rsquo;t it&#x2019;s it&#146;s", "do|n&#39;t|do|n&rsquo;t|it|&#x2019;s|it|&#146;s")]
    [InlineData("a&nbsp;b &quot;c&quot; &hellip;", "a|b|&quot;|c|&quot;|&hellip;")]
    [InlineData("https://a.org/?b=1&amp;c=2 &commat;ann &num;tag", "https://a.org/?b=1&amp;c=2|&commat;ann|&num;tag")]
    [InlineData("R&D AT&T &unknown; &#; &#xD800; &#0;x", "R&D|AT&T|&|unknown|;|&|#|;|&#0;x")]
    [InlineData("fish &amp chips &lt 3", "fish|&amp|chips|&lt|3")]
    [InlineData("&amp;lt; is twice", "&amp;|lt|;|is|twice")]
    [InlineData("&#x1F600; &#128512;", "&#x1F600;|&#128512;")]
    public void Entities_of_html_are_read_on_request_and_move_no_range(string text, string expected)
    {
        using var found = Folding().Tokenize(text, html: true);

        Assert.Equal(expected, string.Join('|', found.Words.ToArray().Select(word => text[word.Start..word.End])));
    }

    [Fact]
    public void Entities_are_text_unless_asked_for()
    {
        const string text = "Ben &amp; Jerry";
        using var found = Folding().Tokenize(text);

        Assert.Equal(["Ben", "&", "amp", ";", "Jerry"], found.Words.ToArray().Select(word => text[word.Start..word.End]));
    }

    [Fact]
    public void Words_and_tokens_lie_in_the_original_in_order()
    {
        var tokenizer = Folding();
        Check.One(Config.QuickThrowOnFailure.WithMaxTest(5000), Prop.ForAll(s_texts, text =>
        {
            using var found = tokenizer.Tokenize(text, html: true);
            var at = 0;
            foreach (var word in found.Words)
            {
                if (word.Start < at || word.End <= word.Start || word.End > text.Length) return false;
                at = word.End;
            }

            at = 0;
            foreach (var token in found.Tokens)
            {
                if (token.Start < at || token.End <= token.Start || token.End > text.Length) return false;
                at = token.Start;
            }

            return true;
        }));
    }

    [Fact]
    public void Text_before_and_behind_what_is_folded_has_the_tokens_that_it_has_alone()
    {
        var tokenizer = Folding();
        Check.One(Config.QuickThrowOnFailure.WithMaxTest(2000), Prop.ForAll(s_texts, text =>
        {
            using var found = tokenizer.Tokenize($"good {text} {text}", html: true);
            using var alone = tokenizer.Tokenize($"{text}\n{text}", html: true);

            return found.Tokens.Length == alone.Tokens.Length + 1 && found.Tokens[0].End == 4;
        }));
    }

    [Theory]
    [InlineData("&")]
    [InlineData("&amp")]
    [InlineData("&#")]
    [InlineData("&a")]
    [InlineData("аa")]
    [InlineData("ａ")]
    public void A_million_characters_are_one_pass(string pattern)
    {
        var text = string.Concat(Enumerable.Repeat(pattern, 1_000_000 / pattern.Length));
        var started = System.Diagnostics.Stopwatch.StartNew();

        using var read = ReadableText.Of(text, letters: true, html: true);

        Assert.True(started.Elapsed < TimeSpan.FromMinutes(2), $"took {started.Elapsed}");
    }

    private static TextTokenizer Folding() => TokenizerVectors.Tokenizer(splitWords: true, foldLetters: true);
}
