namespace MtlStream.Learning.Review;

/// <summary>What people agree on about a question.</summary>
/// <param name="Labels">What most of them said; null on a tie, or where nobody could tell.</param>
/// <param name="Answers">Of those who could tell.</param>
public sealed record Verdict(string Question, IReadOnlyList<string>? Labels, IReadOnlyList<ReviewAnswer> Answers);

/// <summary>All answers as they stand: of each person the last one to each question. Thread-safe.</summary>
public sealed class AnswerBook
{
    private readonly Lock _sync = new();
    private readonly Dictionary<string, ReviewAnswer> _standing = [];
    private readonly Dictionary<(string Question, string Task), HashSet<string>> _keys = [];

    /// <summary>Takes an answer, in the order in which they were given.</summary>
    public void Add(ReviewAnswer answer)
    {
        ArgumentNullException.ThrowIfNull(answer);
        lock (_sync)
        {
            var asked = (answer.Question, answer.Task);
            if (!_keys.TryGetValue(asked, out var keys)) _keys[asked] = keys = [];
            if (answer.Withdrawn)
            {
                keys.Remove(answer.Key);
                _standing.Remove(answer.Key);
                return;
            }

            keys.Add(answer.Key);
            _standing[answer.Key] = answer;
        }
    }

    /// <summary>Every answer that stands.</summary>
    public IReadOnlyList<ReviewAnswer> All
    {
        get
        {
            lock (_sync) return [.. _standing.Values];
        }
    }

    /// <summary>The answers to one question.</summary>
    public IReadOnlyList<ReviewAnswer> To(string question, string task)
    {
        lock (_sync) return _keys.TryGetValue((question, task), out var keys) ? [.. keys.Select(key => _standing[key])] : [];
    }

    /// <summary>The tasks that there are answers about.</summary>
    public IReadOnlyList<string> Tasks => [.. All.Select(a => a.Task).Distinct().Order(StringComparer.Ordinal)];

    /// <summary>What people say about each question of a task that somebody has answered.</summary>
    public IReadOnlyList<Verdict> Verdicts(string task) =>
        [.. All.Where(a => a.Task == task).GroupBy(a => a.Question).OrderBy(g => g.Key, StringComparer.Ordinal).Select(VerdictOf)];

    /// <summary>A set of labels as one value, whatever their order.</summary>
    public static string ValueOf(IReadOnlyList<string> labels) => string.Join('|', labels.Distinct().Order(StringComparer.Ordinal));

    private static Verdict VerdictOf(IGrouping<string, ReviewAnswer> asked)
    {
        var told = asked.Where(a => a.Labels is not null).ToList();
        var votes = told.GroupBy(a => ValueOf(a.Labels!)).OrderByDescending(v => v.Count()).ToList();
        var isTie = votes.Count > 1 && votes[0].Count() == votes[1].Count();
        return new(asked.Key, votes.Count == 0 || isTie ? null : votes[0].First().Labels, told);
    }
}
