using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using MtlStream.Generation;
using MtlStream.Models;
using MtlStream.Onnx;
using MtlStream.Onnx.Generation;
using MtlStream.Tasks;
using MtlStream.Text;

namespace MtlStream.Host;

/// <summary><c>mtlstream model inspect</c> and <c>model verify</c>: what a package is, and whether it is what it says.</summary>
internal static class ModelCommands
{
    public static Command Build() => new CliCommand(
        "model", "Looks into a model package, checks it, measures it, imports one.",
        "mtlstream model inspect", "mtlstream model verify models/mtlstream-en") { Inspect(), Verify(), EvalCommand.Build(), ImportCommand.Build() };

    private static CliCommand Inspect()
    {
        var (folder, json) = (Folder(), CommonOptions.JsonReport());
        var command = new CliCommand(
            "inspect", "Prints a package's tasks, labels, provenance and measured scores.",
            "mtlstream model inspect", "mtlstream model inspect models/mtlstream-en --json") { folder, json };
        command.SetAction(parsed =>
        {
            var output = parsed.InvocationConfiguration.Output;
            var path = parsed.GetValue(folder)!;
            if (GeneratorManifest.IsIn(path))
            {
                var generator = GeneratorManifest.Load(path);
                if (parsed.GetValue(json)) output.WriteLine(JsonSerializer.Serialize(generator, CommonOptions.Json));
                else ImportCommand.Print(generator, output);
                return ExitCodes.Done;
            }

            var manifest = ModelLoader.Find(path);
            if (parsed.GetValue(json)) output.WriteLine(JsonSerializer.Serialize(Describe(manifest), CommonOptions.Json));
            else Print(manifest, output);
            if (!parsed.GetValue(json)) PrintGenerators(manifest.Folder, output);
            return ExitCodes.Done;
        });
        return command;
    }

    private static CliCommand Verify()
    {
        var folder = Folder();
        var command = new CliCommand(
            "verify", "Checks a package: manifest, checksums, graphs, tokenizer and golden outputs. Exit code 1 with one line for each finding.",
            "mtlstream model verify", "mtlstream model verify models/mtlstream-en") { folder };
        command.SetAction(parsed =>
        {
            var (output, error) = (parsed.InvocationConfiguration.Output, parsed.InvocationConfiguration.Error);
            var path = ModelManifest.Locate(parsed.GetValue(folder)!);
            if (!Directory.Exists(path)) throw new UsageException($"the model folder {path} does not exist.");
            var findings = GeneratorManifest.IsIn(path) ? GeneratorLoader.Findings(path) : [.. Findings(path, error), .. FindingsOfTexts(path)];
            foreach (var finding in findings) output.WriteLine(finding);
            output.WriteLine(findings.Count == 0 ? $"{path}: verified, nothing found." : $"{path}: {findings.Count} finding(s).");
            return findings.Count == 0 ? ExitCodes.Done : ExitCodes.Failed;
        });
        return command;
    }

    private static void PrintGenerators(string folder, TextWriter output)
    {
        foreach (var name in GeneratorManifest.NamesIn(folder))
            ImportCommand.Print(GeneratorManifest.Load(folder, name), output);
    }

    private static IEnumerable<string> FindingsOfTexts(string folder) =>
        GeneratorManifest.NamesIn(folder).SelectMany(name => GeneratorLoader.Findings(folder, name).Select(finding => $"{name}: {finding}"));

    /// <summary>Everything that is wrong with a package.</summary>
    /// <param name="notes">Takes a line for each check that could not be made on this machine.</param>
    internal static List<string> Findings(string folder, TextWriter notes)
    {
        ModelManifest manifest;
        try
        {
            manifest = ModelManifest.Load(folder);
        }
        catch (InvalidDataException exception)
        {
            return [exception.Message];
        }

        var findings = new List<string>(manifest.VerifyChecksums());
        if (findings.Count > 0) return findings; // what a graph does with the wrong weights says nothing more
        foreach (var name in manifest.FilesWithoutChecksum()) notes.WriteLine($"{name}: the manifest states no checksum; not checked.");
        GoldenOutputs? golden = null;
        try
        {
            if (manifest.Golden is null) notes.WriteLine("golden: the manifest names no expected outputs; not checked.");
            else golden = GoldenOutputs.Load(manifest.Golden);
            var tokenizer = TextTokenizer.Load(manifest.Tokenizer, new());
            if (golden is not null) findings.AddRange(golden.CompareTokens(tokenizer));
        }
        catch (InvalidDataException exception)
        {
            findings.Add(exception.Message);
        }

        using var tool = new ToolServices();
        var every = string.Join(',', manifest.Tasks.Select(t => t.Task.Name));
        foreach (var device in manifest.Graphs.Keys)
        {
            try
            {
                using var model = OnnxMultitaskModel.Load(manifest, OnDevice(device) with { Tasks = every }, tool.Loggers.CreateLogger<OnnxMultitaskModel>());
                model.Probe(0);
                // Golden texts are asked nothing.
                if (golden is not null) findings.AddRange(golden.Compare(model, [.. manifest.Tasks.Where(t => t.Task is not AnswerSpanTask)]));
            }
            catch (DeviceUnavailableException exception)
            {
                notes.WriteLine($"graph {device}: not checked. {exception.Message}");
            }
            catch (Exception exception) when (exception is InvalidDataException or InferenceException)
            {
                findings.Add(exception.Message);
            }
        }

        return findings;
    }

    private static Argument<string> Folder() => new("DIR")
    {
        Description = "Folder of a model package; without it the one that comes with the program.",
        DefaultValueFactory = _ => "",
    };

    private static object Describe(ModelManifest manifest) => new
    {
        manifest.Name,
        manifest.Version,
        manifest.Folder,
        manifest.Encoder,
        manifest.MaxTokens,
        Tokenizer = new
        {
            manifest.Tokenizer.Kind,
            manifest.Tokenizer.Lowercase,
            manifest.Tokenizer.StripAccents,
            manifest.Tokenizer.CaseIds,
            Words = manifest.Tokenizer.SplitWords,
            manifest.Tokenizer.FoldLetters,
            manifest.Tokenizer.EmojiVariants,
        },
        Graphs = manifest.Graphs.ToDictionary(g => g.Key, g => Path.GetFileName(g.Value)),
        Bytes = PackageBytes(manifest),
        Tasks = manifest.Tasks.Select(t => new
        {
            t.Task.Name,
            t.Task.Kind,
            t.Task.Labels,
            t.Task.Thresholds,
            t.Temperature,
            t.Data,
            t.Scores,
        }),
        manifest.Checksums,
        manifest.Reference,
    };

    private static void Print(ModelManifest manifest, TextWriter output)
    {
        output.WriteLine($"{manifest.Name} {manifest.Version}   {manifest.Folder}");
        var graphs = string.Join(", ", manifest.Graphs.Select(g => $"{g.Key} ({Path.GetFileName(g.Value)})"));
        output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"  {PackageBytes(manifest) / 1e6:F1} MB; graphs: {graphs}"));
        if (manifest.Encoder is { } encoder) output.WriteLine($"  encoder: {encoder}");
        var tokenizer = manifest.Tokenizer;
        var traits = new List<string> { tokenizer.Kind };
        if (tokenizer.Lowercase) traits.Add("lower case");
        if (tokenizer.CaseIds) traits.Add("letter-case ids");
        if (tokenizer.SplitWords) traits.Add("split into words first");
        output.WriteLine($"  tokenizer: {string.Join(", ", traits)}; {manifest.MaxTokens} tokens, windows overlap by {tokenizer.WindowOverlap}");
        foreach (var (task, _, temperature, data, scores) in manifest.Tasks)
        {
            output.WriteLine();
            output.WriteLine($"{task.Name}   {task.Kind}, {WhatItGives(task)}");
            if (task.Labels.Count > 0) output.WriteLine($"  labels: {Shortened(task.Labels)}");
            if (task.Thresholds.Count > 0)
                output.WriteLine($"  thresholds: {Shortened([.. task.Thresholds.Select(t => t.ToString("0.###", CultureInfo.InvariantCulture))])}");
            output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"  calibration temperature: {temperature:0.###}"));
            foreach (var corpus in data) output.WriteLine($"  trained on: {corpus.Name} ({corpus.License}) {corpus.Url}");
            foreach (var (metric, score) in scores)
                output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"  {metric}: {100 * score.Value:F2} % on {score.Set}"));
        }
    }

    private static string WhatItGives(ModelTask task) =>
        task is VectorTask vector ? $"{vector.Size} numbers" : $"{task.Labels.Count} labels";

    private static ModelOptions OnDevice(string device) => new ModelOptions { Device = device, Lanes = 1 }.WithOnRequest(true);

    private static string Shortened(IReadOnlyList<string> values) =>
        values.Count <= 32 ? string.Join(" ", values) : $"{string.Join(" ", values.Take(30))} ... ({values.Count})";

    private static long PackageBytes(ModelManifest manifest) => new DirectoryInfo(manifest.Folder).EnumerateFiles().Sum(f => f.Length);
}
