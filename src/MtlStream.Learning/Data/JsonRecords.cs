using System.Text.Json;
using MtlStream.Events;

namespace MtlStream.Learning.Data;

/// <summary>JSON lines, and what a pointer leads to in them.</summary>
internal static class JsonRecords
{
    /// <summary>The records with their lines, from 1; blank lines are passed over.</summary>
    /// <exception cref="UsageException">A line is not JSON; names it.</exception>
    public static IEnumerable<(JsonElement Record, int Line)> Of(string content, string path)
    {
        var line = 0;
        foreach (var record in content.Split('\n'))
        {
            line++;
            if (string.IsNullOrWhiteSpace(record)) continue;
            using var parsed = Parse(record, path, line);
            yield return (parsed.RootElement, line);
        }
    }

    /// <summary>A pointer; a plain name is that of a member.</summary>
    /// <exception cref="UsageException">It is no pointer.</exception>
    public static JsonPointer Pointer(string name, string path)
    {
        var text = name.StartsWith('/') ? name : "/" + name;
        return JsonPointer.TryParse(text, out var pointer, out var problem) ? pointer : throw new UsageException($"{path}: {problem}.");
    }

    /// <summary>Null where there is nothing.</summary>
    public static JsonElement? At(JsonElement record, JsonPointer pointer)
    {
        var at = record;
        foreach (var segment in pointer.Segments)
        {
            if (at.ValueKind != JsonValueKind.Object || !at.TryGetProperty(segment.Name, out at)) return null;
        }

        return at;
    }

    private static JsonDocument Parse(string record, string path, int line)
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
}
