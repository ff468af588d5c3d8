using System.Text.Json;

namespace MtlStream.Text;

/// <summary>A WordPiece vocabulary as stored: BERT's <c>vocab.txt</c> or Hugging Face's <c>tokenizer.json</c>.</summary>
/// <param name="Tokens">In the order of their ids.</param>
/// <param name="Continuation">Marks a piece that continues a word.</param>
/// <param name="MaxWordChars">Longer words are unknown.</param>
/// <param name="Lowercase">What the file says; null when it does not say.</param>
internal sealed record VocabularyFile(
    string Path, IReadOnlyList<string> Tokens, string Unknown, string Continuation, int MaxWordChars, bool? Lowercase, bool? StripAccents)
{
    /// <summary>Characters of the longest word that there is room for. BERT's vocabularies say 100.</summary>
    public const int MostWordChars = 128;

    /// <summary>Reads the file that the manifest names.</summary>
    /// <exception cref="InvalidDataException">There is none, it cannot be read, or it is not what the manifest says.</exception>
    public static VocabularyFile Read(TokenizerSettings settings)
    {
        VocabularyFile file;
        if (settings.Files.TryGetValue("vocab", out var vocabulary)) file = ReadText(vocabulary);
        else if (settings.Files.TryGetValue("tokenizer", out var json)) file = ReadJson(json);
        else
            throw new InvalidDataException(
                "A wordpiece tokenizer needs the file role vocab (vocab.txt) or tokenizer (tokenizer.json); the manifest names " +
                $"{(settings.Files.Count == 0 ? "none" : string.Join(", ", settings.Files.Keys))}.");
        Compare(file.Path, "lowercase", file.Lowercase, settings.Lowercase);
        Compare(file.Path, "strip_accents", file.StripAccents, settings.StripAccents);
        return file;
    }

    private static void Compare(string path, string name, bool? found, bool expected)
    {
        if (found is { } value && value != expected)
            throw new InvalidDataException($"{path}: {name} is {value}, but the manifest says {expected}.");
    }

    private static VocabularyFile ReadText(string path)
    {
        var tokens = Contents(path).Split('\n').Select(line => line.TrimEnd('\r')).ToList();
        if (tokens[^1].Length == 0) tokens.RemoveAt(tokens.Count - 1);
        return new VocabularyFile(path, tokens, "[UNK]", "##", 100, null, null);
    }

    private static VocabularyFile ReadJson(string path)
    {
        try
        {
            using var document = JsonDocument.Parse(Contents(path));
            var model = document.RootElement.GetProperty("model");
            if (model.TryGetProperty("type", out var type)) Expect(path, "model.type", type.GetString(), "WordPiece");
            var normalizer = document.RootElement.GetProperty("normalizer");
            Expect(path, "normalizer.type", normalizer.GetProperty("type").GetString(), "BertNormalizer");
            Expect(path, "pre_tokenizer.type", document.RootElement.GetProperty("pre_tokenizer").GetProperty("type").GetString(), "BertPreTokenizer");
            foreach (var always in (ReadOnlySpan<string>)["clean_text", "handle_chinese_chars"])
            {
                if (!normalizer.GetProperty(always).GetBoolean()) throw new InvalidDataException($"{path}: normalizer.{always} is false; only true is supported.");
            }
            var lowercase = normalizer.GetProperty("lowercase").GetBoolean();
            var strip = normalizer.TryGetProperty("strip_accents", out var found) && found.ValueKind != JsonValueKind.Null ? found.GetBoolean() : lowercase;
            var longest = model.GetProperty("max_input_chars_per_word").GetInt32();
            if (longest is < 1 or > MostWordChars)
                throw new InvalidDataException($"{path}: model.max_input_chars_per_word is {longest}; expected 1 to {MostWordChars}.");
            return new VocabularyFile(
                path, ReadTokens(path, model.GetProperty("vocab")), model.GetProperty("unk_token").GetString()!,
                model.GetProperty("continuing_subword_prefix").GetString()!, longest, lowercase, strip);
        }
        catch (Exception exception) when (exception is JsonException or KeyNotFoundException or InvalidOperationException or FormatException)
        {
            throw new InvalidDataException($"{path}: not a tokenizer.json of a WordPiece model. {exception.Message}", exception);
        }
    }

    private static void Expect(string path, string name, string? found, string expected)
    {
        if (found != expected) throw new InvalidDataException($"{path}: {name} is {found}; a wordpiece tokenizer needs {expected}.");
    }

    private static string[] ReadTokens(string path, JsonElement vocabulary)
    {
        var tokens = new string?[vocabulary.EnumerateObject().Count()];
        foreach (var entry in vocabulary.EnumerateObject())
        {
            var id = entry.Value.GetInt32();
            if (id < 0 || id >= tokens.Length || tokens[id] is not null)
                throw new InvalidDataException($"{path}: id {id} of {entry.Name} is taken or not below {tokens.Length}, the number of tokens.");
            tokens[id] = entry.Name;
        }
        return tokens!;
    }

    private static string Contents(string path)
    {
        try
        {
            return File.ReadAllText(path);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw new InvalidDataException($"{path}: cannot be read. {exception.Message}", exception);
        }
    }
}
