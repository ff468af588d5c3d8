using System.Text.Json;
using MtlStream.Generation;
using MtlStream.Models;

namespace MtlStream.Onnx.Generation;

/// <summary>A folder as Optimum exports a sequence-to-sequence model: graphs, <c>config.json</c>, <c>generation_config.json</c> and a tokenizer's files.</summary>
/// <remarks>Collects everything that is missing or not supported, a sentence each.</remarks>
internal sealed class ExportedFolder
{
    private const string SubFolder = "onnx"; // as of repositories on the Hugging Face hub

    private static readonly string[] s_architectures = ["t5", "mt5", "bart", "marian"];
    private static readonly string[] s_suffixes = ["", "_quantized", "_int8", "_uint8"];

    private readonly string _folder;
    private readonly List<string> _problems = [];
    private readonly JsonElement _config;
    private readonly JsonElement _generation;

    public ExportedFolder(string folder)
    {
        _folder = folder;
        _config = Read("config.json") ?? default;
        _generation = Read("generation_config.json", required: false) ?? _config; // older exports have it there
        Architecture = Text(_config, "model_type");
        if (_config.ValueKind == JsonValueKind.Object && !s_architectures.Contains(Architecture))
            Problem($"config.json: model_type is \"{Architecture}\"; expected one of {string.Join(", ", s_architectures)}");
        Graphs = FindGraphs();
    }

    public string Architecture { get; }

    public IReadOnlyList<string> Problems => _problems;

    /// <summary>Full paths of the graphs.</summary>
    public GeneratorGraphs Graphs { get; }

    /// <summary>Most tokens of a source.</summary>
    public int MaxSourceTokens => Math.Max(2, Number(_config, "max_position_embeddings") ?? Number(_config, "n_positions") ?? 512);

    /// <summary>Positions that the decoder knows, without the start; T5's knows any.</summary>
    private int MostTokens => Math.Max(1, (Number(_config, "max_position_embeddings") ?? 4097) - 1);

    public void Problem(string what) => _problems.Add($"{what}.");

    /// <summary>Path of a file; null where it is not there.</summary>
    public string? Find(string name)
    {
        var path = Path.Combine(_folder, name);
        return File.Exists(path) ? path : null;
    }

    /// <summary>A JSON file; null where it is not there, or none.</summary>
    public JsonElement? Read(string name, bool required = true)
    {
        if (Find(name) is not { } path)
        {
            if (required) Problem($"{name} is missing");
            return null;
        }

        try
        {
            using var document = JsonDocument.Parse(File.ReadAllBytes(path));
            return document.RootElement.Clone();
        }
        catch (JsonException exception)
        {
            Problem($"{name} is no JSON: {exception.Message}");
            return null;
        }
    }

    /// <summary>How texts are searched for.</summary>
    public GenerationRules RulesOf()
    {
        if (_generation.ValueKind != JsonValueKind.Object) return new() { Start = 0, Ends = [0], Pad = 0 };
        RefuseWhatIsNotDone();
        var ends = Tokens("eos_token_id");
        var start = Number("decoder_start_token_id") ?? Number("bos_token_id");
        if (ends.Count == 0) Problem("generation_config.json: eos_token_id is missing; expected the token that ends a text");
        if (start is null) Problem("generation_config.json: decoder_start_token_id is missing; expected the token that the decoder begins with");
        return new()
        {
            Start = start ?? 0,
            Ends = ends.Count == 0 ? [0] : ends,
            Pad = Number("pad_token_id") ?? 0,
            MaxTokens = Math.Clamp(Number("max_new_tokens") ?? (Number("max_length") ?? 129) - 1, 1, MostTokens),
            MinTokens = Math.Max(0, Number("min_new_tokens") ?? (Number("min_length") ?? 0) - 1),
            Beams = Math.Clamp(Number("num_beams") ?? 1, 1, 16),
            LengthPenalty = Real("length_penalty") ?? 1,
            EarlyStopping = Given("early_stopping") is { ValueKind: JsonValueKind.True },
            NoRepeat = Math.Max(0, Number("no_repeat_ngram_size") ?? 0),
            RepetitionPenalty = (float)(Real("repetition_penalty") ?? 1),
            Banned = Banned(),
            ForcedFirst = Number("forced_bos_token_id"),
            ForcedLast = Number("forced_eos_token_id"),
        };
    }

    /// <summary>Throws when something was found to be wrong.</summary>
    /// <exception cref="InvalidDataException">Something was; one message names everything.</exception>
    public void ThrowIfWrong()
    {
        if (_problems.Count > 0) throw PackageProblems.Of(_folder, _problems);
    }

    private GeneratorGraphs FindGraphs()
    {
        var encoder = FindGraph("encoder_model");
        if (encoder is null) Problem($"encoder_model.onnx is missing, also in {SubFolder}/");
        if (FindGraph("decoder_model_merged") is { } merged) return new(encoder ?? "", merged, null);
        var (first, others) = (FindGraph("decoder_model"), FindGraph("decoder_with_past_model"));
        if (first is null || others is null)
            Problem($"decoder_model_merged.onnx is missing, also in {SubFolder}/; expected it, or decoder_model.onnx with decoder_with_past_model.onnx");
        return new(encoder ?? "", first ?? "", others);
    }

    private string? FindGraph(string stem) => s_suffixes
        .SelectMany(suffix => (string[])[$"{stem}{suffix}.onnx", Path.Combine(SubFolder, $"{stem}{suffix}.onnx")]).Select(Find).FirstOrDefault(path => path is not null);

    private void RefuseWhatIsNotDone()
    {
        if (Given("do_sample") is { ValueKind: JsonValueKind.True }) Problem("generation_config.json: do_sample is true; texts are not drawn at random, expected false");
        if (Number("num_beam_groups") is > 1) Problem("generation_config.json: num_beam_groups is above 1, which is not supported");
        if (Real("penalty_alpha") is > 0) Problem("generation_config.json: penalty_alpha is above 0: contrastive search is not supported");
        if (Number("encoder_no_repeat_ngram_size") is > 0) Problem("generation_config.json: encoder_no_repeat_ngram_size is above 0, which is not supported");
        if (Number("num_beams") is > 16) Problem("generation_config.json: num_beams is above 16");
        if (Given("suppress_tokens") is { ValueKind: JsonValueKind.Array } suppressed && suppressed.GetArrayLength() > 0)
            Problem("generation_config.json: suppress_tokens is not supported; name them in bad_words_ids");
        if (Given("force_words_ids") is { ValueKind: JsonValueKind.Array }) Problem("generation_config.json: force_words_ids is not supported");
    }

    private List<int> Banned()
    {
        var banned = new List<int>();
        if (Given("bad_words_ids") is not { ValueKind: JsonValueKind.Array } words) return banned;
        foreach (var word in words.EnumerateArray())
        {
            if (word.ValueKind == JsonValueKind.Array && word.GetArrayLength() == 1 && word[0].TryGetInt32(out var token)) banned.Add(token);
            else Problem("generation_config.json: bad_words_ids has an entry of several tokens; only single ones are supported");
        }

        return banned;
    }

    private List<int> Tokens(string name) => Given(name) switch
    {
        { ValueKind: JsonValueKind.Number } one when one.TryGetInt32(out var token) => [token],
        { ValueKind: JsonValueKind.Array } several => [.. several.EnumerateArray().Where(e => e.ValueKind == JsonValueKind.Number).Select(e => e.GetInt32())],
        _ => [],
    };

    private JsonElement? Given(string name) => Json.JsonFields.Optional(_generation, name) ?? Json.JsonFields.Optional(_config, name);

    private int? Number(string name) => Number(_generation, name) ?? Number(_config, name);

    private double? Real(string name) => Given(name) is { ValueKind: JsonValueKind.Number } value ? value.GetDouble() : null;

    private static int? Number(JsonElement parent, string name) =>
        Json.JsonFields.Optional(parent, name) is { ValueKind: JsonValueKind.Number } value && value.TryGetInt32(out var number) ? number : null;

    private static string Text(JsonElement parent, string name) => Json.JsonFields.Given(parent, name);
}
