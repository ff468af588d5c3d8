using System.ComponentModel.DataAnnotations;

namespace MtlStream.Kafka;

/// <summary>Which topics of which cluster. Section <c>Kafka</c>.</summary>
public sealed record KafkaOptions : IValidatableObject
{
    /// <summary>Host and port of one or more brokers, comma-separated.</summary>
    [Required]
    public string BootstrapServers { get; init; } = "localhost:9092";

    /// <summary>Consumer group; workers of one group share the partitions.</summary>
    [Required]
    public string GroupId { get; init; } = "mtlstream";

    /// <summary>Topics to read. Never created.</summary>
    [MinLength(1, ErrorMessage = "found none, expected at least one topic to read (Kafka:InputTopics:0).")]
    public IReadOnlyList<string> InputTopics { get; init; } = [];

    /// <summary>Topic of the enriched events.</summary>
    [Required(ErrorMessage = "found none, expected the topic that enriched events are written to.")]
    public string OutputTopic { get; init; } = "";

    /// <summary>Topic of the events that cannot be analysed.</summary>
    [Required(ErrorMessage = "found none, expected the topic that events go to which cannot be analysed.")]
    public string DeadLetterTopic { get; init; } = "";

    /// <summary>Topic of copies of the results that the model is unsure of, which <c>Watch:Review</c> asks for.</summary>
    public string ReviewTopic { get; init; } = "";

    /// <summary>
    /// Topic of people's answers to the copies for review. <c>mtlstream review</c> writes it; workers read it for
    /// <see href="teaching.md#quality-on-the-stream">the quality on the stream</see>.
    /// </summary>
    public string AnswerTopic { get; init; } = "";

    /// <summary>Topics that are written to.</summary>
    internal IReadOnlyList<string> WrittenTopics =>
        ReviewTopic.Length > 0 ? [OutputTopic, DeadLetterTopic, ReviewTopic] : [OutputTopic, DeadLetterTopic];

    /// <summary>
    /// Creates the topics that are written to when they are missing, once an input topic is there. Else the worker names them and waits.
    /// </summary>
    public bool CreateTopics { get; init; }

    /// <summary>Most events read and not yet acknowledged. Above it, reading waits; below half of it, a paused consumer goes on.</summary>
    [Range(1, 10_000_000)]
    public int MaxInFlightEvents { get; init; } = 20_000;

    /// <summary>Most bytes of keys, payloads and headers read and not yet acknowledged.</summary>
    [Range(1 << 20, 1L << 36)]
    public long MaxInFlightBytes { get; init; } = 32L << 20;

    /// <summary>
    /// Any librdkafka property of the consumer; names with dots or underscores. <c>auto.offset.reset</c> is <c>earliest</c> unless set.
    /// Those that the guarantee rests on are refused with their reason.
    /// </summary>
    public IReadOnlyDictionary<string, string> Consumer { get; init; } = new Dictionary<string, string>();

    /// <summary>Any librdkafka property of the producer.</summary>
    public IReadOnlyDictionary<string, string> Producer { get; init; } = new Dictionary<string, string>();

    /// <summary>Any librdkafka property of every client: <c>security.protocol</c>, <c>sasl.*</c>, <c>ssl.*</c>.</summary>
    public IReadOnlyDictionary<string, string> Client { get; init; } = new Dictionary<string, string>();

    public IEnumerable<ValidationResult> Validate(ValidationContext validationContext)
    {
        if (InputTopics.Any(string.IsNullOrWhiteSpace)) yield return new("Kafka:InputTopics has an empty name.");
        foreach (var topic in InputTopics.GroupBy(t => t).Where(g => g.Count() > 1).Select(g => g.Key))
            yield return new($"Kafka:InputTopics names '{topic}' more than once; expected each topic once.");
        foreach (var topic in InputTopics.Concat(WrittenTopics).Where(t => t.StartsWith('^')).Distinct())
            yield return new($"Kafka: '{topic}' is a pattern, expected the name of a topic: a pattern could match the topics that are written to.");
        foreach (var topic in InputTopics.Where(WrittenTopics.Contains))
            yield return new($"Kafka:InputTopics names '{topic}', which is written to as well: every event would come back for ever.");
        if (OutputTopic.Length > 0 && OutputTopic == DeadLetterTopic)
            yield return new($"Kafka:OutputTopic and Kafka:DeadLetterTopic are both '{OutputTopic}'; readers could not tell results from failures.");
        if (ReviewTopic.Length > 0 && (ReviewTopic == OutputTopic || ReviewTopic == DeadLetterTopic))
            yield return new($"Kafka:ReviewTopic is '{ReviewTopic}', which other records go to; readers could not tell copies from results.");
        if (AnswerTopic.Length > 0 && (WrittenTopics.Contains(AnswerTopic) || InputTopics.Contains(AnswerTopic)))
            yield return new($"Kafka:AnswerTopic is '{AnswerTopic}', which other records go to; readers could not tell answers from them.");
        foreach (var problem in LibrdkafkaProperties.Problems(this)) yield return new(problem);
    }
}
