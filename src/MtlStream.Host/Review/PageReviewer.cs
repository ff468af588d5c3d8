using MtlStream.Http.Api;
using MtlStream.Learning.Review;
using MtlStream.Models;
using MtlStream.Tasks;

namespace MtlStream.Host.Review;

/// <summary>Asks people on the page, about the tasks of whole texts and about spans. Thread-safe.</summary>
/// <param name="open">Reads questions and answers from where they lie; again when nobody has anything left to answer.</param>
/// <param name="manifest">Of the model that serves; null before there is one.</param>
internal sealed class PageReviewer(Func<ReviewStore> open, Func<ModelManifest?> manifest, TimeProvider time) : IReviewer, IDisposable
{
    private const double Overlap = 0.1; // as `mtlstream review` has it

    /// <summary>Topics are not read more often than this.</summary>
    private static readonly TimeSpan s_freshFor = TimeSpan.FromSeconds(10);

    private readonly Lock _gate = new();
    private readonly Dictionary<(string Task, string By), Person> _people = [];
    private ReviewStore? _store;
    private Dictionary<string, ReviewQuestion> _questions = [];
    private long _openedAt;

    public ReviewState State(string task, string by)
    {
        lock (_gate)
        {
            var person = PersonOf(task, by);
            if (person.Session.Next is null && _store is not null && time.GetElapsedTime(_openedAt) > s_freshFor)
            {
                Close();
                person = PersonOf(task, by);
            }

            return StateOf(person);
        }
    }

    public ReviewState Answer(string task, string by, string question, IReadOnlyList<string>? labels)
    {
        lock (_gate)
        {
            var person = PersonOf(task, by);
            if (!_questions.TryGetValue(question, out var asked)) throw new ArgumentException("question: there is no such question.");
            if (labels is not null && person.Choices.Problem(labels, asked.Text) is { } problem) throw new ArgumentException($"labels: {problem}.");
            Write(person, person.Session.Answer(asked, labels));
            person.Answers++;
            return StateOf(person);
        }
    }

    public ReviewState Undo(string task, string by)
    {
        lock (_gate)
        {
            var person = PersonOf(task, by);
            if (person.Answers == 0) return StateOf(person);
            _store!.Write(person.Session.Undo()!);
            person.Answers--;
            return StateOf(person);
        }
    }

    public void Dispose() => Close();

    /// <summary>What cannot be written down counts as not said.</summary>
    private void Write(Person person, ReviewAnswer answer)
    {
        try
        {
            _store!.Write(answer);
        }
        catch (IOException)
        {
            person.Session.Undo();
            throw;
        }
    }

    private ReviewState StateOf(Person person)
    {
        var (session, choices) = (person.Session, person.Choices);
        var next = session.Next;
        return new(
            session.Task, [.. TasksOf().Select(t => t.Name)], choices.Labels, choices.Several, choices.Spans, session.Done, session.Left, person.Answers > 0,
            Agreement.Alpha(_store!.Book, session.Task), next is null ? null : new(next.Id, next.Text, next.Reasons));
    }

    private Person PersonOf(string name, string by)
    {
        var store = Open();
        var tasks = TasksOf();
        if (tasks.Count == 0) throw new ArgumentException("task: the model has none about whole texts or spans.");
        if (name.Length == 0) name = MostAsked(store, tasks);
        var task = tasks.Find(t => t.Name == name) ?? throw new ArgumentException($"task: there is no such task; there are {string.Join(", ", tasks.Select(t => t.Name))}.");
        if (!_people.TryGetValue((name, by), out var person))
            _people[(name, by)] = person = new(new(store.Questions, store.Book, name, by, Overlap, time), ReviewChoices.Of(task));
        return person;
    }

    private static string MostAsked(ReviewStore store, List<ModelTask> tasks)
    {
        var unsure = store.Questions.SelectMany(q => q.Unsure).CountBy(t => t).Where(t => tasks.Exists(known => known.Name == t.Key)).ToList();
        return unsure.Count == 0 ? tasks[0].Name : unsure.MaxBy(t => t.Value).Key;
    }

    /// <summary>Those about whole texts first.</summary>
    private List<ModelTask> TasksOf() => [.. (manifest()?.Tasks ?? []).Select(t => t.Task).Where(ReviewChoices.Has).OrderBy(t => t is TokenSpansTask)];

    private ReviewStore Open()
    {
        if (_store is not null) return _store;
        _store = open();
        _questions = _store.Questions.DistinctBy(q => q.Id).ToDictionary(q => q.Id);
        _openedAt = time.GetTimestamp();
        return _store;
    }

    private void Close()
    {
        _store?.Dispose();
        _store = null;
        _people.Clear();
    }

    private sealed class Person(ReviewSession session, ReviewChoices choices)
    {
        public ReviewSession Session { get; } = session;

        public ReviewChoices Choices { get; } = choices;

        /// <summary>Given since the topics were read, so that they can be taken back.</summary>
        public int Answers { get; set; }
    }
}
