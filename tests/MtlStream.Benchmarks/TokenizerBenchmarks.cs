using System.IO.Compression;
using System.Text.Json;
using BenchmarkDotNet.Attributes;
using MtlStream.Text;

namespace MtlStream.Benchmarks;

/// <summary>
/// Cost of tokenizing a short text (tweet, comment, sentence). Budget: 165 ns a token, which is 6 M tokens/s per
/// thread, with and without the word splitter, and 0 B.
/// </summary>
/// <remarks>Reads the load-test stream and the whole vocabulary of <c>../shared</c> where they are; else the committed test vectors.</remarks>
[MemoryDiagnoser]
public class TokenizerBenchmarks
{
    private const int Texts = 4096;
    private string[] _texts = [];
    private TextTokenizer _plain = null!, _words = null!;

    [GlobalSetup]
    public void Setup()
    {
        var root = new DirectoryInfo(AppContext.BaseDirectory);
        while (!File.Exists(Path.Combine(root.FullName, "MtlStream.sln"))) root = root.Parent ?? throw new DirectoryNotFoundException("No MtlStream.sln above the benchmark.");
        var vectors = Path.Combine(root.FullName, "tests/MtlStream.Tests/Text/vectors");
        var shared = Path.Combine(root.FullName, "../shared");
        var texts = FirstOf(Path.Combine(shared, "data/loadtest/short_text.jsonl.gz"), Path.Combine(vectors, "words.jsonl.gz"));
        var vocabulary = FirstOf(Path.Combine(shared, "vectors/wordpiece/vocab.txt"), Path.Combine(vectors, "wordpiece-vocab.txt"));
        var found = ReadTexts(texts).Take(Texts).ToArray();
        _texts = [.. Enumerable.Range(0, Texts).Select(i => found[i % found.Length])];
        _plain = Load(vocabulary, splitWords: false);
        _words = Load(vocabulary, splitWords: true);
        Console.WriteLine($"{texts}: {Tokens(_plain):N0} tokens, {Tokens(_words):N0} by words, {_texts.Sum(text => text.Length):N0} characters");
    }

    /// <summary>Time per text; divide by the tokens per text that the setup prints.</summary>
    [Benchmark(Baseline = true, OperationsPerInvoke = Texts)]
    public int WordPiece() => Tokens(_plain);

    [Benchmark(OperationsPerInvoke = Texts)]
    public int WordsThenWordPiece() => Tokens(_words);

    [Benchmark(OperationsPerInvoke = Texts)]
    public int WordsAlone()
    {
        var count = 0;
        foreach (var text in _texts)
        {
            var words = new WordSplitter(text);
            while (words.TryNext(out _, out _)) count++;
        }
        return count;
    }

    private int Tokens(TextTokenizer tokenizer)
    {
        var count = 0;
        foreach (var text in _texts)
        {
            using var tokenized = tokenizer.Tokenize(text);
            count += tokenized.Tokens.Length;
        }
        return count;
    }

    private static string FirstOf(string preferred, string committed) => File.Exists(preferred) ? preferred : committed;

    private static TextTokenizer Load(string vocabulary, bool splitWords) =>
        TextTokenizer.Load(
            new TokenizerSettings("wordpiece", new Dictionary<string, string> { ["vocab"] = vocabulary }, true, true, true, splitWords, 128, 32),
            new TokenizationOptions());

    private static IEnumerable<string> ReadTexts(string path)
    {
        using var reader = new StreamReader(new GZipStream(File.OpenRead(path), CompressionMode.Decompress));
        while (reader.ReadLine() is { } line)
        {
            if (line.Contains("\\ud", StringComparison.OrdinalIgnoreCase)) continue; // may hold unpaired surrogates
            using var document = JsonDocument.Parse(line);
            yield return document.RootElement.GetProperty("text").GetString()!;
        }
    }
}
