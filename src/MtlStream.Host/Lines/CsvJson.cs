using System.Globalization;
using System.Text;

namespace MtlStream.Host.Lines;

/// <summary>A row as a JSON object of strings. Bytes that are not UTF-8 stay as they are: the decoder says where they are.</summary>
internal static class CsvJson
{
    /// <param name="fields">As <see cref="ByteText"/>, at most as many as there are columns.</param>
    public static byte[] Of(IReadOnlyList<string> columns, IReadOnlyList<string> fields)
    {
        var json = new StringBuilder("{");
        for (var i = 0; i < fields.Count; i++)
        {
            if (i > 0) json.Append(", ");
            AppendString(ByteText.Of(columns[i]), json);
            json.Append(": ");
            AppendString(fields[i], json);
        }

        return ByteText.Encoding.GetBytes(json.Append('}').ToString());
    }

    private static void AppendString(string bytes, StringBuilder json)
    {
        json.Append('"');
        foreach (var c in bytes)
        {
            if (c is '"' or '\\') json.Append('\\').Append(c);
            else if (c < ' ') json.Append(CultureInfo.InvariantCulture, $"\\u{(int)c:x4}");
            else json.Append(c);
        }

        json.Append('"');
    }
}
