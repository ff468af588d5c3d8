using FsCheck.Fluent;
using FsCheck;
using MtlStream.Text;

namespace MtlStream.Tests.Text;

/// <summary>What must hold for every text; FsCheck looks for one for which it does not, and shrinks it.</summary>
public sealed class WordSplitterProperties
{
    private static readonly Config s_thorough = Config.QuickThrowOnFailure.WithMaxTest(20_000);

    private static readonly string[] s_parts =
    [
        "http://", "https://", "www.", "redis://", "mailto:", "data:", "tel:+", "t.co/", "://", "a", "word", "b.com", "@", "#", "!",
        "'", "’", "ʼ", "n", "s", "t", "1", "90", ".", "..", ",", ";", ":", "/", "?", "=", "&", "&gt;", "(", ")", "[", "]", "{", "}",
        "<", ">", "|", "`", "\"", "\\", "*", "_", "~", "-", "\u2011", "–", "—", "…", "«", "»", "“", "”", ":)", "Ph", "D", "é", "日",
        "カ", "，", "。", "🎉", "🇩", "🏽", "\u0301", "\u200D", "\uFE0F", "\u20E3", "\uD800", "\uDC00", "\uFFFD", "\U000E0067", "𝐀",
    ];

    // White space as the splitter knows it: control characters and the zero-width space, too.
    private static readonly string[] s_spaces = [" ", "\n", "\t", "\0", "\u00A0", "\u200B", "\u3000", "\uFEFF", "\u2028"];

    private static readonly Gen<string> s_pieces = Gen.Frequency(
        (8, Gen.Elements(s_parts)), (1, Gen.Choose(0, 0xFFFF).Select(unit => ((char)unit).ToString())));

    private static readonly Arbitrary<string> s_chunks =
        s_pieces.NonEmptyListOf().Select(string.Concat).Where(text => !text.Any(IsSpace)).ToArbitrary();

    private static readonly Arbitrary<string> s_texts =
        Gen.Frequency((6, s_pieces), (2, Gen.Elements(s_spaces))).ListOf().Select(string.Concat).ToArbitrary();

    [Fact]
    public void Words_lie_in_the_text_in_order_and_leave_nothing_but_white_space()
    {
        Check.One(s_thorough, Prop.ForAll(s_texts, text =>
        {
            var at = 0;
            foreach (var (start, end) in WordSplitterTests.Split(text))
            {
                if (start < at || end <= start || end > text.Length || !text[at..start].All(IsSpace)) return false;
                if (text[start..end].Any(c => IsSpace(c) && !WordRules.HasNoWidth(c))) return false;
                at = end;
            }

            return text[at..].All(IsSpace);
        }));
    }

    [Fact]
    public void No_word_begins_or_ends_within_a_character()
    {
        Check.One(s_thorough, Prop.ForAll(s_texts, text => WordSplitterTests.Split(text).All(word =>
            !Within(text, word.Start) && !Within(text, word.End))));

        static bool Within(string text, int at) =>
            at > 0 && at < text.Length && char.IsHighSurrogate(text[at - 1]) && char.IsLowSurrogate(text[at]);
    }

    [Fact]
    public void What_white_space_parts_is_split_alike_together_and_alone()
    {
        Check.One(s_thorough, Prop.ForAll(s_chunks, s_chunks, (first, second) =>
        {
            // Only what ends a text differs: its full stop is a word.
            var together = WordSplitterTests.Split($"{first} {second}");
            var before = WordSplitterTests.Split($"{first} x");
            var after = WordSplitterTests.Split(second).Select(word => (word.Start + first.Length + 1, word.End + first.Length + 1));

            return together.SequenceEqual(before[..^1].Concat(after));
        }));
    }

    [Fact]
    public void White_space_around_a_text_changes_no_word()
    {
        Check.One(s_thorough, Prop.ForAll(s_texts, Gen.Elements(s_spaces).ListOf().Select(string.Concat).ToArbitrary(), (text, space) =>
        {
            var around = WordSplitterTests.Split(space + text + space);

            return around.SequenceEqual(WordSplitterTests.Split(text).Select(word => (word.Start + space.Length, word.End + space.Length)));
        }));
    }

    private static bool IsSpace(char unit) => WordRules.ClassOf(unit) == CharClass.Space;
}
