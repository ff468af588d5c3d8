using System.Text;
using MtlStream.Events;
using MtlStream.Host.Configuration;
using MtlStream.Kafka;
using MtlStream.Learning.Review;

namespace MtlStream.Host.Review;

/// <summary>Questions and answers where they lie: in Kafka's topics, or in files. Not thread-safe.</summary>
internal sealed class ReviewStore : IDisposable
{
    /// <summary>Settings of <c>Kafka</c> that it can do without.</summary>
    public static readonly string[] Unused = ["InputTopics", "OutputTopic", "DeadLetterTopic"];

    private readonly Action<ReviewAnswer> _write;
    private readonly RecordTopic? _answers;

    private ReviewStore(IReadOnlyList<ReviewQuestion> questions, int skipped, IEnumerable<ReviewAnswer> answers, Action<ReviewAnswer> write, RecordTopic? topic)
    {
        (Questions, Skipped, _write, _answers) = (questions, skipped, write, topic);
        foreach (var answer in answers) Book.Add(answer);
    }

    public IReadOnlyList<ReviewQuestion> Questions { get; }

    /// <summary>Copies in which no text was found.</summary>
    public int Skipped { get; }

    public AnswerBook Book { get; } = new();

    /// <summary>Reads <c>Kafka:ReviewTopic</c> and <c>Kafka:AnswerTopic</c> to where they end now.</summary>
    /// <param name="answers">A file to keep the answers in, in place of the topic; null for the topic.</param>
    /// <exception cref="UsageException">A topic is not named.</exception>
    /// <exception cref="IOException">The brokers cannot be reached, or a topic cannot be read.</exception>
    public static ReviewStore FromTopics(AppSettings settings, string? answers, CancellationToken stopping)
    {
        var kafka = settings.Kafka;
        if (kafka.ReviewTopic.Length == 0) throw new UsageException("Kafka:ReviewTopic: found none, expected the topic of the copies for review.");
        if (kafka.AnswerTopic.Length == 0 && answers is null)
            throw new UsageException("Kafka:AnswerTopic: found none, expected the topic of people's answers; or --answers FILE.");
        using var copies = new RecordTopic(settings.KafkaClients, kafka.ReviewTopic, "review topic");
        var (questions, skipped) = QuestionsIn(copies.ReadNew(stopping), settings.Input);
        if (answers is not null) return WithFile(questions, skipped, answers);
        var topic = new RecordTopic(settings.KafkaClients, kafka.AnswerTopic, "answer topic");
        try
        {
            topic.Ensure();
            return new(questions, skipped, AnswersIn(topic.ReadNew(stopping)), Append, topic);
        }
        catch
        {
            topic.Dispose();
            throw;
        }

        void Append(ReviewAnswer answer) => topic.Append(Encoding.UTF8.GetBytes(answer.Key), Encoding.UTF8.GetBytes(answer.ToJson()));
    }

    /// <summary>Reads questions from a file of JSON lines, and the answers beside it.</summary>
    /// <exception cref="UsageException">A file cannot be read.</exception>
    public static ReviewStore FromFile(string file, InputOptions input, string? answers)
    {
        if (!File.Exists(file)) throw new UsageException($"{file}: there is no such file.");
        var lines = File.ReadLines(file).Where(l => !string.IsNullOrWhiteSpace(l))
            .Select((line, i) => new SourceRecord(new(file, 0, i, 0, i), null, Encoding.UTF8.GetBytes(line), [], -1, 0));
        var (questions, skipped) = QuestionsIn(lines, input);
        return WithFile(questions, skipped, answers ?? file + ".answers.jsonl");
    }

    /// <summary>The answers in messages; what is none is left out, as the topic may be anybody's.</summary>
    public static IEnumerable<ReviewAnswer> AnswersIn(IEnumerable<SourceRecord> records)
    {
        foreach (var record in records)
        {
            if (record.Payload is { } payload && TryParse(payload) is { } answer) yield return answer;
        }
    }

    /// <summary>Writes an answer down.</summary>
    /// <exception cref="IOException">It cannot be written.</exception>
    public void Write(ReviewAnswer answer) => _write(answer);

    public void Dispose() => _answers?.Dispose();

    private static ReviewStore WithFile(IReadOnlyList<ReviewQuestion> questions, int skipped, string path)
    {
        var file = new AnswerFile(path);
        return new(questions, skipped, file.Read(), file.Append, null);
    }

    private static (IReadOnlyList<ReviewQuestion> Questions, int Skipped) QuestionsIn(IEnumerable<SourceRecord> copies, InputOptions input)
    {
        var reader = new QuestionReader(input);
        var questions = new List<ReviewQuestion>();
        var skipped = 0;
        foreach (var copy in copies)
        {
            if (reader.Read(copy, out _) is { } question) questions.Add(question);
            else skipped++;
        }

        return (questions, skipped);
    }

    private static ReviewAnswer? TryParse(byte[] payload)
    {
        try
        {
            return ReviewAnswer.Parse(payload);
        }
        catch (FormatException)
        {
            return null;
        }
    }
}
