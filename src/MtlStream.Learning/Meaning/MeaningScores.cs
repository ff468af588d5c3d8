using MtlStream.Batching;
using MtlStream.Onnx;
using MtlStream.Tasks;

namespace MtlStream.Learning.Meaning;

/// <summary>Scores of the tasks that answer, shorten and reply, as served.</summary>
internal sealed class MeaningScores(PipelineAssembly pipelines, LoadedModel loaded, TestSetReader reader)
{
    private const int Few = 10, Many = 100; // replies that the right one is among
    private const int Seed = 7;

    private readonly MeaningSets _sets = new(reader);

    /// <summary><c>f1</c>: of the answered questions. <c>told</c>: how often it is told whether there is an answer, answered questions and others in equal shares.</summary>
    public async Task<(int Texts, Dictionary<string, Func<double>> Scores)> AnswersAsync(ModelTask task, TestSet set, CancellationToken stopping)
    {
        var asked = _sets.Asked(set);
        var said = await TextRun.AnalyseAsync(pipelines, loaded, [.. asked.Select(a => a.Text)], stopping, questions: [.. asked.Select(a => a.Question)]);
        var pairs = asked.Zip(said, (a, s) => (Asked: a, Given: Answer(s, task))).ToList();
        var (answered, others) = (pairs.Where(p => p.Asked.Answers.Count > 0).ToList(), pairs.Where(p => p.Asked.Answers.Count == 0).ToList());
        return (asked.Count, new()
        {
            ["f1"] = () => answered.Average(p => AnswerWords.F1(p.Given, p.Asked.Answers)),
            ["told"] = () => (answered.Average(p => p.Given is null ? 0.0 : 1) + others.Average(p => p.Given is null ? 1.0 : 0)) / 2,
        });
    }

    /// <summary><c>keptF1</c>: of the words kept, all sentences together.</summary>
    public async Task<(int Texts, Dictionary<string, Func<double>> Scores)> KeptWordsAsync(ModelTask task, TestSet set, CancellationToken stopping)
    {
        var gold = _sets.Shortened(set);
        var said = await TextRun.AnalyseAsync(pipelines, loaded, [.. gold.Select(g => g.Text)], stopping);
        return (gold.Count, new()
        {
            ["keptF1"] = () => Metrics.Items(gold.Zip(said, (g, s) =>
                ((IReadOnlyList<int>)[.. g.Words.Where(w => w.Kept).Select(w => w.Start)], (IReadOnlyList<int>)[.. WordsIn(g, Kept(s, task)).Select(w => w.Start)]))).F1,
        });
    }

    /// <summary>
    /// <c>rouge1</c>: of the sentences given, against the summary that fits best; <c>leadRouge1</c>: of as many first sentences;
    /// <c>bestRouge1</c>: of the sentence with the highest score; <c>firstRouge1</c>: of the first one.
    /// </summary>
    public async Task<(int Texts, Dictionary<string, Func<double>> Scores)> SummariesAsync(ModelTask task, TestSet set, CancellationToken stopping)
    {
        var gold = _sets.SummedUp(set);
        var said = await TextRun.AnalyseAsync(pipelines, loaded, [.. gold.Select(g => g.Text)], stopping);
        var given = gold.Zip(said, (g, s) => (Gold: g, Sentences: Sentences(s, task))).ToList();
        return (gold.Count, new()
        {
            ["rouge1"] = () => given.Average(p => AnswerWords.Rouge1(string.Join(' ', p.Sentences.Select(s => s.Text)), p.Gold.Summaries)),
            ["leadRouge1"] = () => given.Average(p => AnswerWords.Rouge1(string.Join(' ', p.Gold.Sentences.Take(p.Sentences.Count)), p.Gold.Summaries)),
            ["bestRouge1"] = () => given.Average(p => AnswerWords.Rouge1(p.Sentences.Count == 0 ? "" : p.Sentences.MaxBy(s => s.Score).Text, p.Gold.Summaries)),
            ["firstRouge1"] = () => given.Average(p => AnswerWords.Rouge1(p.Gold.Sentences[0], p.Gold.Summaries)),
        });
    }

    /// <summary><c>of10</c>, <c>of100</c>: how often what was said next is the best of so many replies, the others drawn from the same set.</summary>
    public (int Texts, Dictionary<string, Func<double>> Scores) Replies(TestSet set, CancellationToken stopping)
    {
        var exchanges = _sets.Exchanges(set);
        var said = exchanges.Select(e => Vector(e.Said, ReplyVectorsTask.Said, stopping)).ToList();
        var next = exchanges.Select(e => Vector(e.Next, ReplyVectorsTask.Next, stopping)).ToList();
        return (exchanges.Count, new() { ["of10"] = () => Among(Few), ["of100"] = () => Among(Many) });

        double Among(int count)
        {
            var draw = new Random(Seed);
            return Enumerable.Range(0, exchanges.Count).Average(i =>
            {
                var others = Enumerable.Range(0, 2 * count).Select(_ => draw.Next(exchanges.Count)).Distinct().Where(j => exchanges[j].Next != exchanges[i].Next).Take(count - 1);
                var right = Product(said[i], next[i]);
                return others.All(j => Product(said[i], next[j]) < right) ? 1.0 : 0;
            });
        }
    }

    private static double Product(float[] a, float[] b) => a.Zip(b, (x, y) => (double)x * y).Sum();

    /// <summary>Of a text's first window.</summary>
    private float[] Vector(string text, int output, CancellationToken stopping)
    {
        stopping.ThrowIfCancellationRequested();
        using var tokens = loaded.Tokenizer.Tokenize(text);
        using var said = loaded.Model.Predict(new([new(tokens, 0)], tokens.SequenceLength(0), BatchTrigger.EndOfInput), 0);
        return said.Of(0, 0).Floats(output).ToArray();
    }

    private static string? Answer(Annotation said, ModelTask task) =>
        said.Tasks is null ? null : said[task.Name].GetProperty("answers").EnumerateArray().Select(a => a.GetProperty("text").GetString()).FirstOrDefault();

    private static List<(int Start, int End)> Kept(Annotation said, ModelTask task) =>
        said.Tasks is null ? [] : [.. said[task.Name].GetProperty("kept").EnumerateArray().Select(r => (r[0].GetInt32(), r[1].GetInt32()))];

    private static IEnumerable<(int Start, int End, bool Kept)> WordsIn(ShortenedText text, List<(int Start, int End)> ranges) =>
        text.Words.Where(w => ranges.Any(r => r.Start <= w.Start && w.Start < r.End));

    private static List<(string Text, double Score)> Sentences(Annotation said, ModelTask task) => said.Tasks is null ? [] :
    [
        .. said[task.Name].GetProperty("sentences").EnumerateArray()
            .Select(s => (said.Text[s.GetProperty("start").GetInt32()..s.GetProperty("end").GetInt32()], s.GetProperty("score").GetDouble())),
    ];
}
