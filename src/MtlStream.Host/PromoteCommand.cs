using System.CommandLine;
using System.Text.Json;
using MtlStream.Host.Configuration;
using MtlStream.Host.Review;
using MtlStream.Learning.Data;
using MtlStream.Learning.Promotion;
using MtlStream.Models;
using MtlStream.Onnx;

namespace MtlStream.Host;

/// <summary><c>mtlstream promote</c>: compares a candidate with what serves, and lets it serve when it passes the gates.</summary>
internal static class PromoteCommand
{
    /// <summary>Texts that are compared at most; labelled ones first.</summary>
    private const int MostTexts = 5000;

    /// <param name="Serving">Folder of the package that serves.</param>
    /// <param name="To">Link that is pointed to the candidate; null for none.</param>
    private sealed record Wanted(ModelManifest Serving, ModelManifest Candidate, string? To, string? Key, string By, PromotionGates Gates, bool Json);

    public static Command Build()
    {
        var candidate = CommonOptions.NameAmongSettings("CANDIDATE", "Folder of the package that is to serve.");
        var model = new Option<string?>("--model") { Description = "Package that serves now; without it the one that --to points to, or the program's.", HelpName = "DIR" };
        var to = new Option<string?>("--to") { Description = "Link that workers serve from: pointed to the candidate when it passes.", HelpName = "LINK" };
        var fromTopic = new Option<bool>("--from-topic") { Description = "Compares on texts of Kafka:ReviewTopic with answers of Kafka:AnswerTopic; settings as for run." };
        var data = new Option<string?>("--data") { Description = "Labelled texts, as for teach; not those that the candidate was taught from.", HelpName = "FILE" };
        var task = new Option<string?>("--task") { Description = "Task that the labels of --data are about.", HelpName = "NAME" };
        var text = new Option<string>("--text") { Description = "Column, or JSON pointer, of the text.", HelpName = "NAME", DefaultValueFactory = _ => "text" };
        var label = new Option<string>("--label") { Description = "Column, or JSON pointer, of the label.", HelpName = "NAME", DefaultValueFactory = _ => "label" };
        var gates = new PromotionGates();
        var loss = Share("--most-loss", "F1 that any label of any task may lose beyond chance.", gates.MostLoss);
        var gain = Share("--least-gain", "Accuracy that some task has to gain beyond chance; 0 for none.", gates.LeastGain);
        var significance = Share("--significance", "Probability below which a difference is beyond chance.", gates.Significance);
        var key = new Option<string?>("--key") { Description = "Signs the record: a PEM of an elliptic curve (ECDSA), or any file as a secret (HMAC).", HelpName = "FILE" };
        var verify = new Option<bool>("--verify") { Description = "Compares nothing: checks the record of the candidate with --key." };
        var by = new Option<string>("--by") { Description = "Who promotes.", HelpName = "NAME", DefaultValueFactory = _ => Environment.UserName };
        var json = CommonOptions.JsonReport();
        var command = new CliCommand(
            "promote", "Compares a candidate with the package that serves, label by label, and lets it serve when it passes the gates. Exit code 1: it is refused, and nothing changes.",
            "mtlstream promote models/refund --to models/current --from-topic --key promote.pem --Kafka:ReviewTopic=comments-review --Kafka:AnswerTopic=comments-answers",
            "mtlstream promote models/refund --data held-out.csv --task refund --json",
            "mtlstream promote models/refund --verify --key promote.pub.pem")
        {
            candidate, model, to, fromTopic, data, task, text, label, loss, gain, significance, key, verify, by, json, SettingsLookup.Config, SettingsLookup.Secrets,
        };
        command.SetAction((parsed, stopping) =>
        {
            var (folder, arguments) = CommonOptions.Apart(parsed.GetValue(candidate));
            if (folder is null) throw new UsageException("expected the folder of a CANDIDATE.");
            var output = parsed.InvocationConfiguration.Output;
            var found = ModelLoader.Find(folder);
            if (parsed.GetValue(verify)) return Task.FromResult(Verify(found, parsed.GetValue(key), output));
            var link = parsed.GetValue(to);
            if (link is not null && parsed.GetValue(key) is null) throw new UsageException("--to wants --key FILE: who promotes signs for it.");
            var serving = ModelLoader.Find(parsed.GetValue(model) ?? (link is not null && Directory.Exists(link) ? link : ""));
            var wanted = new Wanted(
                serving, found, link, parsed.GetValue(key), parsed.GetRequiredValue(by),
                new(parsed.GetValue(loss), parsed.GetValue(gain), parsed.GetValue(significance)), parsed.GetValue(json));
            var texts = new JudgedTexts();
            if (parsed.GetValue(data) is { } file)
                texts.Add(parsed.GetValue(task) ?? throw new UsageException("--data wants --task NAME: which task the labels are about."), new LabelledFile(file, new(parsed.GetRequiredValue(text), parsed.GetRequiredValue(label))).Read());
            if (parsed.GetValue(fromTopic)) AddReviewed(texts, AppSettings.Load(parsed, arguments, ReviewStore.Unused), stopping);
            else if (arguments is [var stray, ..]) throw new UsageException($"found {stray.Split('=')[0]}, expected settings only with --from-topic.");
            return RunAsync(wanted, texts, output, stopping);
        });
        return command;
    }

    private static Option<double> Share(string name, string description, double usual)
    {
        var share = new Option<double>(name) { Description = description, HelpName = "SHARE", DefaultValueFactory = _ => usual };
        share.Validators.Add(given =>
        {
            if (given.GetValueOrDefault<double>() is not (>= 0 and <= 1)) given.AddError($"{name}: expected a share from 0 to 1.");
        });
        return share;
    }

    private static void AddReviewed(JudgedTexts texts, AppSettings settings, CancellationToken stopping)
    {
        using var store = ReviewStore.FromTopics(settings, answers: null, stopping);
        foreach (var task in store.Book.Tasks) texts.Add(task, Learning.Review.ReviewedTexts.Of(store.Questions, store.Book, task).Texts);
        texts.Add(store.Questions.Select(q => q.Text));
    }

    private static async Task<int> RunAsync(Wanted wanted, JudgedTexts texts, TextWriter output, CancellationToken stopping)
    {
        using var key = wanted.Key is { } path ? RecordKey.Read(path) : null;
        var comparison = await Comparison.OfAsync(wanted.Serving, wanted.Candidate, texts.Take(MostTexts), wanted.Gates, stopping);
        PromotionText.Write(comparison, wanted.Serving, wanted.Candidate, output);
        var record = key is null ? null : PromotionRecord.Write(wanted.Serving, wanted.Candidate, comparison, TimeProvider.System.GetUtcNow(), wanted.By, key);
        if (record is not null) output.WriteLine($"  record: {record}, signed by {key!.Algorithm}");
        if (comparison.Passed && wanted.To is { } link)
        {
            ServedLink.Point(link, wanted.Candidate.Folder);
            output.WriteLine($"  {link} points to {wanted.Candidate.Folder}; back: point it to {wanted.Serving.Folder}");
        }

        if (wanted.Json) output.WriteLine(JsonSerializer.Serialize(PromotionText.Json(comparison, wanted.Candidate, record, comparison.Passed ? wanted.To : null), CommonOptions.Json));
        return comparison.Passed ? ExitCodes.Done : ExitCodes.Failed;
    }

    private static int Verify(ModelManifest candidate, string? path, TextWriter output)
    {
        using var key = RecordKey.Read(path ?? throw new UsageException("--verify wants --key FILE."));
        if (PromotionRecord.Problem(candidate, key) is { } problem) throw new InvalidDataException(problem);
        output.WriteLine($"promote: {PromotionRecord.PathOf(candidate)} is signed by this key, about {candidate.Name} {candidate.Version} as it is, which passed.");
        return ExitCodes.Done;
    }
}
