using Confluent.Kafka.Admin;
using Confluent.Kafka;
using MtlStream.Delivery;
using MtlStream.Events;
using MtlStream.Kafka.Diagnosis;
using MtlStream.Kafka;

namespace MtlStream.Tests.Kafka;

public sealed class TopicFindingsTests
{
    private const int Usual = 1_048_588; // what a broker's topics take where nobody says otherwise

    private static readonly string[] s_all = ["in", "out", "dead"];

    private readonly Dictionary<string, TopicState> _topics = s_all.ToDictionary(t => t, t => new TopicState(t, [Partition(), Partition()]));
    private readonly Dictionary<string, ErrorCode> _unseen = [];
    private readonly Dictionary<string, TopicSettings> _settings = s_all.ToDictionary(t => t, _ => new TopicSettings(Usual, "delete", "producer", 1));
    private readonly Dictionary<string, TopicDetails> _details = [];
    private KafkaOptions _options = new() { InputTopics = ["in"], OutputTopic = "out", DeadLetterTopic = "dead" };

    [Fact]
    public void Topics_as_they_should_be_are_no_trouble()
    {
        foreach (var topic in s_all) _settings[topic] = new(topic == "in" ? Usual : 20_000_000, "delete", "producer", 2);

        Assert.All(Find(), f => Assert.Equal(Severity.Ok, f.Severity));
    }

    [Theory]
    [InlineData(1000, Severity.Failure)] // letters do not fit even without their payloads
    [InlineData(17_000, Severity.Failure)] // events of the input topic do not fit at all
    [InlineData(Usual - 1, Severity.Failure)]
    [InlineData(Usual, Severity.Warning)] // headers are on top, and compressed events are larger
    [InlineData(16_000_000, Severity.Warning)]
    [InlineData(17_000_000, null)]
    public void A_dead_letter_topic_takes_what_the_input_topics_hold_even_compressed(int limit, Severity? expected)
    {
        _settings["dead"] = _settings["dead"] with { MaxMessageBytes = limit };

        var finding = Find().SingleOrDefault(f => f.Found.StartsWith("dead takes", StringComparison.Ordinal));

        Assert.Equal(expected, finding?.Severity);
        if (expected is not null) Assert.Contains("max.message.bytes of dead to 16793600 or more", finding!.Remedy, StringComparison.Ordinal);
    }

    [Fact]
    public void A_dead_letter_topic_that_does_not_take_a_letter_without_its_payload_ends_runs_whatever_is_known_of_the_input()
    {
        _settings.Remove("in");
        _settings["dead"] = _settings["dead"] with { MaxMessageBytes = 16_383 };

        Assert.Contains("ends the run", Find().Single(f => f.Severity == Severity.Failure).Remedy, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("uncompressed", null)] // of the topic
    [InlineData("producer", "zstd")] // of the worker
    public void Without_compression_or_with_it_on_both_sides_the_input_topics_limit_counts(string topic, string? worker)
    {
        _settings["in"] = _settings["in"] with { Compression = topic };
        if (worker is not null) _options = _options with { Producer = new Dictionary<string, string> { ["compression.type"] = worker } };
        _settings["dead"] = _settings["dead"] with { MaxMessageBytes = Usual + 16_384 };

        Assert.DoesNotContain(Find(), f => f.Found.StartsWith("dead takes", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData(1000, Severity.Warning)]
    [InlineData(Usual, Severity.Ok)]
    public void A_result_that_does_not_fit_becomes_a_dead_letter(int limit, Severity expected)
    {
        _settings["out"] = _settings["out"] with { MaxMessageBytes = limit };

        var finding = Find().Single(f => f.Found.StartsWith("out takes", StringComparison.Ordinal));

        Assert.Equal(expected, finding.Severity);
        Assert.Contains("become dead letters", finding.Remedy, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("dead", Severity.Failure)]
    [InlineData("out", Severity.Warning)]
    public void A_compacted_topic_refuses_what_has_no_key(string topic, Severity expected)
    {
        _settings[topic] = _settings[topic] with { CleanupPolicy = "delete,compact" };

        Assert.Equal(expected, Find().Single(f => f.Found.Contains($"{topic} is compacted", StringComparison.Ordinal)).Severity);
    }

    [Theory]
    [InlineData(1, 1, 2)] // never enough
    [InlineData(3, 1, 2)] // two brokers away
    public void Fewer_copies_than_the_topic_wants_cannot_be_written(int replicas, int inSync, int wanted)
    {
        _topics["out"] = new("out", [Partition() with { Replicas = [.. Enumerable.Range(1, replicas)], InSync = inSync }]);
        _settings["out"] = _settings["out"] with { MinInSync = wanted };

        Assert.Contains(Find(), f => f.Severity == Severity.Failure && f.Found.Contains("min.insync.replicas is 2", StringComparison.Ordinal));
    }

    [Fact]
    public void A_partition_without_a_leader_is_named()
    {
        _topics["in"] = new("in", [Partition(), Partition() with { Id = 1, Leader = -1 }]);

        Assert.Contains(Find(), f => f.Severity == Severity.Failure && f.Found == "in: no broker leads partition 1 of 2");
    }

    [Fact]
    public void A_topic_that_is_not_there_is_told_from_one_that_may_not_be_seen()
    {
        _topics.Remove("in");
        _topics.Remove("out");
        (_unseen["in"], _unseen["out"]) = (ErrorCode.UnknownTopicOrPart, ErrorCode.TopicAuthorizationFailed);

        var findings = Find();

        Assert.Contains(findings, f => f is { Severity: Severity.Failure, Subject: "topic", Found: "input in does not exist" });
        Assert.Contains(findings, f => f is { Severity: Severity.Failure, Subject: "rights", Found: "out may not be seen" });
    }

    [Fact]
    public void A_missing_right_is_named_where_the_brokers_tell_the_rights()
    {
        _details["in"] = new("", [AclOperation.Describe]);
        _details["out"] = new("", [AclOperation.Describe, AclOperation.Read]);
        _details["dead"] = new("", [AclOperation.All]);

        Assert.Equal(["input in may not be read", "out may not be written"], Find().Where(f => f.Subject == "rights").Select(f => f.Found));
    }

    [Theory]
    [InlineData(ErrorCode.UnknownTopicOrPart, "answers said does not exist")]
    [InlineData(ErrorCode.TopicAuthorizationFailed, "answers said may not be seen")]
    public void Answers_that_are_not_there_are_named_and_the_worker_does_without(ErrorCode unseen, string found)
    {
        _options = _options with { AnswerTopic = "said" };
        _unseen["said"] = unseen;

        var finding = Find().Single(f => f.Found == found);

        Assert.Equal(Severity.Warning, finding.Severity);
        Assert.Contains("quality on the stream", finding.Remedy, StringComparison.Ordinal);
    }

    [Fact]
    public void Answers_are_read_by_a_worker_and_need_not_be_written()
    {
        _options = _options with { AnswerTopic = "said" };
        _topics["said"] = new("said", [Partition()]);
        _details["said"] = new("", [AclOperation.Read]);
        Assert.Equal(Severity.Ok, About("said").Severity);

        _details["said"] = new("", [AclOperation.Write]);
        Assert.Equal((Severity.Warning, "answers said may not be read"), (About("said").Severity, About("said").Found));

        _details["said"] = new("", [AclOperation.All]);
        _topics["said"] = new("said", [Partition() with { Leader = -1 }]);
        Assert.Equal(Severity.Warning, About("said").Severity);
    }

    private Finding About(string topic) => Find().Single(f => f.Found.Contains(topic, StringComparison.Ordinal));

    private static PartitionState Partition() => new(0, 1, [1, 2, 3], 3);

    private List<Finding> Find() =>
        [.. new TopicFindings(new(_options, new()), new InputOptions(), new([], _topics, _unseen), _settings, _details).Find()];
}
