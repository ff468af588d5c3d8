using System.CommandLine;
using System.Text.Json;
using MtlStream.Host.Configuration;
using MtlStream.Host.Review;
using MtlStream.Learning.Review;
using MtlStream.Onnx;
using MtlStream.Tasks;

namespace MtlStream.Host;

/// <summary><c>mtlstream review</c>: asks a person for the labels of copies for review.</summary>
internal static class ReviewCommand
{
    private const double DefaultOverlap = 0.1;

    /// <param name="Labels">Of a task that the package has not; empty for the package's.</param>
    private sealed record Wanted(string? Task, IReadOnlyList<string> Labels, bool Several, bool Spans, string By, double Overlap, int? Limit, bool Suggest);

    public static Command Build()
    {
        var file = CommonOptions.NameAmongSettings("FILE", "Copies for review, or other events, as JSON lines.");
        var fromTopic = new Option<bool>("--from-topic") { Description = "Reads Kafka:ReviewTopic, and writes Kafka:AnswerTopic; settings as for run." };
        var answers = new Option<string?>("--answers") { Description = "File that answers are added to; beside FILE unless named.", HelpName = "FILE" };
        var task = new Option<string?>("--task") { Description = "Task that is asked about; without it the one that most copies are about.", HelpName = "NAME" };
        var labels = CommonOptions.List("--labels", "Labels of a task that the package does not have yet.", "a,b");
        var kind = new Option<string?>("--kind") { Description = "One label a text, any number, or labelled parts; as the package has it unless said." };
        kind.AcceptOnlyFromAmong("single_label", "multi_label", "token_spans");
        var by = new Option<string>("--by") { Description = "Who answers.", HelpName = "NAME", DefaultValueFactory = _ => Environment.UserName };
        var overlap = new Option<double>("--overlap") { Description = "Share of the questions that everybody is asked, so that agreement shows.", HelpName = "SHARE", DefaultValueFactory = _ => DefaultOverlap };
        var limit = new Option<int?>("--limit") { Description = "Ends after this many answers.", HelpName = "N" };
        limit.Validators.Add(given => CommonOptions.RequirePositive(given, "--limit"));
        var suggest = new Option<bool>("--suggest") { Description = "Shows what the model says; enter takes it. Quicker, but it sways people." };
        var summary = new Option<bool>("--summary") { Description = "Asks nothing: prints how far it is, agreement, and the quality on the stream." };
        var json = CommonOptions.JsonReport();
        var command = new CliCommand(
            "review", "Asks for labels in the terminal, one key a label. Shows texts of events. Answers go to a topic or a file; what was answered before is not asked again.",
            "mtlstream review --from-topic --task sentiment --Kafka:ReviewTopic=comments-review --Kafka:AnswerTopic=comments-answers",
            "mtlstream review unsure.jsonl --task refund --labels yes,no --by anna",
            "mtlstream review unsure.jsonl --task sentiment --summary --json")
        {
            file, fromTopic, answers, task, labels, kind, by, overlap, limit, suggest, summary, json, SettingsLookup.Config, SettingsLookup.Secrets,
        };
        command.SetAction((parsed, stopping) =>
        {
            var (path, arguments) = CommonOptions.Apart(parsed.GetValue(file));
            var settings = AppSettings.Load(parsed, arguments, ReviewStore.Unused);
            using var store = Open(settings, path, parsed.GetValue(fromTopic), parsed.GetValue(answers), stopping);
            var wanted = new Wanted(
                parsed.GetValue(task), parsed.GetValue(labels) ?? [], parsed.GetValue(kind) == "multi_label", parsed.GetValue(kind) == "token_spans", parsed.GetRequiredValue(by), parsed.GetValue(overlap),
                parsed.GetValue(limit), parsed.GetValue(suggest));
            var output = parsed.InvocationConfiguration.Output;
            var name = wanted.Task ?? MostAskedTask(store);
            if (!parsed.GetValue(summary)) Ask(store, settings, name, wanted, output, stopping);
            var stands = ReviewSummary.Of(store.Questions, store.Book, name);
            stands.Write(output);
            if (parsed.GetValue(json)) output.WriteLine(JsonSerializer.Serialize(stands.Json, CommonOptions.Json));
            return Task.FromResult(ExitCodes.Done);
        });
        return command;
    }

    private static ReviewStore Open(AppSettings settings, string? file, bool fromTopic, string? answers, CancellationToken stopping)
    {
        if (fromTopic == file is not null) throw new UsageException("expected either a FILE to read or --from-topic.");
        var store = fromTopic ? ReviewStore.FromTopics(settings, answers, stopping) : ReviewStore.FromFile(file!, settings.Input, answers);
        if (store.Skipped > 0) Console.Error.WriteLine($"mtlstream: {store.Skipped} copies hold no text that is found, and are left out.");
        return store;
    }

    private static void Ask(ReviewStore store, AppSettings settings, string task, Wanted wanted, TextWriter output, CancellationToken stopping)
    {
        if (wanted.Overlap is not (>= 0 and <= 1)) throw new UsageException("--overlap: expected a share from 0 to 1.");
        var session = new ReviewSession(store.Questions, store.Book, task, wanted.By, wanted.Overlap, TimeProvider.System);
        var choices = ChoicesOf(task, wanted, settings);
        new ReviewPrompt(session, choices, wanted.Suggest, store.Write, ReviewKeys.Read, output).Run(wanted.Limit ?? int.MaxValue, stopping);
    }

    /// <summary>The task that most copies are drawn for, or else answered about.</summary>
    private static string MostAskedTask(ReviewStore store)
    {
        var named = store.Questions.SelectMany(q => q.Unsure).Concat(store.Questions.SelectMany(q => q.Given.Keys)).Concat(store.Book.Tasks);
        return named.GroupBy(n => n).OrderByDescending(g => g.Count()).FirstOrDefault()?.Key
            ?? throw new UsageException("no copy names a task; say which with --task NAME.");
    }

    private static ReviewChoices ChoicesOf(string task, Wanted wanted, AppSettings settings)
    {
        if (wanted.Labels.Count > 0) return new(wanted.Labels, wanted.Several || wanted.Spans, wanted.Spans);
        var manifest = ModelLoader.Find(settings.Model.Path);
        var served = manifest.Tasks.Select(t => t.Task).FirstOrDefault(t => t.Name == task);
        return served switch
        {
            null => throw new UsageException($"--task {task}: {manifest.Name} {manifest.Version} has no task of that name; name its labels with --labels a,b."),
            TextLabelTask => new(served.Labels, served is MultiLabelTask || wanted.Several),
            _ when ReviewChoices.Has(served) => ReviewChoices.Of(served),
            _ => throw new UsageException($"--task {task}: it is about words; expected a task about whole texts or spans."),
        };
    }
}
