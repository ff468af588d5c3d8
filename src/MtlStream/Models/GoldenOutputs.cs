using System.Globalization;
using System.Text.Json.Serialization;
using System.Text.Json;
using MtlStream.Batching;
using MtlStream.Text;

namespace MtlStream.Models;

/// <summary>What a package's model says about a few texts, as measured when it was made: file <c>golden.json</c>.</summary>
public sealed class GoldenOutputs
{
    public const string Schema = "model-golden.v1";

    private readonly string _path;
    private readonly GoldenFile _file;

    private GoldenOutputs(string path, GoldenFile file) => (_path, _file) = (path, file);

    /// <exception cref="InvalidDataException">The file is not what it should be.</exception>
    public static GoldenOutputs Load(string path)
    {
        GoldenFile? file;
        try
        {
            file = JsonSerializer.Deserialize<GoldenFile>(File.ReadAllBytes(path), JsonSerializerOptions.Web);
        }
        catch (JsonException exception)
        {
            throw new InvalidDataException($"{path}: {exception.Message}", exception);
        }

        if (file is null || file.Schema != Schema)
            throw new InvalidDataException($"{path}: schema: found \"{file?.Schema}\", expected \"{Schema}\".");
        if (file.Texts is not { Count: > 0 }) throw new InvalidDataException($"{path}: texts: found none, expected at least one.");
        var problems = file.Texts.SelectMany(Problems).ToList();
        if (file.Tolerance is null || file.Tolerance.ContainsValue(null!)) problems.Insert(0, "tolerance: missing, expected one for each device.");
        if (problems.Count > 0) throw new InvalidDataException($"{path}: {string.Join(" ", problems)}");
        return new(path, file);
    }

    private static IEnumerable<string> Problems(GoldenText? text, int index)
    {
        var at = $"texts[{index}]";
        if (text?.Text is null) yield return $"{at}.text: missing.";
        if (text?.InputIds is not { Length: >= 2 } ids) yield return $"{at}.input_ids: found {text?.InputIds?.Length ?? 0}, expected at least [CLS] and [SEP].";
        else if (text.TokenTypeIds?.Length != ids.Length)
            yield return $"{at}.token_type_ids: found {text.TokenTypeIds?.Length ?? 0}, expected {ids.Length}, one for each of the input_ids.";
        if (text?.Outputs is null || text.Outputs.ContainsValue(null!)) yield return $"{at}.outputs: missing, expected the values of each output.";
    }

    /// <summary>Tokenizes the texts and compares ids and letter cases.</summary>
    /// <returns>One sentence for each text that differs.</returns>
    public IReadOnlyList<string> CompareTokens(TextTokenizer tokenizer)
    {
        var problems = new List<string>();
        for (var i = 0; i < _file.Texts.Count; i++)
        {
            using var tokens = tokenizer.Tokenize(_file.Texts[i].Text);
            var length = tokens.SequenceLength(0);
            var (ids, types) = (new long[length], new long[length]);
            tokens.WriteSequence(0, ids, types);
            var place = FirstDifference(ids, _file.Texts[i].InputIds);
            if (place < 0) place = FirstDifference(types, _file.Texts[i].TokenTypeIds);
            if (place >= 0)
            {
                problems.Add($"{Path.GetFileName(_path)}: texts[{i}]: column {place}: found token {At(ids, place)} of case {At(types, place)}, " +
                    $"expected {At(_file.Texts[i].InputIds, place)} of case {At(_file.Texts[i].TokenTypeIds, place)}.");
            }
        }

        return problems;
    }

    /// <summary>Scores the texts, given as token ids, and compares.</summary>
    /// <returns>One sentence for each task beyond the tolerance that the file states for the model's device.</returns>
    public IReadOnlyList<string> Compare(IMultitaskModel model, IReadOnlyList<ManifestTask> tasks)
    {
        var device = model.Identity.Device == "cpu" ? "cpu" : "cuda";
        if (!_file.Tolerance.TryGetValue(device, out var tolerance))
            return [$"{Path.GetFileName(_path)}: tolerance: found none for {device}."];

        var file = Path.GetFileName(_path);
        var places = model.Tasks.Select((task, place) => (task.Name, place)).ToDictionary(t => t.Name, t => t.place);
        var comparisons = tasks.Select(task => new GoldenComparison(task, places[task.Task.Name], tolerance)).ToList();
        var problems = new List<string>();
        for (var i = 0; i < _file.Texts.Count; i++)
        {
            using var tokens = Tokens(_file.Texts[i]);
            using var predictions = model.Predict(new([new(tokens, 0)], tokens.SequenceLength(0), BatchTrigger.EndOfInput), 0);
            foreach (var comparison in comparisons)
            {
                if (comparison.Add(_file.Texts[i], predictions) is { } problem) problems.Add($"{file}: texts[{i}]{problem}");
            }
        }

        problems.AddRange(comparisons.Select(c => c.Summary).OfType<string>().Select(summary => $"{file}: {summary}"));
        return problems;
    }

    private static TokenizedText Tokens(GoldenText text)
    {
        var tokens = new Token[text.InputIds.Length - 2];
        for (var i = 0; i < tokens.Length; i++)
            tokens[i] = new((int)text.InputIds[i + 1], 0, 0, (byte)text.TokenTypeIds[i + 1], false);
        return TokenizedText.Of(tokens, (int)text.InputIds[0], (int)text.InputIds[^1]);
    }

    private static int FirstDifference(long[] found, long[] expected)
    {
        var common = found.AsSpan().CommonPrefixLength(expected);
        return common == found.Length && common == expected.Length ? -1 : common;
    }

    private static string At(long[] values, int place) =>
        place < values.Length ? values[place].ToString(CultureInfo.InvariantCulture) : "(none)";

    private sealed record GoldenFile(string Schema, Dictionary<string, GoldenTolerance> Tolerance, List<GoldenText> Texts);

}

/// <param name="Probability">Most absolute difference.</param>
/// <param name="TagShare">Least share of equal tags.</param>
internal sealed record GoldenTolerance(float Probability, float TagShare);

/// <param name="Outputs">By the name of the graph's output: that of each task's first.</param>
internal sealed record GoldenText(
    string Text, [property: JsonPropertyName("input_ids")] long[] InputIds,
    [property: JsonPropertyName("token_type_ids")] long[] TokenTypeIds, Dictionary<string, float[]> Outputs);
