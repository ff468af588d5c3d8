using System.Security.Cryptography;
using System.Text;
using MtlStream.Text;

namespace MtlStream.Tests.Text;

/// <summary>What SentencePiece and Hugging Face's byte-level BPE make of the reference texts with small models; see <c>vectors/subwords/README.md</c>.</summary>
internal static class SubwordVectors
{
    /// <summary>A text and the reference's tokens: id, start, end.</summary>
    public sealed record Sample(string Text, IReadOnlyDictionary<string, int[][]> Tokens);

    private static readonly string s_folder = Path.Combine(TokenizerVectors.Folder, "vectors", "subwords");

    /// <summary>The kinds as the manifest names them.</summary>
    public static IReadOnlyDictionary<string, IReadOnlyDictionary<string, string>> Files { get; } = new Dictionary<string, IReadOnlyDictionary<string, string>>
    {
        ["sentencepiece"] = new Dictionary<string, string> { ["model"] = Path.Combine(s_folder, "unigram.model") },
        ["bpe"] = new Dictionary<string, string>
        {
            ["vocab"] = Path.Combine(s_folder, "bpe-vocab.json"),
            ["merges"] = Path.Combine(s_folder, "bpe-merges.txt"),
        },
    };

    public static TextTokenizer Tokenizer(string kind, int maxTextTokens = 1 << 20) => TextTokenizer.Load(
        new TokenizerSettings(kind, Files[kind], false, false, CaseIds: false, SplitWords: false, MaxTokens: 1 << 20, WindowOverlap: 0),
        new TokenizationOptions { MaxTextTokens = maxTextTokens });

    public static List<Sample> Samples() =>
        [.. TokenizerVectors.Lines(Path.Combine(s_folder, "sample.jsonl.gz")).Select(line => new Sample(
            TokenizerVectors.Text(line, "text"),
            new Dictionary<string, int[][]>
            {
                ["sentencepiece"] = TokenizerVectors.Ranges(line, "unigram"),
                ["bpe"] = TokenizerVectors.Ranges(line, "bpe"),
            }))];

    /// <summary>For each text of the whole reference the digest of its tokens.</summary>
    public static List<string> Digests(string kind) =>
        [.. TokenizerVectors.TextLines(Path.Combine(s_folder, "digests.txt.gz")).Select(line => kind == "bpe" ? line[8..] : line[..8])];

    public static string Digest(TokenizedText tokenized) => Convert.ToHexStringLower(
        SHA256.HashData(Encoding.UTF8.GetBytes(string.Join(' ', tokenized.Tokens.ToArray().Select(t => $"{t.Id}:{t.Start}:{t.End}")))))[..8];
}
