using System.Text;
using System.Text.Json;
using MtlStream.Text;

namespace MtlStream.Generation;

/// <summary>Texts to the tokens of a model that writes texts, and back. Thread-safe.</summary>
/// <remarks>
/// Pieces are those of SentencePiece's Unigram or of byte-level BPE. Marian's have other ids than in their file:
/// those of a <c>vocab.json</c>. A decoder over the encoder of a model package reads that package's tokens, and writes
/// byte-level pieces.
/// </remarks>
internal sealed class GeneratorTokenizer
{
    private const string Unigram = "sentencepiece";
    private const string ByteLevelBpe = "bpe";
    private const string OfPackage = "package";
    private const char WordMark = '\u2581';

    private static readonly Dictionary<char, byte> s_bytes = BytesOfCharacters();

    private readonly ISourceTokens _source;
    private readonly Dictionary<int, string> _texts;
    private readonly GeneratorTokens _settings;
    private readonly HashSet<int> _silent;

    private GeneratorTokenizer(ISourceTokens source, GeneratorTokens settings, GenerationRules rules, IReadOnlyDictionary<int, string> texts)
    {
        (_source, _settings) = (source, settings);
        _texts = new(texts);
        _silent = [.. settings.Before, .. settings.After, .. rules.Ends, rules.Start, rules.Pad, settings.Unknown];
    }

    /// <summary>Kinds of tokenizers that there are.</summary>
    public static IReadOnlyList<string> Kinds { get; } = [Unigram, ByteLevelBpe, OfPackage];

    /// <exception cref="InvalidDataException">A file is not there, is damaged, or asks for what is not supported.</exception>
    public static GeneratorTokenizer Load(GeneratorTokens settings, string folder, GenerationRules rules)
    {
        var files = settings.Files.ToDictionary(f => f.Key, f => Path.Combine(folder, f.Value));
        var given = new TokenizerSettings(settings.Kind, files, false, false, false, false, int.MaxValue, 0);
        if (settings.Kind == ByteLevelBpe)
        {
            var bpe = ByteLevelBpeTokenizer.Load(given);
            return new(new PieceTokens(bpe, null, settings), settings, rules, bpe.Tokens);
        }

        if (settings.Kind == OfPackage)
        {
            var pieces = given.FileOf("pieces");
            return new(PackageTokens.Load(folder), settings, rules, ReadIds(pieces).ToDictionary(p => p.Value, p => p.Key));
        }

        if (settings.Kind != Unigram) throw new InvalidDataException($"tokenizer.kind: found {settings.Kind}, expected one of {string.Join(", ", Kinds)}.");
        var unigram = UnigramTokenizer.Load(given, wraps: false);
        var ids = files.TryGetValue("ids", out var path) ? ReadIds(path) : null;
        var texts = ids?.DistinctBy(i => i.Value).ToDictionary(i => i.Value, i => i.Key) ?? Enumerable.Range(0, unigram.Count).ToDictionary(id => id, unigram.TokenText);
        return new(new PieceTokens(unigram, ids, settings), settings, rules, texts);
    }

    /// <summary>The tokens of a source, with what stands around it.</summary>
    /// <param name="most">Most tokens.</param>
    /// <param name="cut">Whether the source has more.</param>
    public int[] Encode(ReadOnlySpan<char> text, int most, out bool cut)
    {
        var room = Math.Max(1, most - _settings.Before.Count - _settings.After.Count);
        var whole = _settings.Prefix.Length == 0 ? text : $"{_settings.Prefix} {text}";
        return [.. _settings.Before, .. _source.Encode(whole, room, out cut), .. _settings.After];
    }

    /// <summary>The text of tokens; those that stand for no text are left out.</summary>
    public string Decode(IEnumerable<int> ids)
    {
        var pieces = ids.Where(id => !_silent.Contains(id)).Select(id => _texts.GetValueOrDefault(id, "")).Where(IsText);
        var joined = string.Concat(pieces);
        return _settings.Kind is ByteLevelBpe or OfPackage ? OfBytes(joined).Trim() : joined.Replace(WordMark, ' ').Trim();
    }

    private bool IsText(string piece) => !_settings.Silent.Contains(piece) && !piece.StartsWith("<extra_id_", StringComparison.Ordinal); // T5's for its training

    private static string OfBytes(string characters)
    {
        var bytes = new List<byte>(characters.Length);
        foreach (var character in characters)
            if (s_bytes.TryGetValue(character, out var value)) bytes.Add(value);
        return Encoding.UTF8.GetString([.. bytes]); // U+FFFD for what is no UTF-8
    }

    /// <summary>GPT-2's: printable characters of Latin-1 are themselves, the others follow from U+0100 on.</summary>
    private static Dictionary<char, byte> BytesOfCharacters()
    {
        var bytes = new Dictionary<char, byte>();
        var next = 0x100;
        for (var value = 0; value <= byte.MaxValue; value++)
        {
            var printable = value is (>= '!' and <= '~') or (>= 0xA1 and <= 0xAC) or (>= 0xAE and <= 0xFF);
            bytes.Add(printable ? (char)value : (char)next++, (byte)value);
        }

        return bytes;
    }

    private static Dictionary<string, int> ReadIds(string path)
    {
        try
        {
            return JsonSerializer.Deserialize<Dictionary<string, int>>(File.ReadAllBytes(path)) ?? throw new InvalidDataException($"{path}: found null, expected the ids of pieces.");
        }
        catch (JsonException exception)
        {
            throw new InvalidDataException($"{path}: {exception.Message}", exception);
        }
    }
}
