using System.Globalization;
using CsvHelper;
using CsvHelper.Configuration;
using MtlStream.Events;
using MtlStream.Host.Pictures;
using MtlStream.Tasks;

namespace MtlStream.Host.Lines;

/// <summary>Results as rows: the columns of the input, or the text, and behind them what each task says.</summary>
/// <remarks>
/// A task of the whole text has a column for its labels and one, <c>_score</c>, for their probabilities; several are separated by
/// <c>|</c>. Ranges are <c>LABEL:words</c>, separated likewise.
/// </remarks>
/// <param name="columns">Of the input; null where it is no table.</param>
internal sealed class CsvColumns(AnnotatedRecords records, IReadOnlyList<string>? columns, IReadOnlyList<ModelTask> tasks, char delimiter) : ResultFormat
{
    private const char Separator = '|';

    private readonly CsvConfiguration _settings = new(CultureInfo.InvariantCulture) { Delimiter = delimiter.ToString(), NewLine = "\n" };

    public override void Begin(Stream output)
    {
        var names = new List<string>(columns ?? ["text"]);
        foreach (var name in tasks.SelectMany(ColumnsOf)) names.Add(names.Contains(name) ? "mtlstream_" + name : name);
        Write([names.Select(ByteText.Of)], output);
    }

    public override void Write(OutboundRecord result, Stream output)
    {
        var texts = records.Of(result);
        if (result.Source.Correlation is CsvRow row)
        {
            var before = row.Fields.Concat(Enumerable.Repeat("", columns!.Count - row.Fields.Count));
            Write([before.Concat(tasks.SelectMany(task => Labels(task, texts.Count > 0 ? texts[0] : null)))], output);
            return;
        }

        Write(texts.Select(text => tasks.SelectMany(task => Labels(task, text)).Prepend(ByteText.Of(text.Text))), output);
    }

    private static IEnumerable<string> ColumnsOf(ModelTask task) => task is TokenLabelTask ? [task.Name] : [task.Name, task.Name + "_score"];

    private static IEnumerable<string> Labels(ModelTask task, AnnotatedText? text)
    {
        if (text is null) return ColumnsOf(task).Select(_ => "");
        if (task is TokenLabelTask)
        {
            var ranges = text.Spans.Concat(text.Tags).Where(r => r.Task == task.Name);
            return [ByteText.Of(string.Join(Separator, ranges.Select(r => $"{r.Label}:{text.Text[r.Start..r.End]}")))];
        }

        var labels = text.Labels.Where(l => l.Task == task.Name && l.Given).ToList();
        var scores = labels.Select(l => l.Score?.ToString("0.####", CultureInfo.InvariantCulture));
        return [ByteText.Of(string.Join(Separator, labels.Select(l => l.Label))), string.Join(Separator, scores)];
    }

    private void Write(IEnumerable<IEnumerable<string>> rows, Stream output)
    {
        using var written = new StringWriter(CultureInfo.InvariantCulture);
        using var csv = new CsvWriter(written, _settings);
        foreach (var row in rows)
        {
            foreach (var field in row) csv.WriteField(field);
            csv.NextRecord();
        }

        csv.Flush();
        output.Write(ByteText.Encoding.GetBytes(written.ToString()));
    }
}
