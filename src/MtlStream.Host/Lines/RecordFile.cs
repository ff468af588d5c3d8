using System.Globalization;
using System.Text;
using CsvHelper;
using CsvHelper.Configuration;
using MtlStream.Events;

namespace MtlStream.Host.Lines;

/// <summary>What a file of events is.</summary>
internal enum FileFormat
{
    /// <summary>Told by content: a table, one JSON array, else lines of JSON.</summary>
    Auto,
    Jsonl,
    Text,
    Json,
    Csv,
    Tsv,
}

/// <summary>Where the texts of a file are, as the command line says it.</summary>
/// <param name="Fields">JSON pointers, or names or numbers of columns.</param>
/// <param name="HasHeader">Whether the first row of a table names its columns.</param>
internal sealed record RecordQuestion(FileFormat Format, IReadOnlyList<string> Fields, bool HasHeader);

/// <summary>A file that is open, and how its events are read.</summary>
/// <param name="Pointers">To the texts.</param>
/// <param name="Columns">Of a table; else null.</param>
internal sealed record RecordFile(RecordReader Reader, InputFormat Format, IReadOnlyList<string> Pointers, IReadOnlyList<string>? Columns)
{
    private const string DefaultField = "text";
    private const int LongestName = 30;
    private const int MostShown = 30;

    private static readonly char[] s_delimiters = [',', '\t', ';'];

    /// <param name="name">Of the file; its ending counts where the content leaves it open.</param>
    /// <exception cref="UsageException">It has no such column.</exception>
    public static async Task<RecordFile> OpenAsync(Stream input, string name, RecordQuestion question, CancellationToken stopping)
    {
        if (question.Format is FileFormat.Jsonl or FileFormat.Text)
        {
            var format = question.Format == FileFormat.Text ? InputFormat.Text : InputFormat.Auto;
            return new(new LineRecords(new(input)), format, PointersOf(question), null);
        }

        var content = await InputContent.OpenAsync(input, stopping);
        if (question.Format is FileFormat.Csv or FileFormat.Tsv || (question.Format == FileFormat.Auto && IsTable(content, name, question)))
            return await OpenTableAsync(content, name, question, stopping);
        var isArray = content.First == (byte)'[';
        RecordReader reader = question.Format == FileFormat.Json || content.IsOneArray
            ? new JsonRecords(content.Stream, isArray)
            : new LineRecords(new(content.Stream));
        return new(reader, InputFormat.Auto, PointersOf(question), null);
    }

    private static IReadOnlyList<string> PointersOf(RecordQuestion question) => question.Fields.Count > 0 ? question.Fields : ["/" + DefaultField];

    private static bool IsTable(InputContent content, string name, RecordQuestion question)
    {
        if (content.First is 0 or (byte)'{' or (byte)'[') return false;
        var ending = Path.GetExtension(name.EndsWith(".gz", StringComparison.OrdinalIgnoreCase) ? name[..^3] : name).ToLowerInvariant();
        if (ending is ".csv" or ".tsv" || question.Fields.Any(f => !f.StartsWith('/'))) return true;
        var wanted = question.Fields.Count > 0 ? question.Fields.Select(f => f[1..]).ToList() : [DefaultField];
        return s_delimiters.Any(delimiter => wanted.TrueForAll(Cells(content.FirstLine, delimiter).Contains));
    }

    private static async Task<RecordFile> OpenTableAsync(InputContent content, string name, RecordQuestion question, CancellationToken stopping)
    {
        if (content.Head is [0xFF, 0xFE, ..] or [0xFE, 0xFF, ..])
            throw new UsageException($"{name} begins like UTF-16, expected UTF-8: convert it, with iconv for example.");
        var delimiter = question.Format == FileFormat.Tsv
            ? '\t'
            : s_delimiters.MaxBy(d => Cells(content.FirstLine, d).Length);
        var records = await CsvRecords.OpenAsync(content.Stream, delimiter, question.HasHeader, stopping);
        var fields = question.Fields.Count > 0 ? question.Fields : [question.HasHeader ? DefaultField : "1"];
        var pointers = records.Columns.Count == 0 ? ["/" + DefaultField] : fields.Select(f => Pointer(f, records.Columns, name)).ToList();
        return new(records, InputFormat.Json, pointers, records.Columns);
    }

    private static string Pointer(string field, IReadOnlyList<string> columns, string name)
    {
        var column = field.StartsWith('/') ? field[1..] : field;
        if (!columns.Contains(column))
        {
            var isNumber = int.TryParse(column, NumberStyles.None, CultureInfo.InvariantCulture, out var number);
            if (!isNumber || number < 1 || number > columns.Count)
                throw new UsageException($"{name}: found the columns {Shown(columns)}, expected one named {column}: --text-field names another, or its number.");
            column = columns[number - 1];
        }

        return "/" + column.Replace("~", "~0", StringComparison.Ordinal).Replace("/", "~1", StringComparison.Ordinal);
    }

    /// <summary>Names of columns for a message; where the first row is data after all, its texts are not repeated.</summary>
    private static string Shown(IReadOnlyList<string> columns)
    {
        var names = columns.Take(MostShown).Select((name, i) => name.Length <= LongestName && name.All(IsOfName) ? name : $"no. {i + 1}");
        return string.Join(", ", names) + (columns.Count > MostShown ? $" and {columns.Count - MostShown} more" : "");
    }

    private static bool IsOfName(char c) => char.IsLetterOrDigit(c) || c is ' ' or '_' or '-' or '.' or '/' or '(' or ')';

    private static string[] Cells(ReadOnlySpan<byte> line, char delimiter)
    {
        var settings = new CsvConfiguration(CultureInfo.InvariantCulture) { Delimiter = delimiter.ToString(), BadDataFound = null };
        using var parser = new CsvParser(new StringReader(Encoding.UTF8.GetString(line)), settings);
        return parser.Read() ? parser.Record! : [];
    }
}
