using System.CommandLine;
using System.Globalization;
using MtlStream.Generation;
using MtlStream.Onnx.Generation;

namespace MtlStream.Host;

/// <summary><c>mtlstream model import</c>: makes a package of a model that writes texts, as Optimum exports it.</summary>
internal static class ImportCommand
{
    public static Command Build()
    {
        var folder = new Argument<string>("FOLDER") { Description = "Folder that Optimum exported: encoder_model.onnx, decoder_model_merged.onnx, config.json and the tokenizer." };
        var target = new Option<string?>("--out") { Description = "Folder of the package; must not exist yet. Without it FOLDER is a model package with a decoder of its own: what it writes is noted in it.", HelpName = "DIR" };
        var name = new Option<string?>("--name") { Description = "Name of the package; without it the export's folder.", HelpName = "NAME" };
        var prefix = new Option<string>("--prefix") { Description = "Words before each text, such as T5's summarize:; a space comes between.", HelpName = "TEXT", DefaultValueFactory = _ => "" };
        var command = new CliCommand(
            "import", "Makes a package of a T5, BART or Marian model that Optimum exported, checks it, and notes what it writes.",
            "mtlstream model import opus-mt-en-de-onnx --out models/en-de",
            "mtlstream model import t5-small-onnx --out models/summary --prefix summarize:")
        {
            folder, target, name, prefix,
        };
        command.SetAction(parsed =>
        {
            var from = parsed.GetRequiredValue(folder);
            var called = parsed.GetValue(name) ?? Path.GetFileName(Path.TrimEndingDirectorySeparator(Path.GetFullPath(from)));
            var to = parsed.GetValue(target);
            var reports = to is null ? GeneratorImport.Complete(from) : [GeneratorImport.Run(from, to, called, parsed.GetRequiredValue(prefix))];
            foreach (var note in reports.SelectMany(report => report.Notes)) parsed.InvocationConfiguration.Error.WriteLine(note);
            foreach (var report in reports) Print(report.Manifest, parsed.InvocationConfiguration.Output);
            return ExitCodes.Done;
        });
        return command;
    }

    public static void Print(GeneratorManifest manifest, TextWriter output)
    {
        var rules = manifest.Rules;
        var search = rules.Beams == 1 ? "greedy search" : $"{rules.Beams} beams";
        output.WriteLine($"{manifest.Name} {manifest.Version}   {manifest.Folder}");
        output.WriteLine($"  writes texts: {manifest.Architecture}, {search}, at most {rules.MaxTokens} tokens about {manifest.MaxSourceTokens}");
        var graphs = new[] { manifest.Graphs.Encoder, manifest.Graphs.Decoder, manifest.Graphs.DecoderWithPast }.OfType<string>();
        output.WriteLine($"  tokenizer: {manifest.Tokenizer.Kind}; graphs: {string.Join(", ", graphs)}");
        foreach (var score in manifest.Scores ?? []) output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"  {score.Metric} {score.Value:N1} on {score.Set}"));
        if (manifest.Tokenizer.Prefix.Length > 0) output.WriteLine($"  before each text: {manifest.Tokenizer.Prefix}");
    }
}
