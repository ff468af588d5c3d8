using System.Text;
using System.Text.Json;
using System.Text.RegularExpressions;
using System.Net;
using MtlStream.Events;
using MtlStream.Host.Lines;
using MtlStream.Host.Pictures;
using MtlStream.Tests.Doubles;
using Spectre.Console;

namespace MtlStream.Tests.Pictures;

public sealed partial class PictureTests
{
    private const string Hostile = "<script>alert('1')</script> & \"x\"\r\n\tEve\u001b[31m \0 \u202ebad\u202c 👨‍👩‍👧 שלום";

    [Fact]
    public void A_text_is_cut_where_labels_begin_and_end_and_nothing_of_it_is_lost()
    {
        const string Text = "a 😀 bcd e";
        var shown = new AnnotatedText(
            Text, [Span(2, 8, "X"), Span(5, 10, "Y"), Span(-3, 1, "Z"), Span(9, 99, "W"), Span(3, 4, "Inside")], [Span(2, 4, "SYM"), Span(5, 8, "NOUN")], []);

        var segments = TextSegment.Of(shown);

        Assert.Equal(Text, string.Concat(segments.Select(s => Text[s.Start..s.End])));
        Assert.DoesNotContain(segments, s => char.IsLowSurrogate(Text[s.Start]));
        Assert.Equal(["Z", "X", "Y", "W"], segments.SelectMany(s => s.Opening).Select(s => s.Label));
        Assert.Equal(["Z", "X", "W", "Y"], segments.SelectMany(s => s.Closing).Select(s => s.Label));
        Assert.Equal(["SYM", "NOUN"], segments.Select(s => s.Tag?.Label).OfType<string>().Distinct());
    }

    [Fact]
    public void Control_characters_are_seen_and_ranges_still_hold()
    {
        var shown = VisibleText.Of(Hostile);

        Assert.Equal(Hostile.Length, shown.Length);
        Assert.DoesNotContain(shown, c => char.IsControl(c) && c is not ('\n' or '\t'));
        Assert.DoesNotContain('\u202e', shown);
        Assert.Contains("\u241b[31m \u2400 ", shown, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("one two three", 8, "one two|three")]
    [InlineData("東京 東京 東京", 9, "東京 東京|東京")] // four cells each
    [InlineData("👨‍👩‍👧 🇩🇪 👍🏽 ok", 8, "👨‍👩‍👧 🇩🇪 👍🏽|ok")] // two cells each
    [InlineData("e\u0301e\u0301 xx", 5, "e\u0301e\u0301 xx")]
    [InlineData("a\n\n  b", 5, "a||  b")]
    [InlineData("aaaaaaaa b", 3, "aaaaaaaa|b")]
    public void Lines_are_cut_at_spaces_by_the_cells_they_take(string text, int width, string lines)
    {
        var wrapped = WordWrap.Lines([new(text, Style.Plain)], width);

        Assert.Equal(lines, string.Join('|', wrapped.Select(l => string.Concat(l.Select(p => p.Text)))));
    }

    [Fact]
    public void A_word_of_several_colours_stays_on_one_line()
    {
        var wrapped = WordWrap.Lines([new("aaa bb", Style.Plain), new("cc", new(Color.Red)), new("!", Style.Plain)], 7);

        Assert.Equal(["aaa", "bbcc!"], wrapped.Select(l => string.Concat(l.Select(p => p.Text))));
    }

    [Theory]
    [InlineData(0, "            ")]
    [InlineData(0.5, "██████      ")]
    [InlineData(0.01, "▏           ")]
    [InlineData(1, "████████████")]
    [InlineData(7, "████████████")]
    public void A_bar_is_as_long_as_the_score(double score, string bar) => Assert.Equal(bar, ScoreBar.Of(score));

    [Fact]
    public void Without_colours_there_is_no_escape_sequence_and_every_label_is_named()
    {
        var picture = Write(new TerminalPicture(Records(), colored: false, 60), Analysed("Ada met Bob.", """
            "pos": {"tags": [{"start": 0, "end": 3, "label": "PROPN"}, {"start": 4, "end": 7, "label": "VERB"}, {"start": 8, "end": 11, "label": "PROPN"}, {"start": 11, "end": 12, "label": "PUNCT"}]},
            "entities": {"spans": [{"start": 0, "end": 3, "label": "PER"}, {"start": 8, "end": 11, "label": "PER"}]},
            "mood": {"label": "calm", "score": 0.5}, "size": {"label": null, "score": 0.125}, "traits": {"labels": [{"label": "静か", "score": 1}, {"label": "odd", "score": 0.75}]}
            """));

        Assert.Equal("""
            [Ada/PROPN](PER) met/VERB [Bob/PROPN](PER).
              mood    calm    ██████       0.50
              size    (none)  █▌           0.13
              traits  静か    ████████████ 1.00
                      odd     █████████    0.75


            """.ReplaceLineEndings("\n"), picture);
    }

    [Fact]
    public void Texts_that_models_wrote_are_shown_below()
    {
        const string Written = "\"german\": {\"text\": \"die <Katze> sitzt\", \"score\": 0.5, \"truncated\": false, \"experimental\": true}";

        Assert.Equal("the cat\n  german  die <Katze> sitzt\n\n", Write(new TerminalPicture(Records(), colored: false, 60), Analysed("the cat", Written)));
        Assert.Contains("<b>german</b> die &lt;Katze&gt; sitzt</p>", Write(new HtmlPage(Records(), "title", new("m", "1", "cpu")), Analysed("the cat", Written)), StringComparison.Ordinal);
    }

    [Fact]
    public void A_narrow_terminal_shows_scores_without_bars()
    {
        var picture = Write(new TerminalPicture(Records(), colored: false, 34), Analysed("the cat", "\"mood\": {\"label\": \"comp.os.ms-windows.misc\", \"score\": 0.5}"));

        Assert.Equal("the cat\n  mood  comp.os.ms-windows.misc  0.50\n\n", picture);
    }

    [Fact]
    public void On_a_terminal_a_text_cannot_write_escape_sequences()
    {
        var picture = Write(new TerminalPicture(Records(), colored: true, 60), Analysed(Hostile, "\"mood\": {\"label\": \"calm\", \"score\": 0.5}"));

        Assert.Contains("\u001b[1m", picture, StringComparison.Ordinal);
        Assert.DoesNotContain("\0", picture, StringComparison.Ordinal);
        Assert.Contains("Eve\u241b[31m", picture, StringComparison.Ordinal);
    }

    [Fact]
    public void A_page_shows_the_text_and_nothing_of_it_is_markup()
    {
        var page = Write(Page(), Analysed(Hostile, "\"mood\": {\"label\": \"<b>\", \"score\": 0.5}"));

        var text = Paragraph().Match(page).Groups[1].Value;
        Assert.Equal(VisibleText.Of(Hostile), WebUtility.HtmlDecode(text));
        Assert.DoesNotContain("<script", page, StringComparison.OrdinalIgnoreCase);
        Assert.DoesNotContain("://", page, StringComparison.Ordinal);
        Assert.Contains("<td>&lt;b&gt;</td>", page, StringComparison.Ordinal);
        Assert.Contains("default-src 'none'", page, StringComparison.Ordinal);
        Assert.EndsWith("<footer>1 text</footer>\n</body>\n</html>\n", page, StringComparison.Ordinal);
    }

    [Fact]
    public void Spans_that_cross_are_nested_elements_on_a_page()
    {
        var page = Write(Page(), Analysed("one two three", """
            "a": {"spans": [{"start": 0, "end": 7, "label": "A"}]}, "b": {"spans": [{"start": 4, "end": 13, "label": "B"}]}
            """));

        var marks = Titles().Replace(Paragraph().Match(page).Groups[1].Value, "");
        Assert.Equal("<mark class=\"e0\">one <mark class=\"e1\">two</mark><b>A</b></mark><mark class=\"e1\"> three<b>B</b></mark>", marks);
    }

    [Fact]
    public void A_page_without_texts_is_a_page()
    {
        using var output = new MemoryStream();
        using var sink = new LineSink(output, Stream.Null, TimeProvider.System, Page());

        sink.Complete();

        var page = Encoding.UTF8.GetString(output.ToArray());
        Assert.StartsWith("<!DOCTYPE html>", page, StringComparison.Ordinal);
        Assert.Contains("<title>a &amp; b – MtlStream</title>", page, StringComparison.Ordinal);
        Assert.Contains("<footer>0 texts</footer>", page, StringComparison.Ordinal);
    }

    [Fact]
    public void Every_event_of_an_array_is_a_text_and_an_older_analysis_inside_is_none()
    {
        var analysis = """{"schema": "enriched-event.v1", "tasks": {"mood": {"label": "calm"}}}""";
        var old = """{"schema": "enriched-event.v1", "tasks": {"mood": {"label": "old"}}}""";
        var source = Make.Record(0, $$"""[{"before": {"analysis": {{old}}}, "text": "a"}, null, {"text": "b"}]""");
        var answer = $$"""[{"before": {"analysis": {{old}}}, "text": "a", "analysis": {{analysis}}}, null, {"text": "b", "analysis": {{analysis}}}]""";
        var records = new AnnotatedRecords(new() { WithoutText = TextlessEvents.Pass });

        var texts = records.Of(new(Destination.Results, Encoding.UTF8.GetBytes(answer), [], source));

        Assert.Equal(["a", "b"], texts.Select(t => t.Text));
        Assert.All(texts, t => Assert.Equal("calm", Assert.Single(t.Labels).Label));
    }

    private static LabelledRange Span(int start, int end, string label) => new("task", start, end, label, null);

    private static AnnotatedRecords Records() => new(new());

    private static HtmlPage Page() => new(Records(), "a & b", new("toy", "1", "cpu"));

    private static OutboundRecord Analysed(string text, string tasks)
    {
        var json = JsonSerializer.Serialize(text);
        var answer = $$"""{"text": {{json}}, "analysis": {"schema": "enriched-event.v1", "tasks": { {{tasks}} } } }""";
        return new(Destination.Results, Encoding.UTF8.GetBytes(answer), [], Make.Record(0, $$"""{"text": {{json}}}"""));
    }

    private static string Write(ResultFormat format, OutboundRecord result)
    {
        using var output = new MemoryStream();
        format.Begin(output);
        format.Write(result, output);
        format.End(output);
        return Encoding.UTF8.GetString(output.ToArray());
    }

    [GeneratedRegex("<p class=\"text\" dir=\"auto\">(.*?)</p>", RegexOptions.Singleline)]
    private static partial Regex Paragraph();

    [GeneratedRegex(" title=\"[^\"]*\"")]
    private static partial Regex Titles();
}
