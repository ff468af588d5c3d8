using System.CommandLine;
using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using MtlStream.Host.Configuration;
using MtlStream.Host.Review;
using MtlStream.Learning.Data;
using MtlStream.Learning.Review;
using MtlStream.Learning.Teaching;
using MtlStream.Models;
using MtlStream.Onnx;
using MtlStream.Text;

namespace MtlStream.Host;

/// <summary><c>mtlstream teach</c>: a new task from a file of labelled texts, on a CPU.</summary>
internal static class TeachCommand
{
    private const int TextsCompared = 1000;

    public static Command Build()
    {
        var task = new Option<string>("--task") { Description = "Name of the new task.", HelpName = "NAME", Required = true };
        var data = new Option<string>("--data") { Description = "Labelled texts: CSV, TSV or JSON lines, told by content.", HelpName = "FILE" };
        var fromTopic = new Option<bool>("--from-topic") { Description = "Also takes what reviewers agree on: texts of Kafka:ReviewTopic, answers of Kafka:AnswerTopic; settings as for run." };
        var text = new Option<string>("--text") { Description = "Column, or JSON pointer, of the text.", HelpName = "NAME", DefaultValueFactory = _ => "text" };
        var label = new Option<string>("--label") { Description = "Column, or JSON pointer, of the label; several are separated by |.", HelpName = "NAME", DefaultValueFactory = _ => "label" };
        var kind = new Option<string>("--kind") { Description = "One label a text, or any number.", DefaultValueFactory = _ => "single_label" };
        kind.AcceptOnlyFromAmong("single_label", "multi_label");
        var test = new Option<string?>("--test") { Description = "Labelled texts that only the last score sees.", HelpName = "FILE" };
        var folder = new Option<string>("--out") { Description = "Folder of the new package; must not exist yet.", HelpName = "DIR", Required = true };
        var (model, json) = (CommonOptions.Model(), CommonOptions.JsonReport());
        var command = new CliCommand(
            "teach", "Teaches the model a new task from a file of labelled texts. The old tasks do not change by a bit.",
            "mtlstream teach --task refund --data refunds.csv --out models/refund",
            "mtlstream teach --task urgency --data tickets.jsonl --text /body --label /priority --test held-out.jsonl --out models/urgency --json",
            "mtlstream teach --task refund --from-topic --Kafka:ReviewTopic=comments-review --Kafka:AnswerTopic=comments-answers --out models/refund")
        {
            task, data, fromTopic, text, label, kind, test, model, folder, json, SettingsLookup.Config, SettingsLookup.Secrets,
        };
        command.TreatUnmatchedTokensAsErrors = false;
        command.SetAction((parsed, stopping) =>
        {
            var columns = new LabelledColumns(parsed.GetRequiredValue(text), parsed.GetRequiredValue(label));
            var held = parsed.GetValue(test) is { } path ? new LabelledFile(path, columns).Read() : [];
            var texts = parsed.GetValue(data) is { } file ? new LabelledFile(file, columns).Read() : [];
            var reviewed = ReviewedBy(parsed, parsed.GetValue(fromTopic), parsed.GetRequiredValue(task), stopping);
            if (parsed.GetValue(data) is null && !parsed.GetValue(fromTopic)) throw new UsageException("expected --data FILE, --from-topic, or both.");
            var request = new TeachRequest(
                parsed.GetRequiredValue(task), [.. texts, .. reviewed],
                parsed.GetValue(kind) == "multi_label", held);
            var report = Run(request, ModelLoader.Find(parsed.GetValue(model)!), parsed.GetRequiredValue(folder), parsed.InvocationConfiguration.Error, stopping);
            TeachText.Write(report, parsed.InvocationConfiguration.Output);
            if (parsed.GetValue(json)) parsed.InvocationConfiguration.Output.WriteLine(JsonSerializer.Serialize(TeachText.Json(report), CommonOptions.Json));
            return Task.FromResult(ExitCodes.Done);
        });
        return command;
    }

    /// <summary>Labelled texts from the topics; none where they are not asked for.</summary>
    private static IReadOnlyList<LabelledExample> ReviewedBy(ParseResult parsed, bool wanted, string task, CancellationToken stopping)
    {
        if (!wanted && parsed.UnmatchedTokens is [var stray, ..]) throw new UsageException($"found {stray.Split('=')[0]}, expected settings only with --from-topic.");
        if (!wanted) return [];
        var settings = AppSettings.Load(parsed, ReviewStore.Unused);
        using var store = ReviewStore.FromTopics(settings, answers: null, stopping);
        var found = ReviewedTexts.Of(store.Questions, store.Book, task);
        parsed.InvocationConfiguration.Error.WriteLine(
            $"teach: {found.Texts.Count} texts from {settings.Kafka.AnswerTopic}; left out: {found.Disputed} disputed, {found.Untold} that nobody could tell, {found.Missing} whose copy is gone");
        if (found.Texts.Count == 0) throw new UsageException($"{settings.Kafka.AnswerTopic}: found no answers about {task} that people agree on; mtlstream review asks for some.");
        return found.Texts;
    }

    private static TeachReport Run(TeachRequest request, ModelManifest manifest, string folder, TextWriter steps, CancellationToken stopping)
    {
        var started = Stopwatch.GetTimestamp();
        var tokenizer = TextTokenizer.Load(manifest.Tokenizer, new());
        var (taught, set, report) = new Teacher(manifest, tokenizer, new StepLines(steps)).Teach(request, stopping);
        PackageWriter.Write(manifest, report, taught, folder);
        var written = ModelManifest.Load(folder);
        var compared = set.Texts.Take(TextsCompared).Select(t => t.Text).ToList();
        if (IdentityCheck.FirstDifference(manifest, written, tokenizer, compared) is { } difference)
        {
            throw new InvalidDataException(string.Create(
                CultureInfo.InvariantCulture,
                $"{folder}: the output {difference.Output} differs from the old package's on text {difference.Text + 1} of {compared.Count}; do not serve it."));
        }

        return report with
        {
            Elapsed = Stopwatch.GetElapsedTime(started), OldOutputsIdentical = true, TextsCompared = compared.Count, Package = written.Folder,
        };
    }

    /// <summary>A line for each step that begins.</summary>
    private sealed class StepLines(TextWriter output) : IProgress<TeachProgress>
    {
        private readonly Lock _gate = new();
        private string _step = "";

        public void Report(TeachProgress value)
        {
            lock (_gate)
            {
                if (value.Step == _step) return;
                _step = value.Step;
                output.WriteLine($"teach: {value.Step}");
            }
        }
    }
}
