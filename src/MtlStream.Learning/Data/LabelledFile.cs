using System.Globalization;
using System.Text.Json;
using CsvHelper;
using CsvHelper.Configuration;

namespace MtlStream.Learning.Data;

/// <summary>Which part of a record is the text, and which the label: names of columns, or JSON pointers.</summary>
public sealed record LabelledColumns(string Text = "text", string Label = "label");

/// <summary>Reads labelled texts: JSON lines, or comma- or tab-separated values with a header (RFC 4180). Told by content.</summary>
/// <remarks>Several labels of one text are separated by <c>|</c>, or are a list in JSON. Files are UTF-8.</remarks>
/// <param name="unlabelled">Texts alone are read: there need be no labels, and a file without a header is a text a line.</param>
public sealed class LabelledFile(string path, LabelledColumns columns, bool unlabelled = false)
{
    private const char Separator = '|';

    /// <exception cref="UsageException">The file is missing, empty, not UTF-8, or a record is not what it should be; names the line.</exception>
    public IReadOnlyList<LabelledExample> Read()
    {
        var content = TextFile.Read(path);
        var texts = content.TrimStart()[0] == '{' ? JsonLines(content) : Delimited(content);
        return texts.Count > 0 ? texts : throw new UsageException($"{path}: found a header and no texts.");
    }

    private List<LabelledExample> JsonLines(string content)
    {
        var (text, label) = (JsonRecords.Pointer(columns.Text, path), JsonRecords.Pointer(columns.Label, path));
        var texts = new List<LabelledExample>();
        foreach (var (record, line) in JsonRecords.Of(content, path))
        {
            if (JsonRecords.At(record, text) is not { ValueKind: JsonValueKind.String } value) throw Missing(line, columns.Text, "a string");
            texts.Add(new(value.GetString()!, unlabelled ? [] : LabelsOf(JsonRecords.At(record, label), line), line));
        }

        return texts;
    }

    private List<string> LabelsOf(JsonElement? labels, int line) => labels switch
    {
        { ValueKind: JsonValueKind.String } one => Split(one.GetString()!),
        { ValueKind: JsonValueKind.True or JsonValueKind.False or JsonValueKind.Number } one => [one.ToString().ToLowerInvariant()],
        { ValueKind: JsonValueKind.Array } list when list.EnumerateArray().All(l => l.ValueKind == JsonValueKind.String) =>
            [.. list.EnumerateArray().Select(l => l.GetString()!)],
        _ => throw Missing(line, columns.Label, "a string or a list of strings"),
    };

    private List<LabelledExample> Delimited(string content)
    {
        var header = content.AsSpan(0, Math.Max(0, content.AsSpan().IndexOfAny('\r', '\n')));
        var names = header.ToString().Split([',', '\t']).Select(name => name.Trim('"'));
        if (unlabelled && !names.Contains(columns.Text)) return Lines(content);
        var settings = new CsvConfiguration(CultureInfo.InvariantCulture)
        {
            Delimiter = header.Contains('\t') ? "\t" : ",",
            BadDataFound = bad => throw new UsageException($"{path}: line {bad.Context.Parser!.RawRow}: a quotation mark stands where none may; quote the whole field."),
            MissingFieldFound = null,
        };
        using var reader = new CsvReader(new StringReader(content), settings);
        reader.Read();
        reader.ReadHeader();
        var text = Column(reader, columns.Text);
        var label = unlabelled ? text : Column(reader, columns.Label);
        var texts = new List<LabelledExample>();
        while (true)
        {
            var line = reader.Parser.RawRow + 1;
            if (!reader.Read()) return texts;
            var labels = reader.GetField(label) ?? throw Missing(line, columns.Label, "a field");
            texts.Add(new(reader.GetField(text) ?? "", unlabelled ? [] : Split(labels), line));
        }
    }

    private static List<LabelledExample> Lines(string content) =>
        [.. content.Split('\n').Select((text, i) => new LabelledExample(text.Trim(), [], i + 1)).Where(t => t.Text.Length > 0)];

    private int Column(CsvReader reader, string name)
    {
        var found = Array.IndexOf(reader.HeaderRecord!, name);
        return found >= 0 ? found : throw new UsageException(
            $"{path}: line 1: found the columns {string.Join(", ", reader.HeaderRecord!)}, expected one named {name}.");
    }

    private static List<string> Split(string labels) => [.. labels.Split(Separator, StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries)];

    private UsageException Missing(int line, string name, string expected) => new($"{path}: line {line}: expected {expected} at {name}.");
}
