using System.Text.Json;

namespace MtlStream.Generation;

/// <summary>What a package's model writes about a few texts, as measured when it was made.</summary>
internal sealed class GoldenTexts
{
    public const string FileName = "golden.json";

    private const string Schema = "generator-golden.v1";
    private const float Tolerance = 0.02f; // of a score: processors round differently

    private readonly IReadOnlyList<GoldenGeneration> _texts;

    private GoldenTexts(IReadOnlyList<GoldenGeneration> texts) => _texts = texts;

    /// <exception cref="InvalidDataException">The file is not what it should be.</exception>
    public static GoldenTexts Load(string path)
    {
        try
        {
            var file = JsonSerializer.Deserialize<GoldenFile>(File.ReadAllBytes(path), GeneratorManifest.Json);
            if (file?.Schema != Schema) throw new InvalidDataException($"{path}: schema: found \"{file?.Schema}\", expected \"{Schema}\".");
            return file.Texts.Count > 0 ? new(file.Texts) : throw new InvalidDataException($"{path}: texts: found none, expected at least one.");
        }
        catch (JsonException exception)
        {
            throw new InvalidDataException($"{path}: {exception.Message}", exception);
        }
    }

    /// <summary>Has a model write about texts, each alone.</summary>
    /// <exception cref="Models.InferenceException">It fails on one.</exception>
    public static GoldenTexts Measure(TextGenerator generator, IReadOnlyList<string> texts) => new([.. texts.Select(text => Measure(generator, text))]);

    public void Save(string path) => File.WriteAllBytes(path, JsonSerializer.SerializeToUtf8Bytes(new GoldenFile(Schema, _texts), GeneratorManifest.Json));

    /// <summary>Has a model write about the same texts, and compares.</summary>
    /// <returns>One sentence for each text that differs.</returns>
    /// <exception cref="Models.InferenceException">It fails on one.</exception>
    public IReadOnlyList<string> Compare(TextGenerator generator)
    {
        var problems = new List<string>();
        for (var i = 0; i < _texts.Count; i++)
        {
            var expected = _texts[i];
            var found = Measure(generator, expected.Text);
            var at = $"{FileName}: texts[{i}]";
            if (!found.Source.SequenceEqual(expected.Source)) problems.Add($"{at}: found the source tokens {Listed(found.Source)}, expected {Listed(expected.Source)}.");
            else if (!found.Ids.SequenceEqual(expected.Ids)) problems.Add($"{at}: found the tokens {Listed(found.Ids)}, expected {Listed(expected.Ids)}.");
            else if (!(Math.Abs(found.Score - expected.Score) <= Tolerance)) problems.Add(FormattableString.Invariant($"{at}: found the score {found.Score:0.####}, expected {expected.Score:0.####}."));
        }

        return problems;
    }

    private static GoldenGeneration Measure(TextGenerator generator, string text)
    {
        var job = generator.Write([text])[0];
        if (job.Failure is { } failure) throw new Models.InferenceException($"The model fails on a text of its golden outputs: {failure.Message}", failure);
        return new(text, job.Source, job.Search.Found!.Ids, job.Search.Found.Score);
    }

    private static string Listed(IReadOnlyList<int> ids) => string.Join(' ', ids);

    private sealed record GoldenFile(string Schema, IReadOnlyList<GoldenGeneration> Texts);

    private sealed record GoldenGeneration(string Text, IReadOnlyList<int> Source, IReadOnlyList<int> Ids, float Score);
}
