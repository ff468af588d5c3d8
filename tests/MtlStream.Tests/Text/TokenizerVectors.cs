using System.IO.Compression;
using System.Runtime.CompilerServices;
using System.Text.Json;
using MtlStream.Text;

namespace MtlStream.Tests.Text;

/// <summary>Reference vectors, read from the repository and, where it is there, from <c>../shared</c> beside it.</summary>
internal static class TokenizerVectors
{
    /// <summary>A text and what the reference makes of it; cased: without lower-casing and accent stripping.</summary>
    public sealed record WordPiece(string Kind, string Text, int[] Ids, int[][] Offsets, int[] Case, int[] CasedIds, int[][] CasedOffsets);

    public sealed record Words(string Kind, string Text, int[][] Ranges);

    public static string Folder { get; } = FindFolder();

    public static string SampleVocabulary { get; } = Path.Combine(Folder, "vectors", "wordpiece-vocab.txt");

    /// <summary>Folder of the whole reference, or null on machines that lack it.</summary>
    public static string? Reference { get; } = FindReference();

    public static List<WordPiece> SampleWordPiece() => ReadWordPiece(Path.Combine(Folder, "vectors", "wordpiece.jsonl.gz"));

    public static List<WordPiece> AllWordPiece() => ReadWordPiece(Path.Combine(Reference!, "vectors.jsonl.gz"));

    public static List<Words> SampleWords() =>
        [.. Lines(Path.Combine(Folder, "vectors", "words.jsonl.gz")).Select(line => new Words(Text(line, "kind"), Text(line, "text"), Ranges(line, "words")))];

    /// <summary>The tokenizer of the sample's vocabulary.</summary>
    public static TextTokenizer Tokenizer(
        bool uncased = true, bool splitWords = false, int maxTokens = 1 << 20, int overlap = 0, int maxTextTokens = 1 << 20, string? vocabulary = null,
        bool foldLetters = false, bool emojiVariants = false) =>
        TextTokenizer.Load(
            new TokenizerSettings(
                "wordpiece", new Dictionary<string, string> { ["vocab"] = vocabulary ?? SampleVocabulary }, uncased, uncased, true, splitWords, maxTokens, overlap)
            {
                FoldLetters = foldLetters,
                EmojiVariants = emojiVariants,
            },
            new TokenizationOptions { MaxTextTokens = maxTextTokens });

    private static string FindFolder([CallerFilePath] string path = "") => Path.GetDirectoryName(path)!;

    private static string? FindReference()
    {
        var root = new DirectoryInfo(Folder);
        while (root is not null && !File.Exists(Path.Combine(root.FullName, "MtlStream.sln"))) root = root.Parent;
        var reference = root is null ? null : Path.GetFullPath(Path.Combine(root.FullName, "../shared/vectors/wordpiece"));
        return Directory.Exists(reference) ? reference : null;
    }

    private static List<WordPiece> ReadWordPiece(string path) =>
        [.. Lines(path).Select(line => new WordPiece(
            Text(line, "kind"), Text(line, "text"), Numbers(line, "ids"), Ranges(line, "offsets"), Numbers(line, "case"),
            Numbers(line, "cased_ids"), Ranges(line, "cased_offsets")))];

    public static IEnumerable<JsonElement> Lines(string path)
    {
        foreach (var line in TextLines(path))
        {
            using var document = JsonDocument.Parse(line);
            yield return document.RootElement;
        }
    }

    public static IEnumerable<string> TextLines(string path)
    {
        using var reader = new StreamReader(new GZipStream(File.OpenRead(path), CompressionMode.Decompress));
        while (reader.ReadLine() is { } line) yield return line;
    }

    private static int[] Numbers(JsonElement line, string name) => [.. line.GetProperty(name).EnumerateArray().Select(number => number.GetInt32())];

    public static int[][] Ranges(JsonElement line, string name) =>
        [.. line.GetProperty(name).EnumerateArray().Select(range => range.EnumerateArray().Select(number => number.GetInt32()).ToArray())];

    // By hand, because JsonElement.GetString refuses unpaired surrogates.
    public static string Text(JsonElement line, string name)
    {
        var raw = line.GetProperty(name).GetRawText();
        var text = new System.Text.StringBuilder();
        for (var i = 1; i < raw.Length - 1; i++)
        {
            if (raw[i] != '\\')
            {
                text.Append(raw[i]);
                continue;
            }
            i++;
            if (raw[i] == 'u')
            {
                text.Append((char)Convert.ToInt32(raw.Substring(i + 1, 4), 16));
                i += 4;
            }
            else
            {
                text.Append(raw[i] switch { 'n' => '\n', 't' => '\t', 'r' => '\r', 'b' => '\b', 'f' => '\f', var other => other });
            }
        }
        return text.ToString();
    }
}
