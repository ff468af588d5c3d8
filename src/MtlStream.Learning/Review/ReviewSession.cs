using MtlStream.Events;

namespace MtlStream.Learning.Review;

/// <summary>What one person is asked about one task: the next question, the answer to it, the one before once more. Not thread-safe.</summary>
/// <remarks>
/// The order is by chance and the same for everybody, so that the questions answered so far are a fair sample of all, and estimates
/// from them stay without bias. Some are asked of everybody, so that agreement shows; the others of who comes first.
/// </remarks>
public sealed class ReviewSession
{
    private readonly AnswerBook _book;
    private readonly string _by;
    private readonly TimeProvider _time;
    private readonly List<ReviewQuestion> _asked;
    private readonly Stack<ReviewQuestion> _answered = [];
    private readonly double _overlap;

    /// <param name="questions">Those that come twice count once.</param>
    /// <param name="book">Everybody's answers so far; takes this person's.</param>
    /// <param name="overlap">Share of the questions that everybody is asked, from 0 to 1.</param>
    public ReviewSession(IEnumerable<ReviewQuestion> questions, AnswerBook book, string task, string by, double overlap, TimeProvider time)
    {
        (_book, Task, _by, _overlap, _time) = (book, task, by, overlap, time);
        _asked = [.. questions.DistinctBy(q => q.Id).OrderBy(q => EventIdentity.DrawOf("order:" + q.Id)).ThenBy(q => q.Id, StringComparer.Ordinal)];
    }

    public string Task { get; }

    /// <summary>How many questions are still to be answered by this person.</summary>
    public int Left => _asked.Count(IsOpen);

    /// <summary>How many this person has answered, today or before.</summary>
    public int Done => _asked.Count(q => _book.To(q.Id, Task).Any(a => a.By == _by));

    /// <summary>The next question; null when none is left.</summary>
    public ReviewQuestion? Next => _asked.Find(IsOpen);

    /// <summary>Takes an answer, which the caller writes down.</summary>
    /// <param name="labels">None where none fits; null where the person cannot tell.</param>
    public ReviewAnswer Answer(ReviewQuestion question, IReadOnlyList<string>? labels)
    {
        ArgumentNullException.ThrowIfNull(question);
        var answer = AnswerTo(question) with { Labels = labels };
        _book.Add(answer);
        _answered.Push(question);
        return answer;
    }

    /// <summary>Takes the last answer of this session back, so that its question comes again.</summary>
    /// <returns>What the caller writes down; null when there is none to take back.</returns>
    public ReviewAnswer? Undo()
    {
        if (!_answered.TryPop(out var question)) return null;
        var withdrawn = AnswerTo(question) with { Withdrawn = true };
        _book.Add(withdrawn);
        return withdrawn;
    }

    private ReviewAnswer AnswerTo(ReviewQuestion question) => new(question.Id, Task, null, _by, _time.GetUtcNow())
    {
        Given = question.Given.GetValueOrDefault(Task),
        Model = question.Model,
        Probability = question.Probability,
        EventTime = question.Time,
    };

    private bool IsOpen(ReviewQuestion question)
    {
        var answers = _book.To(question.Id, Task);
        if (answers.Any(a => a.By == _by)) return false;
        return answers.Count == 0 || EventIdentity.DrawOf("overlap:" + question.Id) < _overlap;
    }
}
