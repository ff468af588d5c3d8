using System.CommandLine;
using System.Text.Json;
using MtlStream.Host.Configuration;
using MtlStream.Host.Review;
using MtlStream.Learning.Data;
using MtlStream.Learning.Review;
using MtlStream.Learning.Teaching;
using MtlStream.Onnx;

namespace MtlStream.Host;

/// <summary><c>mtlstream teach</c>: a new task from a file of labelled texts, on a CPU.</summary>
internal static class TeachCommand
{
    private static readonly string[] s_kinds = ["single_label", "multi_label", "token_spans", "token_tags"];

    public static Command Build()
    {
        var task = new Option<string?>("--task") { Description = "Name of the new task.", HelpName = "NAME" };
        var data = new Option<string?>("--data") { Description = "Labelled texts: CSV, TSV, JSON lines, or CoNLL for words; told by content.", HelpName = "FILE" };
        var fromTopic = new Option<bool>("--from-topic") { Description = "Also takes what reviewers agree on: texts of Kafka:ReviewTopic, answers of Kafka:AnswerTopic; settings as for run." };
        var text = new Option<string>("--text") { Description = "Column, or JSON pointer, of the text; the number of a column in CoNLL.", HelpName = "NAME", DefaultValueFactory = _ => "text" };
        var label = new Option<string>("--label") { Description = "Column, or JSON pointer, of the label; several are separated by |.", HelpName = "NAME", DefaultValueFactory = _ => "label" };
        var kind = new Option<string>("--kind") { Description = "One label a text, or any number; spans of words, or a label for each word.", DefaultValueFactory = _ => s_kinds[0] };
        kind.AcceptOnlyFromAmong(s_kinds);
        var test = new Option<string?>("--test") { Description = "Labelled texts that only the last score sees.", HelpName = "FILE" };
        var unlabelled = new Option<string?>("--unlabelled") { Description = "More texts without labels, such as the stream's; used where that helps.", HelpName = "FILE" };
        var more = new Option<bool>("--more") { Description = "Teaches a taught task anew, from the examples that the package keeps and these." };
        var again = new Option<string?>("--again") { Description = "Teaches --model all tasks that this package was taught, and compares.", HelpName = "DIR" };
        var bare = new Option<bool>("--no-examples") { Description = "The new package keeps no examples." };
        var folder = new Option<string>("--out") { Description = "Folder of the new package; must not exist yet.", HelpName = "DIR", Required = true };
        var (model, json) = (CommonOptions.Model(), CommonOptions.JsonReport());
        var command = new CliCommand(
            "teach", "Teaches the model a new task from a file of labelled texts. The old tasks do not change by a bit.",
            "mtlstream teach --task refund --data refunds.csv --out models/refund",
            "mtlstream teach --task product --kind token_spans --data products.conll --out models/product",
            "mtlstream teach --task urgency --data tickets.jsonl --text /body --label /priority --test held-out.jsonl --out models/urgency --json",
            "mtlstream teach --task refund --from-topic --Kafka:ReviewTopic=comments-review --Kafka:AnswerTopic=comments-answers --out models/refund")
        {
            task, data, fromTopic, text, label, kind, test, unlabelled, more, again, bare, model, folder, json, SettingsLookup.Config, SettingsLookup.Secrets,
        };
        command.TreatUnmatchedTokensAsErrors = false;
        command.SetAction((parsed, stopping) =>
        {
            if (!parsed.GetValue(fromTopic) && parsed.UnmatchedTokens is [var stray, ..])
                throw new UsageException($"found {stray.Split('=')[0]}, expected settings only with --from-topic.");
            var output = parsed.InvocationConfiguration.Output;
            var run = new TeachRun(new StepLines(parsed.InvocationConfiguration.Error), !parsed.GetValue(bare), stopping);
            var (manifest, target) = (ModelLoader.Find(parsed.GetValue(model)!), parsed.GetRequiredValue(folder));
            object written;
            if (parsed.GetValue(again) is { } old)
            {
                RefuseBeside("--again", ("--task", parsed.GetValue(task)), ("--data", parsed.GetValue(data)), ("--test", parsed.GetValue(test)));
                var reports = run.TeachAgain(ModelLoader.Find(old), manifest, target);
                foreach (var (before, after) in reports) TeachText.WriteComparison(before, after, output);
                written = TeachText.Json(reports);
            }
            else
            {
                var columns = new LabelledColumns(parsed.GetRequiredValue(text), parsed.GetRequiredValue(label));
                var source = new TeachSource(
                    Needed("--task", parsed.GetValue(task)), parsed.GetValue(kind)!, parsed.GetValue(data) is { } file ? [(file, columns)] : [],
                    ReviewedBy(parsed, parsed.GetValue(fromTopic), parsed.GetValue(task)!, stopping),
                    parsed.GetValue(test), parsed.GetValue(unlabelled), columns);
                if (source.Data.Count == 0 && !parsed.GetValue(fromTopic)) throw new UsageException("expected --data FILE, --from-topic, or both.");
                if (source.OfTags && parsed.GetValue(fromTopic)) throw new UsageException("--from-topic: answers are about texts or spans, not about words; leave it out.");
                var report = parsed.GetValue(more) ? run.TeachMore(source, manifest, target) : run.Teach(source, manifest, target);
                TeachText.Write(report, output);
                written = TeachText.Json(report);
            }

            if (parsed.GetValue(json)) output.WriteLine(JsonSerializer.Serialize(written, CommonOptions.Json));
            return Task.FromResult(ExitCodes.Done);
        });
        return command;
    }

    /// <summary>Labelled texts from the topics; none where they are not asked for.</summary>
    private static IReadOnlyList<LabelledExample> ReviewedBy(ParseResult parsed, bool wanted, string task, CancellationToken stopping)
    {
        if (!wanted) return [];
        var settings = AppSettings.Load(parsed, ReviewStore.Unused);
        using var store = ReviewStore.FromTopics(settings, answers: null, stopping);
        var found = ReviewedTexts.Of(store.Questions, store.Book, task);
        parsed.InvocationConfiguration.Error.WriteLine(
            $"teach: {found.Texts.Count} texts from {settings.Kafka.AnswerTopic}; left out: {found.Disputed} disputed, {found.Untold} that nobody could tell, {found.Missing} whose copy is gone");
        if (found.Texts.Count == 0) throw new UsageException($"{settings.Kafka.AnswerTopic}: found no answers about {task} that people agree on; mtlstream review asks for some.");
        return found.Texts;
    }

    private static string Needed(string option, string? value) => value ?? throw new UsageException($"{option} is missing; see mtlstream teach --help.");

    private static void RefuseBeside(string option, params ReadOnlySpan<(string Name, string? Value)> others)
    {
        foreach (var (name, value) in others)
        {
            if (value is not null) throw new UsageException($"{name} stands beside {option}, which takes all from the package; leave one out.");
        }
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
