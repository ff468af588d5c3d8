using System.Text.Json;
using MtlStream.Generation;
using MtlStream.Text;

namespace MtlStream.Onnx.Generation;

/// <summary>Reads the tokenizer of an exported folder, and writes its files into a package.</summary>
/// <remarks>T5 and Marian have SentencePiece models, BART a byte-level BPE; either may be in a <c>tokenizer.json</c>.</remarks>
internal static class ExportedTokenizer
{
    private const string SentencePiece = "sentencepiece";
    private const string Bpe = "bpe";
    private const string Unified = "tokenizer.json";

    /// <param name="prefix">Text before each text.</param>
    /// <returns>Null where something is wrong, which the folder then says.</returns>
    public static GeneratorTokens? Write(ExportedFolder from, GenerationRules rules, string prefix, string to) => from.Architecture switch
    {
        "marian" => Marian(from, rules, prefix, to),
        "bart" => Bart(from, rules, prefix, to),
        _ => T5(from, rules, prefix, to),
    };

    private static GeneratorTokens? T5(ExportedFolder from, GenerationRules rules, string prefix, string to)
    {
        const string name = "spiece.model";
        if (from.Find(name) is { } model) File.Copy(model, Path.Combine(to, name));
        else if (from.Find(Unified) is null) from.Problem($"{name} is missing; expected it, or {Unified}");
        else if (Unigram(from) is { } converted) File.WriteAllBytes(Path.Combine(to, name), converted);
        if (!File.Exists(Path.Combine(to, name))) return null;
        return new(SentencePiece, new Dictionary<string, string> { ["model"] = name }, [], [rules.Ends[0]], UnknownIn(from, 2), prefix, ["<pad>", "</s>", "<unk>"]);
    }

    private static GeneratorTokens? Marian(ExportedFolder from, GenerationRules rules, string prefix, string to)
    {
        var files = new Dictionary<string, string> { ["model"] = "source.spm", ["ids"] = "vocab.json" };
        foreach (var name in files.Values)
        {
            if (from.Find(name) is { } path) File.Copy(path, Path.Combine(to, name));
            else from.Problem($"{name} is missing");
        }

        if (from.Read("vocab.json", required: false) is not { } vocabulary) return null;
        if (vocabulary.ValueKind != JsonValueKind.Object || !vocabulary.TryGetProperty("<unk>", out var unknown) || !unknown.TryGetInt32(out var id))
        {
            from.Problem("vocab.json has no <unk>; expected an object of pieces and their ids");
            return null;
        }

        // Models of several languages are told the one to write by a token of its own, such as >>fra<<.
        var isLanguage = prefix.StartsWith(">>", StringComparison.Ordinal) && prefix.EndsWith("<<", StringComparison.Ordinal);
        var language = isLanguage && vocabulary.TryGetProperty(prefix, out var token) && token.TryGetInt32(out var number) ? number : -1;
        if (isLanguage && language < 0)
        {
            var known = vocabulary.EnumerateObject().Select(piece => piece.Name).Where(name => name.StartsWith(">>", StringComparison.Ordinal));
            from.Problem($"vocab.json has no {prefix}; expected one of {string.Join(", ", known)}");
        }

        string[] silent = ["<pad>", "</s>", "<s>", "<unk>"];
        return new(SentencePiece, files, isLanguage ? [language] : [], [rules.Ends[0]], id, isLanguage ? "" : prefix, silent);
    }

    private static GeneratorTokens? Bart(ExportedFolder from, GenerationRules rules, string prefix, string to)
    {
        var files = new Dictionary<string, string> { ["vocab"] = "vocab.json", ["merges"] = "merges.txt" };
        if (from.Find("vocab.json") is { } vocabulary && from.Find("merges.txt") is { } merges)
        {
            File.Copy(vocabulary, Path.Combine(to, "vocab.json"));
            File.Copy(merges, Path.Combine(to, "merges.txt"));
        }
        else if (from.Find(Unified) is null)
        {
            from.Problem($"vocab.json or merges.txt is missing; expected both, or {Unified}");
            return null;
        }
        else if (!WriteBpe(from, to))
        {
            return null;
        }

        var ids = JsonSerializer.Deserialize<Dictionary<string, int>>(File.ReadAllBytes(Path.Combine(to, "vocab.json"))) ?? [];
        if (!ids.TryGetValue("<s>", out var begin) || !ids.TryGetValue("</s>", out var end))
        {
            from.Problem("The vocabulary has no <s> or no </s>; expected both");
            return null;
        }

        return new(Bpe, files, [begin], [end], ids.GetValueOrDefault("<unk>", rules.Pad), prefix, ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]);
    }

    private static JsonElement? ModelOf(ExportedFolder from, string kind)
    {
        var root = from.Read(Unified);
        var model = root is { ValueKind: JsonValueKind.Object } found ? Json.JsonFields.Optional(found, "model") : null;
        if (model is not { ValueKind: JsonValueKind.Object } given)
        {
            from.Problem($"{Unified} has no model");
            return null;
        }

        var type = Json.JsonFields.Given(given, "type");
        if (type.Length == 0 || type == kind) return given;
        from.Problem($"{Unified}: model.type is {type}; a {from.Architecture} model needs {kind}");
        return null;
    }

    private static bool WriteBpe(ExportedFolder from, string to)
    {
        if (ModelOf(from, "BPE") is not { } model) return false;
        if (!model.TryGetProperty("vocab", out var vocabulary) || !model.TryGetProperty("merges", out var merges))
        {
            from.Problem($"{Unified}: model has no vocab or no merges");
            return false;
        }

        // A pair is "a b", or ["a", "b"] since tokenizers 0.20.
        var lines = merges.EnumerateArray().Select(m => m.ValueKind == JsonValueKind.Array ? $"{m[0].GetString()} {m[1].GetString()}" : m.GetString()!);
        File.WriteAllText(Path.Combine(to, "vocab.json"), vocabulary.GetRawText());
        File.WriteAllLines(Path.Combine(to, "merges.txt"), lines.Prepend("#version: 0.2"));
        return true;
    }

    /// <summary>The SentencePiece model that a <c>tokenizer.json</c> was made of.</summary>
    private static byte[]? Unigram(ExportedFolder from)
    {
        if (ModelOf(from, "Unigram") is not { } model) return null;
        if (!model.TryGetProperty("vocab", out var vocabulary) || vocabulary.ValueKind != JsonValueKind.Array)
        {
            from.Problem($"{Unified}: model has no vocab");
            return null;
        }

        var pieces = vocabulary.EnumerateArray().Select(e => (Text: e[0].GetString()!, Score: e[1].GetSingle())).ToList();
        var unknown = Json.JsonFields.Optional(model, "unk_id") is { ValueKind: JsonValueKind.Number } id ? id.GetInt32() : -1;
        var charsmap = CharsmapIn(from.Read(Unified)!.Value);
        return UnigramTokenizer.ModelOf(pieces, unknown, piece => piece is "<pad>" or "</s>" or "<s>" || piece.StartsWith("<extra_id_", StringComparison.Ordinal), charsmap);
    }

    private static byte[] CharsmapIn(JsonElement element)
    {
        if (Json.JsonFields.Optional(element, "normalizer") is not { } normalizer) return [];
        var all = Json.JsonFields.Optional(normalizer, "normalizers") is { ValueKind: JsonValueKind.Array } several ? [.. several.EnumerateArray()] : new List<JsonElement> { normalizer };
        var map = all.Select(n => Json.JsonFields.Given(n, "precompiled_charsmap")).FirstOrDefault(m => m.Length > 0);
        return map is null ? [] : Convert.FromBase64String(map);
    }

    private static int UnknownIn(ExportedFolder from, int otherwise) =>
        from.Read("config.json") is { } config && Json.JsonFields.Optional(config, "unk_token_id") is { ValueKind: JsonValueKind.Number } id ? id.GetInt32() : otherwise;
}
