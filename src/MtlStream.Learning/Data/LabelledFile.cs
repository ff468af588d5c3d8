using System.Globalization;
using System.Text;
using System.Text.Json;
using CsvHelper;
using CsvHelper.Configuration;
using MtlStream.Events;

namespace MtlStream.Learning.Data;

/// <summary>Which part of a record is the text, and which the label: names of columns, or JSON pointers.</summary>
public sealed record LabelledColumns(string Text = "text", string Label = "label");

/// <summary>Reads labelled texts: JSON lines, or comma- or tab-separated values with a header (RFC 4180). Told by content.</summary>
/// <remarks>Several labels of one text are separated by <c>|</c>, or are a list in JSON. Files are UTF-8.</remarks>
public sealed class LabelledFile(string path, LabelledColumns columns)
{
    private const char Separator = '|';

    private static readonly UTF8Encoding s_strict = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    /// <exception cref="UsageException">The file is missing, empty, not UTF-8, or a record is not what it should be; names the line.</exception>
    public IReadOnlyList<LabelledExample> Read()
    {
        if (!File.Exists(path)) throw new UsageException($"{path}: there is no such file.");
        var content = Content();
        if (string.IsNullOrWhiteSpace(content)) throw new UsageException($"{path}: the file is empty; expected labelled texts.");
        var texts = content.TrimStart()[0] == '{' ? JsonLines(content) : Delimited(content);
        return texts.Count > 0 ? texts : throw new UsageException($"{path}: found a header and no texts.");
    }

    private string Content()
    {
        try
        {
            return s_strict.GetString(File.ReadAllBytes(path)).TrimStart('\uFEFF');
        }
        catch (DecoderFallbackException exception)
        {
            throw new UsageException($"{path}: byte {exception.Index} is not UTF-8; convert the file, with iconv for example.", exception);
        }
    }

    private List<LabelledExample> JsonLines(string content)
    {
        var (text, label) = (Pointer(columns.Text), Pointer(columns.Label));
        var texts = new List<LabelledExample>();
        var line = 0;
        foreach (var record in content.EnumerateLines())
        {
            line++;
            if (record.IsWhiteSpace()) continue;
            using var parsed = Parse(record.ToString(), line);
            var found = At(parsed.RootElement, text);
            if (found is not { ValueKind: JsonValueKind.String } value) throw Missing(line, columns.Text, "a string");
            texts.Add(new(value.GetString()!, LabelsOf(At(parsed.RootElement, label), line), line));
        }

        return texts;
    }

    private JsonDocument Parse(string record, int line)
    {
        try
        {
            return JsonDocument.Parse(record);
        }
        catch (JsonException exception)
        {
            throw new UsageException($"{path}: line {line} is not JSON, at byte {exception.BytePositionInLine + 1}.", exception);
        }
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
        var settings = new CsvConfiguration(CultureInfo.InvariantCulture)
        {
            Delimiter = header.Contains('\t') ? "\t" : ",",
            BadDataFound = bad => throw new UsageException($"{path}: line {bad.Context.Parser!.RawRow}: a quotation mark stands where none may; quote the whole field."),
            MissingFieldFound = null,
        };
        using var reader = new CsvReader(new StringReader(content), settings);
        reader.Read();
        reader.ReadHeader();
        var (text, label) = (Column(reader, columns.Text), Column(reader, columns.Label));
        var texts = new List<LabelledExample>();
        while (true)
        {
            var line = reader.Parser.RawRow + 1;
            if (!reader.Read()) return texts;
            var labels = reader.GetField(label) ?? throw Missing(line, columns.Label, "a field");
            texts.Add(new(reader.GetField(text) ?? "", Split(labels), line));
        }
    }

    private int Column(CsvReader reader, string name)
    {
        var found = Array.IndexOf(reader.HeaderRecord!, name);
        return found >= 0 ? found : throw new UsageException(
            $"{path}: line 1: found the columns {string.Join(", ", reader.HeaderRecord!)}, expected one named {name}.");
    }

    private static List<string> Split(string labels) => [.. labels.Split(Separator, StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries)];

    private JsonPointer Pointer(string name)
    {
        var text = name.StartsWith('/') ? name : "/" + name;
        return JsonPointer.TryParse(text, out var pointer, out var problem) ? pointer : throw new UsageException($"{path}: {problem}.");
    }

    private static JsonElement? At(JsonElement record, JsonPointer pointer)
    {
        var at = record;
        foreach (var segment in pointer.Segments)
        {
            if (at.ValueKind != JsonValueKind.Object || !at.TryGetProperty(segment.Name, out at)) return null;
        }

        return at;
    }

    private UsageException Missing(int line, string name, string expected) => new($"{path}: line {line}: expected {expected} at {name}.");
}
