using System.Diagnostics;
using MtlStream.Text;

namespace MtlStream.Tests.Text;

public sealed class WordSplitterTests
{
    [Fact]
    public void Finds_the_words_of_the_sample()
    {
        var vectors = TokenizerVectors.SampleWords();

        Assert.InRange(vectors.Count, 600, 2000);
        foreach (var vector in vectors)
        {
            var expected = vector.Ranges.Select(range => (Start: range[0], End: range[1])).ToList();
            var found = Split(vector.Text);
            var difference = $"{vector.Kind}: {Show(vector.Text, expected)} but found {Show(vector.Text, found)}";
            Assert.True(expected.SequenceEqual(found), difference);
        }
    }

    [Theory]
    [InlineData("don't", "do n't")]
    [InlineData("It’s Ann's", "It ’s Ann 's")]
    [InlineData("gonna cannot", "gon na can not")]
    [InlineData("@ann: #Fun :-) http://t.co/x.", "@ann : #Fun :-) http://t.co/x .")]
    [InlineData("👍🏽👨‍👩‍👧🇺🇸 ok", "👍🏽 👨‍👩‍👧 🇺🇸 ok")]
    [InlineData("Mr. X left the U.S. at 5pm.", "Mr. X left the U.S. at 5 pm .")]
    public void Splits_as_the_treebank_does(string text, string expected) => Check(text, expected);

    [Theory]
    [InlineData(
        "https://en.wikipedia.org/wiki/Terminator_(franchise)",
        "https://en.wikipedia.org/wiki/Terminator_(franchise)")]
    [InlineData("(see https://a.org/x_(y)).", "( see https://a.org/x_(y) ) .")]
    [InlineData("[https://a.org/x_[y]] {https://a.org/{id}}", "[ https://a.org/x_[y] ] { https://a.org/{id} }")]
    [InlineData("(https://a.org/x)y https://a.org/x(y z)", "( https://a.org/x ) y https://a.org/x ( y z )")]
    [InlineData("https://a.org(note) https://a.org/?q[]=1", "https://a.org ( note ) https://a.org/?q[]=1")]
    [InlineData("[![x](https://a.org/x.svg)](https://a.org)", "[ ! [ x ] ( https://a.org/x.svg ) ] ( https://a.org )")]
    [InlineData("http://[::1]:80/x en.wikipedia.org/wiki/A_(b)", "http://[::1]:80/x en.wikipedia.org/wiki/A_(b)")]
    public void An_address_keeps_the_brackets_that_it_opens(string text, string expected) => Check(text, expected);

    [Theory]
    [InlineData(
        "“https://a.org/x” »https://a.org/x« ‹https://a.org/x›",
        "“ https://a.org/x ” » https://a.org/x « ‹ https://a.org/x ›")]
    [InlineData(
        "`https://a.org/x` 「https://a.org/x」 ‘https://a.org/x’",
        "` https://a.org/x ` 「 https://a.org/x 」 ‘ https://a.org/x ’")]
    [InlineData(
        "„https://a.org/x“ 'https://a.org/x','https://b.org'",
        "„ https://a.org/x “ ' https://a.org/x ' , ' https://b.org '")]
    [InlineData("https://a.org/x's https://a.org/I'm", "https://a.org/x 's https://a.org/I'm")]
    [InlineData(
        "https://a.org/x🎉 https://a.org❤️ https://✪df.ws/1",
        "https://a.org/x 🎉 https://a.org ❤️ https://✪df.ws/1")]
    [InlineData(
        "https://a.org/x，b https://a.org/x。 （https://a.org/x）",
        "https://a.org/x ， b https://a.org/x 。 （ https://a.org/x ）")]
    [InlineData(
        "https://a.org/x—so https://a.org/x… https://a.org/a–b",
        "https://a.org/x — so https://a.org/x … https://a.org/a–b")]
    [InlineData("https://a.org/x™ https://a.org/x® ©https://a.org", "https://a.org/x ™ https://a.org/x ® © https://a.org")]
    [InlineData("https://a.org/x|y https://a.org/x\\n", "https://a.org/x | y https://a.org/x \\ n")]
    [InlineData(
        "**https://a.org/x** _https://a.org/x_ https://a.org/x_",
        "** https://a.org/x ** _ https://a.org/x _ https://a.org/x_")]
    [InlineData("https://a.org/x&gt; https://a.org/?a=1&amp;b=2", "https://a.org/x & gt ; https://a.org/?a=1&amp;b=2")]
    [InlineData(
        "https://a.org,https://b.org https://a.org/xhttps://b.org",
        "https://a.org , https://b.org https://a.org/x https://b.org")]
    [InlineData("==https://a.org/x== https://a.org/x🏽 https://a.org/?q=YQ==", "== https://a.org/x == https://a.org/x 🏽 https://a.org/?q=YQ==")]
    [InlineData(".@jo.doe@mail.example.org .@ann: .example.org", ". @jo.doe@mail.example.org . @ann : .example.org")]
    [InlineData("https://t.co/abc#Fun https://t.co/abc's", "https://t.co/abc #Fun https://t.co/abc 's")]
    [InlineData(
        "https://a.org/x, https://a.org/x:) https://a.org/日本",
        "https://a.org/x , https://a.org/x :) https://a.org/日本")]
    public void An_address_ends_before_what_closes_it(string text, string expected) => Check(text, expected);

    [Theory]
    [InlineData("`")]
    [InlineData("•")]
    [InlineData("url=")]
    [InlineData("«")]
    [InlineData("—")]
    [InlineData("–")]
    [InlineData("→")]
    [InlineData("·")]
    [InlineData("&")]
    [InlineData("+")]
    [InlineData("/")]
    [InlineData("#")]
    [InlineData("@")]
    [InlineData("$")]
    [InlineData("\\")]
    [InlineData("~")]
    [InlineData("¿")]
    [InlineData("▶")]
    [InlineData("🎉")]
    [InlineData("日")]
    [InlineData("の")]
    [InlineData("more")]
    [InlineData("8")]
    [InlineData("｜")]
    public void An_address_is_found_behind_any_character(string opening)
    {
        var text = opening + "https://a.org/x";

        var words = Split(text);

        Assert.Equal((opening.Length, text.Length), words[^1]);
    }

    [Theory]
    [InlineData("redis://h:6379/0 ws://h/x file:///tmp/x", "redis://h:6379/0 ws://h/x file:///tmp/x")]
    [InlineData("git+ssh://git@h/a.git jdbc:mysql://h/d s3://b/k", "git+ssh://git@h/a.git jdbc:mysql://h/d s3://b/k")]
    [InlineData("(redis://h) `ws://h` redis://{host}:6379/0", "( redis://h ) ` ws://h ` redis://{host}:6379/0")]
    [InlineData(
        "magnet:?xt=urn:btih:a tel:+123 urn:isbn:1 mailto:a@b.org",
        "magnet:?xt=urn:btih:a tel:+123 urn:isbn:1 mailto:a@b.org")]
    [InlineData(":// foo:// a:/ :-//", ": // foo : // a :/ : - //")]
    public void Other_schemes_are_addresses_and_make_no_smileys(string text, string expected) => Check(text, expected);

    [Theory]
    [InlineData("<https://a.org/x|the page>", "< https://a.org/x | the page >")]
    [InlineData(
        "<mailto:a@b.org|a@b.org> <@U123|jo> <#C123|all>",
        "< mailto:a@b.org | a@b.org > < @U123 | jo > < #C123 | all >")]
    public void A_link_and_its_label_are_apart(string text, string expected) => Check(text, expected);

    [Theory]
    [InlineData("@1310kfkanews: #100DaysOfCode #90s", "@1310kfkanews : #100DaysOfCode #90s")]
    [InlineData("@7_eleven @3M @50cent's #3D (#1st)", "@7_eleven @3M @50cent 's #3D ( #1st )")]
    [InlineData("#1 #2020 #1_000 #_ @123", "# 1 # 2020 # 1 _ 000 # _ @ 123")]
    [InlineData("@5pm @9am @10k @2.975", "@ 5 pm @ 9 am @ 10 k @ 2.975")]
    [InlineData("#カタカナ #日本語 ＃ｔａｇ", "#カタカナ #日本語 ＃ｔａｇ")]
    public void A_tag_may_begin_with_a_digit_and_has_a_letter(string text, string expected) => Check(text, expected);

    [Theory]
    [InlineData(
        "@user@example.social. (@jo.doe@mail.example.org)",
        "@user@example.social . ( @jo.doe@mail.example.org )")]
    [InlineData(
        "@user@example.social's .@a_b@c.d !news@lemmy.world",
        "@user@example.social 's . @a_b@c.d !news@lemmy.world")]
    [InlineData(
        "@user:matrix.org @ann.example.com @ann. @ann.Then",
        "@user:matrix.org @ann.example.com @ann . @ann . Then")]
    public void A_handle_with_its_server_is_one_word(string text, string expected) => Check(text, expected);

    [Theory]
    [InlineData("#️⃣ *️⃣ 1️⃣2️⃣ 10️⃣ #⃣", "#️⃣ *️⃣ 1️⃣ 2️⃣ 1 0️⃣ #⃣")]
    [InlineData("a1️⃣#️⃣tag 🙂‍↔️ ㊗️ ‼️ 🏴󠁧󠁢󠁥󠁮󠁧󠁿", "a 1️⃣ #️⃣ tag 🙂‍↔️ ㊗️ ‼️ 🏴󠁧󠁢󠁥󠁮󠁧󠁿")]
    public void Each_picture_is_one_word(string text, string expected) => Check(text, expected);

    [Theory]
    [InlineData("a Ph.D. in, Ph.D.s Ph.D's B.Sc. LL.M. Psy.D.", "a Ph.D. in , Ph.D.s Ph.D 's B.Sc. LL.M. Psy.D.")]
    [InlineData("I have a Ph.D.", "I have a Ph.D.")]
    [InlineData("rock 'n' roll, drum’n’bass, R'n'B", "rock 'n' roll , drum ’n’ bass , R 'n' B")]
    [InlineData("Rock ʼNʼ Roll, Guns N' Roses, fish 'n chips", "Rock ʼNʼ Roll , Guns N' Roses , fish 'n chips")]
    public void Small_words_with_marks_are_whole(string text, string expected) => Check(text, expected);

    [Theory]
    [InlineData("non‑profit e‐mail well‑known", "non‑profit e‐mail well ‑ known")]
    [InlineData("555‑1234 2020‑01‑02 10‑15", "555‑1234 2020‑01‑02 10 ‑ 15")]
    public void Every_hyphen_is_a_hyphen(string text, string expected) => Check(text, expected);

    [Theory]
    [InlineData("donʼt itʼs OʼNeill ʼtis", "do nʼt it ʼs OʼNeill ʼtis")]
    [InlineData("don＇t don‛t don‘t don′t don´t don`t", "do n＇t do n‛t do n‘t do n′t do n´t do n`t")]
    [InlineData("see`code` пʼять сімʼя", "see ` code ` пʼять сімʼя")]
    public void Every_apostrophe_is_an_apostrophe(string text, string expected) => Check(text, expected);

    [Theory]
    [InlineData("wo\u200Brd here", "wo\u200Brd here")]
    [InlineData("i\u200Bd\uFEFFi\u200B\u200Bo\u200Bt!", "i\u200Bd\uFEFFi\u200B\u200Bo\u200Bt !")]
    [InlineData("co\u00ADop a\u200Db c\u200Cd w\u2060o", "co\u00ADop a\u200Db c\u200Cd w\u2060o")]
    [InlineData("#t\u200Bag wo\u200Brd.com", "#t\u200Bag wo\u200Brd.com")]
    [InlineData("слo\u200Bво Ε\u200Bν", "слo\u200Bво Ε\u200Bν")]
    public void Within_a_word_nobody_sees_a_space_without_width(string text, string expected) => Check(text, expected);

    [Theory]
    [InlineData("one \u200B two\u200B three", "one two three")]
    [InlineData("\uFEFFgood, \u200Bday\u200B", "good , day")]
    [InlineData("a,\u200Bb c\u200B,d 5\u200Bpm", "a , b c , d 5 pm")]
    [InlineData("https://a.org/x\u200By a.b\u200Bc", "https://a.org/x y a.b c")]
    [InlineData("🎉\u200Bgood ภาษา\u200Bไทย", "🎉 good ภาษา ไทย")]
    public void Elsewhere_it_parts_words_as_any_space_does(string text, string expected) => Check(text, expected);

    [Theory]
    [InlineData("a\u200B")]
    [InlineData("a\u200B\uFEFF.")]
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
    [InlineData("http://a/(")]
    [InlineData("http://a/([{")]
    [InlineData("a://b")]
    [InlineData("data:")]
    [InlineData("urn:a")]
    [InlineData("www.a.b🎉")]
    [InlineData("#t.co/")]
    [InlineData("@a.b-")]
    [InlineData("://")]
    [InlineData("#1️⃣")]
    public void Reads_a_megabyte_without_white_space_in_linear_time(string pattern)
    {
        var text = string.Concat(Enumerable.Repeat(pattern, (1 << 20) / pattern.Length));
        var started = Stopwatch.StartNew();

        var words = new WordSplitter(text);
        while (words.TryNext(out _, out _))
        {
        }

        // Milliseconds; quadratic time would be hours.
        Assert.True(started.Elapsed < TimeSpan.FromMinutes(2), $"took {started.Elapsed}");
    }

    internal static List<(int Start, int End)> Split(string text)
    {
        var found = new List<(int, int)>();
        var words = new WordSplitter(text);
        while (words.TryNext(out var start, out var end)) found.Add((start, end));
        return found;
    }

    private static void Check(string text, string expected) => Assert.Equal(expected, Show(text, Split(text)));

    private static string Show(string text, IEnumerable<(int Start, int End)> words) =>
        string.Join(' ', words.Select(word => text[word.Start..word.End]));
}
