using MtlStream.Learning.Data;

namespace MtlStream.Learning.Review;

/// <summary>Texts whose labels people agree on: what a task is taught from, and a candidate judged by.</summary>
/// <param name="Disputed">Questions left out because as many say one thing as another.</param>
/// <param name="Untold">Questions left out because nobody could tell.</param>
/// <param name="Missing">Answers whose question is gone from the topic or the file.</param>
public sealed record ReviewedTexts(IReadOnlyList<LabelledExample> Texts, int Disputed, int Untold, int Missing)
{
    /// <summary>Joins questions and answers about one task.</summary>
    public static ReviewedTexts Of(IEnumerable<ReviewQuestion> questions, AnswerBook book, string task)
    {
        ArgumentNullException.ThrowIfNull(book);
        var texts = questions.DistinctBy(q => q.Id).ToDictionary(q => q.Id, q => q.Text);
        var verdicts = book.Verdicts(task);
        var known = verdicts.Where(v => texts.ContainsKey(v.Question)).ToList();
        var agreed = known.Where(v => v.Labels is not null).ToList();
        return new(
            [.. agreed.Select((v, i) => new LabelledExample(texts[v.Question], v.Labels!, i + 1))],
            known.Count(v => v.Labels is null && v.Answers.Count > 0), known.Count(v => v.Answers.Count == 0), verdicts.Count - known.Count);
    }
}
