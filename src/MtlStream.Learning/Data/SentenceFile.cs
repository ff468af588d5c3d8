using System.Globalization;
using System.Text.Json;
using MtlStream.Text;

namespace MtlStream.Learning.Data;

/// <summary>Reads sentences with labelled words: CoNLL, or JSON lines with ranges. Told by content.</summary>
/// <remarks>
/// CoNLL has a word a line and an empty line behind each sentence. The word is the first column and its label the last one
/// unless numbers say otherwise; in CoNLL-U they are the form and the part of speech. Lines that begin with <c># </c> are comments.
/// </remarks>
/// <param name="columns">Numbers of columns from 1, or JSON pointers.</param>
/// <param name="tokenizer">Splits texts into words where ranges are given.</param>
/// <param name="spans">Labels are spans (BIO) and not one for each word.</param>
public sealed class SentenceFile(string path, LabelledColumns columns, TextTokenizer tokenizer, bool spans)
{
    private const int ConlluColumns = 10, ConlluForm = 2, ConlluTag = 4;

    private static readonly LabelledColumns s_unnamed = new();

    /// <exception cref="UsageException">The file is missing, empty, not UTF-8, or a line is not what it should be; names the line.</exception>
    public IReadOnlyList<LabelledSentence> Read()
    {
        var content = TextFile.Read(path);
        var sentences = content.TrimStart()[0] == '{' ? JsonLines(content) : Conll(content);
        return sentences.Count > 0 ? sentences : throw new UsageException($"{path}: found no sentences.");
    }

    private List<LabelledSentence> Conll(string content)
    {
        var sentences = new List<LabelledSentence>();
        var words = new List<(string Form, string Label)>();
        var (line, first) = (0, 1);
        foreach (var row in content.EnumerateLines())
        {
            line++;
            if (row.IsWhiteSpace()) Close();
            else if (!IsComment(row) && Word(row.ToString(), line) is { } word)
            {
                if (words.Count == 0) first = line;
                words.Add(word);
            }
        }

        Close();
        return sentences;

        void Close()
        {
            if (words.Count > 0) sentences.Add(Sentence(words, first));
            words.Clear();
        }
    }

    private static bool IsComment(ReadOnlySpan<char> row) =>
        row.StartsWith("# ", StringComparison.Ordinal) || row.StartsWith("-DOCSTART-", StringComparison.Ordinal);

    /// <summary>Null for a line of CoNLL-U that is no word: a token of several words, or an empty node.</summary>
    private (string Form, string Label)? Word(string row, int line)
    {
        var fields = row.Contains('\t') ? row.Split('\t') : row.Split(' ', StringSplitOptions.RemoveEmptyEntries);
        var numbered = fields.Length == ConlluColumns && char.IsAsciiDigit(fields[0][0]);
        if (numbered && fields[0].AsSpan().ContainsAny('-', '.')) return null;
        var form = Column(columns.Text, s_unnamed.Text, numbered ? ConlluForm : 1, line);
        var label = Column(columns.Label, s_unnamed.Label, numbered ? ConlluTag : Math.Max(2, fields.Length), line);
        if (fields.Length < Math.Max(form, label))
            throw new UsageException($"{path}: line {line}: found {fields.Length} columns, expected {Math.Max(form, label)} at least: a word and its label.");
        return (fields[form - 1].Trim(), spans ? Bio(fields[label - 1].Trim(), line) : fields[label - 1].Trim());
    }

    private int Column(string given, string unnamed, int otherwise, int line)
    {
        if (given == unnamed) return otherwise;
        if (int.TryParse(given, NumberStyles.None, CultureInfo.InvariantCulture, out var number) && number > 0) return number;
        throw new UsageException($"{path}: line {line}: found CoNLL and the column {given}, expected the number of a column, from 1.");
    }

    /// <summary>BIO of BIO, BIOES and BILOU.</summary>
    private string Bio(string label, int line)
    {
        if (label == "O") return label;
        if (label.Length > 2 && label[1] is '-' or '_')
        {
            switch (label[0])
            {
                case 'B' or 'S' or 'U': return "B-" + label[2..];
                case 'I' or 'E' or 'L': return "I-" + label[2..];
            }
        }

        throw new UsageException($"{path}: line {line}: found the label {label}, expected O, B-... or I-... (BIO, BIOES or BILOU); for labels of words say --kind token_tags.");
    }

    private static LabelledSentence Sentence(List<(string Form, string Label)> words, int line)
    {
        var placed = new List<LabelledWord>(words.Count);
        var at = 0;
        foreach (var (form, label) in words)
        {
            placed.Add(new(at, at + form.Length, label));
            at += form.Length + 1;
        }

        return new(string.Join(' ', words.Select(w => w.Form)), placed, line);
    }

    private List<LabelledSentence> JsonLines(string content)
    {
        var (text, label) = (JsonRecords.Pointer(columns.Text, path), JsonRecords.Pointer(columns.Label, path));
        var sentences = new List<LabelledSentence>();
        foreach (var (record, line) in JsonRecords.Of(content, path))
        {
            if (JsonRecords.At(record, text) is not { ValueKind: JsonValueKind.String } value) throw Missing(line, columns.Text, "a string");
            if (JsonRecords.At(record, label) is not { ValueKind: JsonValueKind.Array } ranges) throw Missing(line, columns.Label, "a list of ranges");
            var found = ranges.EnumerateArray().Select(r => Range(r, value.GetString()!, line));
            sentences.Add(LabelledSentence.Of(value.GetString()!, [.. found], tokenizer, spans, line));
        }

        return sentences;
    }

    private LabelledRange Range(JsonElement range, string text, int line)
    {
        if (range.ValueKind != JsonValueKind.Object || Number("start") is not { } start || Number("end") is not { } end
            || !range.TryGetProperty("label", out var label) || label.ValueKind != JsonValueKind.String)
            throw Missing(line, columns.Label, "objects with start, end and label");
        if (start < 0 || end <= start || end > text.Length)
            throw new UsageException($"{path}: line {line}: found the range {start} to {end}, expected one within the text's {text.Length} UTF-16 units.");
        return new(start, end, label.GetString()!);

        int? Number(string member) =>
            range.TryGetProperty(member, out var value) && value.ValueKind == JsonValueKind.Number && value.TryGetInt32(out var number) ? number : null;
    }

    private UsageException Missing(int line, string name, string expected) => new($"{path}: line {line}: expected {expected} at {name}.");
}
