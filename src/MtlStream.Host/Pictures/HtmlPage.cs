using System.Globalization;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Unicode;
using MtlStream.Events;
using MtlStream.Host.Lines;
using MtlStream.Models;

namespace MtlStream.Host.Pictures;

/// <summary>Texts as a page of its own: no script, nothing from another host, every text escaped.</summary>
/// <param name="title">What the page is called; the name of the input.</param>
internal sealed class HtmlPage(AnnotatedRecords records, string title, ModelIdentity model) : ResultFormat
{
    private const int SpanColors = 6; // classes e0 to e5 of the style sheet

    // Letters as they are; only what has a meaning in HTML is escaped.
    private static readonly HtmlEncoder s_escape = HtmlEncoder.Create(UnicodeRanges.All);

    private readonly LabelPalette _palette = new(SpanColors);
    private int _texts;

    public override void Begin(Stream output)
    {
        var page = new StringBuilder();
        page.Append(CultureInfo.InvariantCulture, $"""
            <!DOCTYPE html>
            <html lang="en">
            <head>
            <meta charset="utf-8">
            <meta name="viewport" content="width=device-width, initial-scale=1">
            <meta name="color-scheme" content="light dark">
            <meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
            <title>{Escape(title)} – MtlStream</title>
            <style>
            {HtmlStyle.Sheet}
            </style>
            </head>
            <body>
            <header>
            <h1>{Escape(title)}</h1>
            <p class="about">What {Escape(model.Name)} {Escape(model.Version)} says of each text.</p>
            <p class="legend">
            """);
        for (var i = 0; i < WordClasses.Names.Count; i++) page.Append(CultureInfo.InvariantCulture, $"""<i class="w{i}">{WordClasses.Names[i]}</i> """);
        page.Append("""
            <label><input type="checkbox" id="names"> name every part of speech</label></p>
            </header>
            <main>

            """);
        Write(page, output);
    }

    public override void Write(OutboundRecord result, Stream output)
    {
        foreach (var text in records.Of(result))
        {
            _texts++;
            var article = new StringBuilder("<article>\n<p class=\"text\" dir=\"auto\">");
            AppendText(text, article);
            article.Append("</p>\n");
            if (text.Labels.Count > 0) AppendLabels(text, article);
            foreach (var written in text.Written)
                article.Append(CultureInfo.InvariantCulture, $"<p class=\"written\" dir=\"auto\"><b>{Escape(written.Task)}</b> {Escape(written.Text)}</p>\n");
            Write(article.Append("</article>\n"), output);
        }
    }

    public override void End(Stream output) => Write(
        new StringBuilder().Append(CultureInfo.InvariantCulture, $"</main>\n<footer>{_texts:N0} {(_texts == 1 ? "text" : "texts")}</footer>\n</body>\n</html>\n"), output);

    private void AppendText(AnnotatedText shown, StringBuilder page)
    {
        var text = VisibleText.Of(shown.Text);
        var open = new List<LabelledRange>();
        foreach (var segment in TextSegment.Of(shown))
        {
            foreach (var span in segment.Opening) Open(span, open, page);
            AppendWord(text[segment.Start..segment.End], segment.Tag, page);
            foreach (var span in segment.Closing) Close(span, open, page);
        }
    }

    private void Open(LabelledRange span, List<LabelledRange> open, StringBuilder page)
    {
        open.Add(span);
        page.Append(CultureInfo.InvariantCulture, $"<mark class=\"e{_palette[span.Label]}\" title=\"{Escape(Tip(span))}\">");
    }

    // Spans that cross are cut: elements only nest.
    private void Close(LabelledRange span, List<LabelledRange> open, StringBuilder page)
    {
        var at = open.LastIndexOf(span);
        var crossing = open[(at + 1)..];
        open.RemoveRange(at, open.Count - at);
        page.Append(CultureInfo.InvariantCulture, $"{string.Concat(crossing.Select(_ => "</mark>"))}<b>{Escape(span.Label)}</b></mark>");
        foreach (var other in crossing) Open(other, open, page);
    }

    private static void AppendWord(string word, LabelledRange? tag, StringBuilder page)
    {
        if (tag is null)
        {
            page.Append(Escape(word));
            return;
        }

        var known = WordClasses.Of(tag) is { } number ? string.Create(CultureInfo.InvariantCulture, $" class=\"w{number}\"") : "";
        page.Append(CultureInfo.InvariantCulture, $"<i{known} data-tag=\"{Escape(tag.Label)}\" title=\"{Escape(Tip(tag))}\">{Escape(word)}</i>");
    }

    private static void AppendLabels(AnnotatedText shown, StringBuilder page)
    {
        page.Append("<table>\n");
        var before = "";
        foreach (var label in shown.Labels)
        {
            var task = label.Task == before ? "" : label.Task;
            before = label.Task;
            var kind = label.Given && label.Label is not null ? "" : " class=\"other\"";
            page.Append(CultureInfo.InvariantCulture, $"<tr{kind}><th scope=\"row\">{Escape(task)}</th><td>{Breakable(label.Label ?? "none of its labels")}</td>");
            page.Append(label.Score is { } score ? Bar(score) : "<td></td><td></td>").Append("</tr>\n");
        }

        page.Append("</table>\n");
    }

    private static string Bar(double score) => string.Create(
        CultureInfo.InvariantCulture,
        $"<td class=\"bar\"><span style=\"width:{Math.Clamp(score, 0, 1) * 100:0.#}%\"></span></td><td class=\"score\">{ScoreBar.Number(score)}</td>");

    private static string Tip(LabelledRange range) => range.Score is { } score ? $"{range.Task}: {range.Label} {ScoreBar.Number(score)}" : $"{range.Task}: {range.Label}";

    // Names of labels are long, and have no spaces.
    private static string Breakable(string label) =>
        Escape(label).Replace(".", ".<wbr>", StringComparison.Ordinal).Replace("_", "_<wbr>", StringComparison.Ordinal);

    private static string Escape(string text) => s_escape.Encode(VisibleText.Of(text));

    private static void Write(StringBuilder page, Stream output) => output.Write(Encoding.UTF8.GetBytes(page.ToString()));
}
