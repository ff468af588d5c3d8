using System.Text.Json;
using MtlStream.Json;

namespace MtlStream.Models;

/// <summary>A reply that may be given.</summary>
public sealed record ListedReply(string Name, string Text);

/// <summary>The replies that a configuration lists: a file of JSON lines with the members <c>name</c> and <c>text</c>.</summary>
public static class ReplyList
{
    /// <exception cref="UsageException">It cannot be read, or is no such list; the message names the line.</exception>
    public static IReadOnlyList<ListedReply> Read(string path)
    {
        string[] lines;
        try
        {
            lines = File.ReadAllLines(path);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw new UsageException($"Model:Replies: {path} cannot be read: {exception.Message}", exception);
        }

        var replies = new List<ListedReply>();
        for (var line = 0; line < lines.Length; line++)
        {
            if (string.IsNullOrWhiteSpace(lines[line])) continue;
            var reply = Parse(lines[line]) ?? throw new UsageException(
                $"Model:Replies: {path}, line {line + 1}: expected a JSON object with the members name and text, strings that are not empty.");
            if (replies.Any(r => r.Name == reply.Name))
                throw new UsageException($"Model:Replies: {path}, line {line + 1}: found a name that an earlier line has, expected each once.");
            replies.Add(reply);
        }

        return replies.Count > 0 ? replies : throw new UsageException($"Model:Replies: {path}: found no line, expected a reply on each.");
    }

    private static ListedReply? Parse(string line)
    {
        try
        {
            using var document = JsonDocument.Parse(line);
            var root = document.RootElement;
            if (root.ValueKind != JsonValueKind.Object) return null;
            var (name, text) = (JsonFields.Given(root, "name"), JsonFields.Given(root, "text"));
            return string.IsNullOrWhiteSpace(name) || string.IsNullOrWhiteSpace(text) ? null : new(name, text);
        }
        catch (JsonException)
        {
            return null;
        }
    }
}
