using System.CommandLine;
using System.Globalization;
using System.Text.Json.Serialization;
using System.Text.Json;
using MtlStream.Host.Evaluation;
using MtlStream.Models;
using MtlStream.Tasks;

namespace MtlStream.Host;

/// <summary><c>mtlstream model eval</c>: the public test sets through the pipeline as served.</summary>
internal static class EvalCommand
{
    /// <summary>A task's scores as fractions, by metric, and the texts they come from.</summary>
    internal sealed record Result(string Task, string Set, int Texts, Dictionary<string, double> Scores);

    // No member for what was not asked for.
    private static readonly JsonSerializerOptions s_json = new(CommonOptions.Json) { DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull };

    private delegate Task<Result> Evaluation(Run run, ModelTask task);

    /// <summary>By task name: which test set belongs to a task is not in the manifest.</summary>
    private static readonly (string Task, Evaluation Evaluate)[] s_evaluations =
    [
        ("pos", TagsAsync), ("entities", SpansAsync), ("sentiment", SentimentAsync), ("emotion", EmotionAsync),
        ("topic", TopicAsync), ("intent", IntentAsync), ("offensive", OffensiveAsync),
    ];

    private sealed record Run(PipelineAssembly Assembly, LoadedModel Loaded, string Data, CancellationToken Stopping)
    {
        public Task<JsonElement?[]> AnalyseAsync(IEnumerable<string> texts) => TextRun.AnalyseAsync(Assembly, Loaded, [.. texts], Stopping);

        public int Index(ModelTask task) => Loaded.Model.Tasks.ToList().IndexOf(task);
    }

    public static Command Build()
    {
        var data = new Option<string>("--data")
        {
            Description = "Folder of the test sets, laid out as training/data.md says.",
            HelpName = "DIR",
            Required = true,
        };
        var (model, device, tasks, json) = (CommonOptions.Model(), CommonOptions.Device(), CommonOptions.Tasks(), CommonOptions.JsonReport());
        var flips = new Option<bool>("--flips")
        {
            Description = "Also measure the share of labels that differ between one text a batch and full batches.",
        };
        var rowsPerCall = new Option<int>("--rows-per-call")
        {
            Description = "Most texts in one call, on a CPU; 0 for what the package allows.",
            HelpName = "N",
        };
        var command = new CliCommand(
            "eval", "Scores the model on the public test sets, through the pipeline as served.",
            "mtlstream model eval --data CORPORA", "mtlstream model eval --data CORPORA --tasks pos,entities --json")
        {
            data, model, device, tasks, flips, rowsPerCall, json,
        };
        command.SetAction(async (parsed, stopping) =>
        {
            var folder = parsed.GetRequiredValue(data);
            if (folder.Length == 0) throw new UsageException("--data is empty, expected a folder.");
            if (!Directory.Exists(folder)) throw new UsageException($"--data: {Path.GetFullPath(folder)} does not exist.");
            using var assembly = PipelineAssembly.ForTool();
            using var loaded = assembly.LoadModel(
                new()
                {
                    Path = parsed.GetValue(model)!,
                    Device = parsed.GetValue(device)!,
                    Tasks = parsed.GetValue(tasks)!,
                    RowsPerCall = parsed.GetValue(rowsPerCall),
                },
                new());
            var (output, progress) = (parsed.InvocationConfiguration.Output, parsed.InvocationConfiguration.Error);
            var results = await RunAsync(new(assembly, loaded, folder, stopping), progress);
            var flipped = parsed.GetValue(flips) ? BatchInvarianceCheck.Measure(loaded, folder, stopping) : null;
            Print(loaded.Model.Identity, results, output);
            foreach (var share in flipped ?? [])
            {
                await output.WriteLineAsync(string.Create(
                    CultureInfo.InvariantCulture,
                    $"{share.Task,-10} {"flips",-16} {100.0 * share.Flipped / share.Labels,7:F3} %   {share.Flipped} of {share.Labels} labels; " +
                    $"largest difference of a score {share.LargestDifference:F3}"));
            }

            if (parsed.GetValue(json))
            {
                await output.WriteLineAsync(JsonSerializer.Serialize(
                    new
                    {
                        loaded.Model.Identity.Name,
                        loaded.Model.Identity.Version,
                        loaded.Model.Identity.Device,
                        Tasks = results.ToDictionary(r => r.Task, r => r.Scores.ToDictionary(s => s.Key, s => Math.Round(s.Value, 5))),
                        Flips = flipped?.ToDictionary(f => f.Task, f => Math.Round((double)f.Flipped / f.Labels, 6)),
                    },
                    s_json));
            }

            return ExitCodes.Done;
        });
        return command;
    }

    private static async Task<List<Result>> RunAsync(Run run, TextWriter progress)
    {
        var results = new List<Result>();
        foreach (var task in run.Loaded.Model.Tasks)
        {
            if (s_evaluations.FirstOrDefault(e => e.Task == task.Name).Evaluate is not { } evaluate)
            {
                await progress.WriteLineAsync($"{task.Name}: no test set is known for this task; not scored.");
                continue;
            }

            var started = run.Assembly.Time.GetTimestamp();
            Result result;
            try
            {
                result = await evaluate(run, task);
            }
            catch (UsageException exception)
            {
                throw new UsageException($"{task.Name}: {exception.Message}", exception);
            }

            results.Add(result);
            await progress.WriteLineAsync(string.Create(
                CultureInfo.InvariantCulture, $"{task.Name}: {result.Texts} texts in {run.Assembly.Time.GetElapsedTime(started).TotalSeconds:F0} s"));
        }

        return results;
    }

    private static void Print(ModelIdentity model, List<Result> results, TextWriter output)
    {
        output.WriteLine($"{model.Name} {model.Version} on {model.Device}");
        foreach (var (task, set, texts, scores) in results)
        {
            foreach (var (metric, score) in scores)
                output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{task,-10} {metric,-16} {100 * score,7:F2} %   {set}, {texts} texts"));
        }
    }

    private static async Task<Result> TagsAsync(Run run, ModelTask task)
    {
        var gold = TestSets.Treebank(run.Data);
        var given = await GoldTokenization.TagAsync(run.Loaded, run.Index(task), [.. gold.Select(s => s.Words.Select(w => w.Form).ToList())], run.Stopping);
        var right = gold.Zip(given, (g, p) => g.Words.Zip(p).Count(w => w.First.Tag == w.Second)).Sum();

        var answers = await run.AnalyseAsync(gold.Select(s => s.Text));
        var found = answers.Select(a => Entries(a, task.Name, "tags")).ToList();
        var words = Metrics.Items(gold.Zip(found, (g, f) =>
            ((IReadOnlyList<(int, int)>)[.. g.Words.Select(w => (w.Start, w.End))], (IReadOnlyList<(int, int)>)[.. f.Select(t => (t.Start, t.End))])));
        var tags = Metrics.Items(gold.Zip(found, (g, f) =>
            ((IReadOnlyList<(int, int, string)>)[.. g.Words.Select(w => (w.Start, w.End, w.Tag))], (IReadOnlyList<(int, int, string)>)f)));
        return new(task.Name, "UD English-EWT test", gold.Count, new()
        {
            ["accuracy"] = (double)right / gold.Sum(s => s.Words.Count),
            ["wordsF1"] = words.F1,
            ["uposF1"] = tags.F1,
        });
    }

    private static async Task<Result> SpansAsync(Run run, ModelTask task)
    {
        var gold = TestSets.Names(run.Data, task.Labels);
        var given = await GoldTokenization.TagAsync(run.Loaded, run.Index(task), [.. gold.Select(s => s.Words.Select(w => w.Form).ToList())], run.Stopping);
        var onWords = Metrics.Items(gold.Zip(given, (g, p) =>
            ((IReadOnlyList<(int, int, string)>)Metrics.Spans([.. g.Words.Select(w => w.Tag)]),
                (IReadOnlyList<(int, int, string)>)Metrics.Spans([.. p.Select(tag => tag ?? "O")]))));

        var answers = await run.AnalyseAsync(gold.Select(s => s.Text));
        var onText = Metrics.Items(gold.Zip(answers, (g, a) =>
            ((IReadOnlyList<(int, int, string)>)InText(g), (IReadOnlyList<(int, int, string)>)Entries(a, task.Name, "spans"))));
        return new(task.Name, "UNER English-EWT test", gold.Count, new() { ["spanF1"] = onWords.F1, ["rawSpanF1"] = onText.F1 });

        static List<(int, int, string)> InText(TaggedText sentence) =>
        [
            .. Metrics.Spans([.. sentence.Words.Select(w => w.Tag)])
                .Select(s => (sentence.Words[s.Start].Start, sentence.Words[s.End - 1].End, s.Kind)),
        ];
    }

    private static async Task<Result> SentimentAsync(Run run, ModelTask task)
    {
        var gold = TestSets.Sentiment(run.Data);
        var tallies = Metrics.PerLabel(task.Labels, await BestAsync(run, task, gold));
        return new(task.Name, "SemEval-2017 task 4A test", gold.Count, new() { ["macroRecall"] = Metrics.MacroRecall(tallies) });
    }

    private static async Task<Result> OffensiveAsync(Run run, ModelTask task)
    {
        var gold = TestSets.Offensive(run.Data);
        var tallies = Metrics.PerLabel(task.Labels, await BestAsync(run, task, gold));
        return new(task.Name, "TweetEval offensive test", gold.Count, new() { ["macroF1"] = Metrics.MacroF1(tallies) });
    }

    private static async Task<Result> TopicAsync(Run run, ModelTask task)
    {
        var gold = TestSets.Topics(run.Data);
        return new(task.Name, "20 Newsgroups by date, test", gold.Count, new() { ["accuracy"] = Accuracy(await BestAsync(run, task, gold)) });
    }

    private static async Task<Result> EmotionAsync(Run run, ModelTask task)
    {
        var gold = TestSets.Emotions(run.Data);
        var answers = await run.AnalyseAsync(gold.Select(t => t.Text));
        var tallies = Metrics.PerLabel(task.Labels, gold.Zip(answers, (g, a) => (g.Labels, (IReadOnlyList<string>)(a is { } tasks
            ? [.. tasks.GetProperty(task.Name).GetProperty("labels").EnumerateArray().Select(l => l.GetProperty("label").GetString()!)]
            : []))));
        return new(task.Name, "GoEmotions test", gold.Count, new() { ["macroF1"] = Metrics.MacroF1(tallies) });
    }

    private static async Task<Result> IntentAsync(Run run, ModelTask task)
    {
        var gold = TestSets.Intents(run.Data);
        var answers = await run.AnalyseAsync(gold.Select(t => t.Text));
        var inside = gold.Zip(answers).Where(p => p.First.Labels.Count > 0).ToList();
        var outside = gold.Zip(answers).Where(p => p.First.Labels.Count == 0).ToList();
        return new(task.Name, "CLINC150 test", gold.Count, new()
        {
            // In scope by the best label, as published; as served a text below the threshold gets none.
            ["accuracy"] = Accuracy(inside.Select(p => (p.First.Labels, Best(p.Second, task)))),
            ["servedAccuracy"] = Accuracy(inside.Select(p => (p.First.Labels, Given(p.Second, task)))),
            ["outOfScopeRecall"] = (double)outside.Count(p => Given(p.Second, task).Count == 0) / outside.Count,
        });
    }

    /// <summary>True and best label of each text; none for a text that was rejected.</summary>
    private static async Task<List<(IReadOnlyList<string> True, IReadOnlyList<string> Given)>> BestAsync(Run run, ModelTask task, List<LabelledText> gold)
    {
        var answers = await run.AnalyseAsync(gold.Select(t => t.Text));
        return [.. gold.Zip(answers, (g, a) => (g.Labels, Best(a, task)))];
    }

    private static double Accuracy(IEnumerable<(IReadOnlyList<string> True, IReadOnlyList<string> Given)> answers) =>
        answers.Average(a => a.True.SequenceEqual(a.Given) ? 1.0 : 0.0);

    private static IReadOnlyList<string> Best(JsonElement? answer, ModelTask task) => Given(answer, task) is { Count: > 0 } given ? given : answer is { } tasks
        ? [tasks.GetProperty(task.Name).GetProperty("scores").EnumerateObject().MaxBy(s => s.Value.GetDouble()).Name] : [];

    private static IReadOnlyList<string> Given(JsonElement? answer, ModelTask task) =>
        answer?.GetProperty(task.Name).GetProperty("label").GetString() is { } label ? [label] : [];

    private static List<(int Start, int End, string Label)> Entries(JsonElement? answer, string task, string member) => answer is { } tasks
        ? [.. tasks.GetProperty(task).GetProperty(member).EnumerateArray()
            .Select(e => (e.GetProperty("start").GetInt32(), e.GetProperty("end").GetInt32(), e.GetProperty("label").GetString()!))]
        : [];
}
