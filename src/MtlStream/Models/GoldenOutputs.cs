using System.Globalization;
using System.Text.Json.Serialization;
using System.Text.Json;
using MtlStream.Batching;
using MtlStream.Events;
using MtlStream.Results;
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
            var length = tokens.RowLength(0);
            var (ids, types) = (new long[length], new long[length]);
            tokens.WriteRow(0, ids, types);
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

        var problems = new List<string>();
        var (equal, all) = (new int[tasks.Count], new int[tasks.Count]);
        for (var i = 0; i < _file.Texts.Count; i++)
        {
            using var row = Row(_file.Texts[i]);
            using var predictions = model.Predict(new([new(row, 0)], row.Tokens.RowLength(0), BatchTrigger.EndOfInput), 0);
            for (var task = 0; task < tasks.Count; task++)
            {
                var (head, outputs, _, _, _) = tasks[task];
                if (!_file.Texts[i].Outputs.TryGetValue(outputs.Tags ?? outputs.Scores, out var expected))
                    problems.Add($"{Path.GetFileName(_path)}: texts[{i}].outputs: found no {outputs.Tags ?? outputs.Scores}.");
                else if (head.IsTokenLevel && expected.Length != _file.Texts[i].InputIds.Length)
                {
                    problems.Add($"{Path.GetFileName(_path)}: texts[{i}].outputs.{outputs.Tags}: found {expected.Length}, " +
                        $"expected {_file.Texts[i].InputIds.Length}, one for each of the input_ids.");
                }
                else if (head.IsTokenLevel)
                    Count(predictions.Tags(task, 0), expected, ref equal[task], ref all[task]);
                else if (Worst(predictions.Probabilities(task, 0), expected) is var (label, found, wanted) && !(Math.Abs(found - wanted) <= tolerance.Probability))
                {
                    problems.Add(string.Create(
                        CultureInfo.InvariantCulture,
                        $"{Path.GetFileName(_path)}: texts[{i}]: task {head.Name}, label {head.Labels[label]}: found {found:F4}, " +
                        $"expected {wanted:F4} within {tolerance.Probability}."));
                }
            }
        }

        for (var task = 0; task < tasks.Count; task++)
        {
            if (!tasks[task].Task.IsTokenLevel || equal[task] >= tolerance.TagShare * all[task]) continue;
            problems.Add(string.Create(
                CultureInfo.InvariantCulture,
                $"{Path.GetFileName(_path)}: task {tasks[task].Task.Name}: found {equal[task]} of {all[task]} tags equal, " +
                $"expected a share of {tolerance.TagShare}."));
        }

        return problems;
    }

    private static TokenizedEvent Row(GoldenText text)
    {
        var inner = text.InputIds.Length - 2;
        var (tokens, windows) = (new PooledArray<Token>(inner), new PooledArray<TokenWindow>(1));
        for (var i = 0; i < inner; i++) tokens.Span[i] = new((int)text.InputIds[i + 1], 0, 0, (byte)text.TokenTypeIds[i + 1], false);
        windows.Span[0] = new(0, inner);
        var record = new SourceRecord(default, null, null, [], -1, 0);
        return new(
            new TextEvent(record, new PooledArray<char>(0), default),
            new TokenizedText(tokens, new PooledArray<Word>(0), windows, (int)text.InputIds[0], (int)text.InputIds[^1], truncated: false));
    }

    private static void Count(ReadOnlySpan<int> found, float[] expected, ref int equal, ref int all)
    {
        for (var column = 1; column < expected.Length - 1; column++) // [CLS] and [SEP] have no tag that anyone reads
        {
            all++;
            if (found[column] == (int)expected[column]) equal++;
        }
    }

    private static (int Label, float Found, float Expected) Worst(ReadOnlySpan<float> found, float[] expected)
    {
        if (found.Length != expected.Length) return (0, float.NaN, float.PositiveInfinity);
        var worst = 0;
        for (var i = 1; i < found.Length; i++)
        {
            if (Math.Abs(found[i] - expected[i]) > Math.Abs(found[worst] - expected[worst])) worst = i;
        }

        return (worst, found[worst], expected[worst]);
    }

    private static int FirstDifference(long[] found, long[] expected)
    {
        var common = found.AsSpan().CommonPrefixLength(expected);
        return common == found.Length && common == expected.Length ? -1 : common;
    }

    private static string At(long[] values, int place) =>
        place < values.Length ? values[place].ToString(CultureInfo.InvariantCulture) : "(none)";

    private sealed record GoldenFile(string Schema, Dictionary<string, GoldenTolerance> Tolerance, List<GoldenText> Texts);

    /// <param name="Probability">Most absolute difference.</param>
    /// <param name="TagShare">Least share of equal tags.</param>
    private sealed record GoldenTolerance(float Probability, float TagShare);

    private sealed record GoldenText(
        string Text, [property: JsonPropertyName("input_ids")] long[] InputIds, [property: JsonPropertyName("token_type_ids")] long[] TokenTypeIds,
        Dictionary<string, float[]> Outputs);
}
