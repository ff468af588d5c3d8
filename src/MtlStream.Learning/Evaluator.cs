using System.Text.Json;
using MtlStream.Learning.Meaning;
using MtlStream.Onnx;
using MtlStream.Tasks;

namespace MtlStream.Learning;

/// <summary>A task's scores as fractions, by metric, and the texts they come from.</summary>
public sealed record TaskScores(string Task, string Set, int Texts, IReadOnlyDictionary<string, double> Scores);

/// <summary>Scores tasks on test sets, through the pipeline as served.</summary>
public sealed class Evaluator(PipelineAssembly pipelines, LoadedModel loaded, TestSetReader reader)
{
    private const int LongText = 40; // UTF-16 units

    /// <summary>Where a model that answers has to look for questions: <see cref="Models.ModelOptions.Asking"/>.</summary>
    public static string QuestionPointer => TextRun.QuestionPointer;

    private readonly MeaningScores _meaning = new(pipelines, loaded, reader);

    /// <summary>Scores one task of the model.</summary>
    /// <exception cref="UsageException">The set is missing, or does not fit the task: its labels, its kind or its metrics.</exception>
    public async Task<TaskScores> ScoreAsync(ModelTask task, TestSet set, CancellationToken stopping)
    {
        ArgumentNullException.ThrowIfNull(task);
        ArgumentNullException.ThrowIfNull(set);
        var (texts, scores) = task switch
        {
            TokenTagsTask => await TagsAsync(task, set, stopping),
            TokenSpansTask => await SpansAsync(task, set, stopping),
            TextLabelTask => await LabelsAsync(task, set, stopping),
            AnswersTask => await _meaning.AnswersAsync(task, set, stopping),
            KeptWordsTask => await _meaning.KeptWordsAsync(task, set, stopping),
            KeptSentencesTask => await _meaning.SummariesAsync(task, set, stopping),
            ReplyVectorsTask => _meaning.Replies(set, stopping),
            _ => throw new UsageException($"nothing measures tasks of kind {task.Kind}."),
        };
        var unknown = set.Metrics.FirstOrDefault(m => !scores.ContainsKey(m));
        if (unknown is not null)
            throw new UsageException($"there is no metric {unknown} for a task of this kind; there are {string.Join(", ", scores.Keys)}.");
        return new(task.Name, set.Name, texts, set.Metrics.ToDictionary(m => set.Suffix.Length == 0 ? m : $"{m}.{set.Suffix}", m => scores[m]()));
    }

    private async Task<(int Texts, Dictionary<string, Func<double>> Scores)> TagsAsync(ModelTask task, TestSet set, CancellationToken stopping)
    {
        var gold = reader.Sentences(set);
        var given = await GoldTokenization.TagAsync(loaded, Index(task), [.. gold.Select(s => s.Words.Select(w => w.Form).ToList())], stopping);
        var answers = await AnswersAsync([.. gold.Select(s => s.Text)], stopping);
        var found = answers.Select(a => Entries(a, task.Name, "tags")).ToList();
        return (gold.Count, new()
        {
            ["accuracy"] = () =>
                (double)gold.Zip(given, (g, p) => g.Words.Zip(p).Count(w => w.First.Tag == w.Second)).Sum() / gold.Sum(s => s.Words.Count),
            ["wordsF1"] = () => ItemsF1(gold, found, g => g.Words.Select(w => (w.Start, w.End)), f => f.Select(t => (t.Start, t.End))),
            ["uposF1"] = () => ItemsF1(gold, found, g => g.Words.Select(w => (w.Start, w.End, w.Tag)), f => f),
        });
    }

    private async Task<(int Texts, Dictionary<string, Func<double>> Scores)> SpansAsync(ModelTask task, TestSet set, CancellationToken stopping)
    {
        var gold = reader.Sentences(set, task.Labels);
        var given = await GoldTokenization.TagAsync(loaded, Index(task), [.. gold.Select(s => s.Words.Select(w => w.Form).ToList())], stopping);
        var answers = await AnswersAsync([.. gold.Select(s => s.Text)], stopping);
        var found = answers.Select(a => Entries(a, task.Name, "spans")).ToList();
        return (gold.Count, new()
        {
            ["spanF1"] = () => ItemsF1(gold, given, g => Metrics.Spans(Tags(g)), p => Metrics.Spans([.. p.Select(tag => tag ?? "O")])),
            ["rawSpanF1"] = () => ItemsF1(gold, found, InText, f => f),
        });

        static List<string> Tags(TaggedText sentence) => [.. sentence.Words.Select(w => w.Tag)];

        static IEnumerable<(int Start, int End, string Label)> InText(TaggedText sentence) => Metrics.Spans(Tags(sentence))
            .Select(s => (sentence.Words[s.Start].Start, sentence.Words[s.End - 1].End, s.Kind));
    }

    /// <summary>A text's label is the best one, also where what is served gives none: so published scores are defined.</summary>
    private async Task<(int Texts, Dictionary<string, Func<double>> Scores)> LabelsAsync(ModelTask task, TestSet set, CancellationToken stopping)
    {
        var gold = reader.Texts(set);
        var answers = await AnswersAsync([.. gold.Select(t => t.Text)], stopping);
        var served = gold.Zip(answers, (g, a) => (True: g.Labels, Given: Given(a, task))).ToList();
        var best = task is MultiLabelTask ? served : [.. gold.Zip(answers, (g, a) => (g.Labels, Best(a, task)))];
        var outside = served.Where(a => a.True.Count == 0).ToList();
        return (gold.Count, new()
        {
            ["accuracy"] = () => Accuracy(best.Where(a => a.True.Count > 0)),
            ["longAccuracy"] = () => Accuracy(best.Where((_, i) => gold[i].Text.Length >= LongText)),
            ["shortAccuracy"] = () => Accuracy(best.Where((_, i) => gold[i].Text.Length < LongText)),
            ["servedAccuracy"] = () => Accuracy(served.Where(a => a.True.Count > 0)),
            ["outOfScopeRecall"] = () => (double)outside.Count(a => a.Given.Count == 0) / outside.Count,
            ["macroRecall"] = () => Metrics.MacroRecall(Metrics.PerLabel(task.Labels, best)),
            ["macroF1"] = () => Metrics.MacroF1(Metrics.PerLabel(task.Labels, best)),
        });
    }

    private int Index(ModelTask task) => loaded.Model.Tasks.ToList().IndexOf(task);

    private static double ItemsF1<TGold, TGiven, T>(
        IEnumerable<TGold> gold, IEnumerable<TGiven> given, Func<TGold, IEnumerable<T>> truth, Func<TGiven, IEnumerable<T>> answer)
        where T : notnull =>
        Metrics.Items(gold.Zip(given, (g, a) => ((IReadOnlyList<T>)[.. truth(g)], (IReadOnlyList<T>)[.. answer(a)]))).F1;

    /// <summary>The object <c>analysis.tasks</c> of each text; null where it was rejected.</summary>
    private async Task<IReadOnlyList<JsonElement?>> AnswersAsync(IReadOnlyList<string> texts, CancellationToken stopping) =>
        [.. (await TextRun.AnalyseAsync(pipelines, loaded, texts, stopping)).Select(a => a.Tasks)];

    private static double Accuracy(IEnumerable<(IReadOnlyList<string> True, IReadOnlyList<string> Given)> answers) =>
        answers.Average(a => a.True.SequenceEqual(a.Given) ? 1.0 : 0.0);

    /// <summary>The labels that are served; none for a text that was rejected.</summary>
    private static IReadOnlyList<string> Given(JsonElement? answer, ModelTask task)
    {
        if (answer is null) return [];
        var said = answer.Value.GetProperty(task.Name);
        if (task is MultiLabelTask) return [.. said.GetProperty("labels").EnumerateArray().Select(l => l.GetProperty("label").GetString()!)];
        var label = said.GetProperty("label").GetString();
        return label is null ? [] : [label];
    }

    private static IReadOnlyList<string> Best(JsonElement? answer, ModelTask task)
    {
        var given = Given(answer, task);
        if (given.Count > 0 || answer is null) return given;
        return [answer.Value.GetProperty(task.Name).GetProperty("scores").EnumerateObject().MaxBy(s => s.Value.GetDouble()).Name];
    }

    private static List<(int Start, int End, string Label)> Entries(JsonElement? answer, string task, string member)
    {
        if (answer is null) return [];
        return
        [
            .. answer.Value.GetProperty(task).GetProperty(member).EnumerateArray()
                .Select(e => (e.GetProperty("start").GetInt32(), e.GetProperty("end").GetInt32(), e.GetProperty("label").GetString()!)),
        ];
    }
}
