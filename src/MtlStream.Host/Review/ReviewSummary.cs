using System.Globalization;
using MtlStream.Learning.Review;

namespace MtlStream.Host.Review;

/// <summary>How a task's review stands, for people and for scripts.</summary>
/// <param name="Questions">Copies that hold a text.</param>
/// <param name="Answered">Questions that somebody has answered.</param>
/// <param name="Disputed">Of those, how many have as many answers one way as another.</param>
/// <param name="Agreement">Krippendorff's alpha; null where no two people answered the same questions.</param>
/// <param name="Quality">On the stream; null where it cannot be told.</param>
internal sealed record ReviewSummary(string Task, int Questions, int Answered, int Disputed, IReadOnlyList<string> People, double? Agreement, StreamQuality? Quality)
{
    public static ReviewSummary Of(IReadOnlyList<ReviewQuestion> questions, AnswerBook book, string task)
    {
        var verdicts = book.Verdicts(task);
        var people = book.All.Where(a => a.Task == task).Select(a => a.By).Distinct().Order(StringComparer.Ordinal);
        return new(
            task, questions.DistinctBy(q => q.Id).Count(), verdicts.Count, verdicts.Count(v => v.Labels is null && v.Answers.Count > 0), [.. people],
            Learning.Review.Agreement.Alpha(book, task), StreamQuality.Of(book, task, _ => true));
    }

    public void Write(TextWriter output)
    {
        output.WriteLine(Line($"{Task}: {Answered} of {Questions} questions answered, by {People.Count} people; {Disputed} disputed"));
        output.WriteLine(Agreement is { } alpha
            ? Line($"  agreement: Krippendorff's alpha {alpha:F3}")
            : "  agreement: not known, as no two people answered the same questions differently enough");
        output.WriteLine(Quality is { Accuracy: var share }
            ? Line($"  on the stream {share.Value:P1} are right ({share.Low:P1} to {share.High:P1}), from {Quality.Answered} answers")
            : "  on the stream: not known; set Watch:ReviewRandom above zero, so that every event has a chance");
    }

    /// <summary>The members that scripts rely on.</summary>
    public object Json => new
    {
        task = Task,
        questions = Questions,
        answered = Answered,
        disputed = Disputed,
        people = People,
        agreement = Agreement,
        quality = Quality is { Accuracy: var share } ? new { value = share.Value, low = share.Low, high = share.High, answers = Quality.Answered } : null,
    };

    private static string Line(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
