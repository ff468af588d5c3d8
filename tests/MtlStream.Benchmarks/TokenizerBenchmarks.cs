using System.IO.Compression;
using System.Text.Json;
using BenchmarkDotNet.Attributes;
using Microsoft.ML.Tokenizers;
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
    private const int MaxIds = 4096;
    private string[] _texts = [];
    private readonly long[] _ids = new long[MaxIds];
    private readonly long[] _mask = new long[MaxIds];
    private readonly FastBertTokenizer.BertTokenizer _fastBert = new();
    private TextTokenizer _plain = null!, _words = null!;
    private BertTokenizer _mlTokenizers = null!;

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
        using (var entries = File.OpenText(vocabulary)) _fastBert.LoadVocabulary(entries, convertInputToLowercase: true);
        _mlTokenizers = BertTokenizer.Create(vocabulary, new() { LowerCaseBeforeTokenization = true, RemoveNonSpacingMarks = true });
        Console.WriteLine($"{texts}: {Tokens(_plain):N0} tokens, {Tokens(_words):N0} by words, {_texts.Sum(text => text.Length):N0} characters");
    }

    /// <summary>Time per text; divide by the tokens per text that the setup prints.</summary>
    [Benchmark(Baseline = true, OperationsPerInvoke = Texts)]
    public int WordPiece() => Tokens(_plain);

    [Benchmark(OperationsPerInvoke = Texts)]
    public int WordsThenWordPiece() => Tokens(_words);

    /// <summary>Ids alone, and into memory that is there: no ranges in the text, no letter case.</summary>
    [Benchmark(OperationsPerInvoke = Texts)]
    public int FastBert()
    {
        var count = 0;
        foreach (var text in _texts) count += _fastBert.Encode(text, _ids, _mask, null);
        return count;
    }

    /// <summary>Ids alone. With ranges it allocates every token, and they are of the normalized text.</summary>
    [Benchmark(OperationsPerInvoke = Texts)]
    public int MLTokenizersBert()
    {
        var count = 0;
        foreach (var text in _texts) count += _mlTokenizers.EncodeToIds(text).Count;
        return count;
    }

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
