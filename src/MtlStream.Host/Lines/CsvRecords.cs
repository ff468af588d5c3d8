using System.Globalization;
using CsvHelper;
using CsvHelper.Configuration;

namespace MtlStream.Host.Lines;

/// <summary>Rows of comma- or otherwise separated values (RFC 4180) as events: JSON objects with a member for each column.</summary>
/// <remarks>Lines without anything in them are no rows. A quotation mark within a field without quotes is a character like others.</remarks>
internal sealed class CsvRecords : RecordReader
{
    private const int RowsAtOnce = 32;

    private readonly Stream _content;
    private readonly CsvParser _parser;
    private readonly char _delimiter;
    private Task<bool>? _next;
    private long _line = 1; // that the next row begins on

    private CsvRecords(Stream content, char delimiter)
    {
        _content = content;
        _delimiter = delimiter;
        var settings = new CsvConfiguration(CultureInfo.InvariantCulture) { Delimiter = delimiter.ToString(), BadDataFound = null };
        _parser = new(new StreamReader(content, ByteText.Encoding, detectEncodingFromByteOrderMarks: false), settings);
    }

    /// <summary>Names of the columns, none twice and none empty.</summary>
    public IReadOnlyList<string> Columns { get; private set; } = [];

    /// <summary>Reads as far as the names of the columns are known.</summary>
    /// <param name="hasHeader">Whether they are in the first row; without one they are numbers from 1.</param>
    public static async Task<CsvRecords> OpenAsync(Stream content, char delimiter, bool hasHeader, CancellationToken stopping)
    {
        var records = new CsvRecords(content, delimiter);
        records._next = records._parser.ReadAsync();
        if (!await records._next.WaitAsync(stopping)) return records;
        records.Columns = Named(records._parser.Record!, hasHeader);
        if (!hasHeader) return records;
        records._line = records._parser.RawRow + 1;
        records._next = null;
        return records;
    }

    public override async Task<IReadOnlyList<InputRecord>> ReadAsync(CancellationToken stopping)
    {
        var rows = new List<InputRecord>();
        while (rows.Count < RowsAtOnce)
        {
            _next ??= _parser.ReadAsync();
            if (rows.Count > 0 && !_next.IsCompleted) return rows; // the rest of the chunk may be long in coming
            if (!await _next.WaitAsync(stopping)) return rows;
            rows.Add(Row(_parser.Record!));
            _line = _parser.RawRow + 1;
            _next = null;
        }

        return rows;
    }

    public override ValueTask DisposeAsync() => _content.DisposeAsync();

    private InputRecord Row(string[] fields)
    {
        var raw = _parser.RawRecord.TrimEnd('\r', '\n');
        if (IsUnclosed(raw)) throw new InvalidDataException($"line {_line}: a quotation mark is opened and not closed up to the end of the file.");
        if (fields.Length > Columns.Count)
        {
            var problem = $"The row has {fields.Length} fields; expected at most {Columns.Count}, as the first row has. A field with a separator in it is quoted.";
            return new(ByteText.Encoding.GetBytes(raw), _line, new(fields, problem));
        }

        return new(CsvJson.Of(Columns, fields), _line, new(fields, null));
    }

    // An open field runs over every line that follows, so only a row of several lines can hold one.
    private bool IsUnclosed(string raw)
    {
        if (_parser.RawRow <= _line) return false;
        var (quoted, atStart) = (false, true);
        foreach (var c in raw)
        {
            if (c != '"' || !(quoted || atStart))
            {
                atStart = !quoted && c == _delimiter;
                continue;
            }

            quoted = !quoted;
            atStart = true; // behind a quote that closes another one opens again: the two are one character
        }

        return quoted;
    }

    private static List<string> Named(string[] first, bool hasHeader)
    {
        var names = new List<string>();
        for (var i = 0; i < first.Length; i++)
        {
            var number = (i + 1).ToString(CultureInfo.InvariantCulture);
            var name = hasHeader ? ByteText.Read(first[i]).Trim() : "";
            if (name.Length == 0) name = number;
            names.Add(names.Contains(name) ? $"{name}_{number}" : name);
        }

        return names;
    }
}
