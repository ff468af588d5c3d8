using System.Globalization;
using System.Threading.Channels;
using Confluent.Kafka.Admin;
using Confluent.Kafka;
using Microsoft.Extensions.Logging.Testing;
using Microsoft.Extensions.Time.Testing;
using MtlStream.Kafka;

namespace MtlStream.Tests.Kafka;

public sealed class TopicWatchTests : IAsyncDisposable
{
    private static readonly TimeSpan s_lookLimit = TimeSpan.FromSeconds(11), s_patience = TimeSpan.FromMinutes(3);
    private static readonly string[] s_all = ["in", "out", "dead"];

    private readonly FakeTimeProvider _time = new();
    private readonly FakeCluster _cluster = new();
    private readonly FakeLogger _log = new();
    private readonly KafkaStatus _status;
    private readonly TopicWatch _watch;

    public TopicWatchTests()
    {
        _status = new(_time);
        _status.SetGroup(member: true, assigned: 1);
        _watch = Watch(new() { InputTopics = ["in"], OutputTopic = "out", DeadLetterTopic = "dead" });
        foreach (var topic in s_all) _cluster.Leaders[topic] = [1, 2];
    }

    public ValueTask DisposeAsync() => _watch.DisposeAsync();

    [Fact]
    public async Task A_look_that_does_not_come_back_is_given_up_and_the_next_one_asks_another_client()
    {
        _cluster.Hang = true;
        var look = _watch.TryLookAsync(CancellationToken.None);
        await _cluster.AskedAsync();
        Assert.False(look.IsCompleted);

        _time.Advance(s_lookLimit);
        await look;

        Assert.Equal("the brokers cannot be reached; the log says more", _status.NotReadyBecause);
        _cluster.Hang = false;
        await LookAsync();
        Assert.True(_status.Ready);
        Assert.True(_watch.OutputsFound);
        Assert.Equal(2, _cluster.Opened);
    }

    [Fact]
    public async Task A_client_that_has_ended_itself_is_replaced()
    {
        _cluster.Failure = new ObjectDisposedException("handle");
        await LookAsync();
        Assert.False(_status.Ready);

        _cluster.Failure = null;
        await LookAsync();

        Assert.True(_status.Ready);
        Assert.Equal(2, _cluster.Opened);
    }

    [Fact]
    public async Task Ready_follows_the_brokers_both_ways_and_the_client_that_refuses_is_kept_for_half_a_minute()
    {
        await LookAsync();
        Assert.True(_status.Ready);

        _cluster.Failure = new KafkaException(ErrorCode.Local_Transport);
        await LookAsync();
        Assert.False(_status.Ready);
        _cluster.Failure = null;
        await LookAsync();
        Assert.True(_status.Ready);
        Assert.Equal(1, _cluster.Opened);

        _cluster.Failure = new KafkaException(ErrorCode.Local_Transport);
        await LookAsync();
        _time.Advance(TimeSpan.FromSeconds(31));
        await LookAsync();
        _cluster.Failure = null;
        await LookAsync();
        Assert.True(_status.Ready);
        Assert.Equal(2, _cluster.Opened);
    }

    [Fact]
    public async Task What_was_seen_long_ago_is_not_believed()
    {
        await LookAsync();
        Assert.True(_status.Ready);

        _time.Advance(TimeSpan.FromMinutes(2));

        Assert.False(_status.Ready);
        Assert.NotNull(_status.NotReadyBecause);
    }

    [Fact]
    public async Task Looks_come_less_often_while_nothing_answers()
    {
        _cluster.Failure = new KafkaException(ErrorCode.Local_Transport);
        List<double> pauses = [];
        for (var i = 0; i < 5; i++) pauses.Add((await LookAsync()).TotalSeconds);
        Assert.Equal([1, 2, 4, 5, 5], pauses);

        _cluster.Failure = null;
        Assert.Equal(5, (await LookAsync()).TotalSeconds);
        _cluster.Failure = new KafkaException(ErrorCode.Local_Transport);
        Assert.Equal(1, (await LookAsync()).TotalSeconds);
    }

    [Fact]
    public async Task A_partition_without_a_leader_keeps_ready_away_but_not_reading()
    {
        _cluster.Leaders["in"] = [1, -1];
        await LookAsync();
        Assert.True(_watch.OutputsFound);
        Assert.True(_status.Ready); // one look may fall into an election

        await LookAsync();
        Assert.Equal("partitions have no leader; the log says more", _status.NotReadyBecause);
        Assert.Equal(["in [1]"], _status.Leaderless);

        _cluster.Leaders["in"] = [1, 2];
        await LookAsync();
        Assert.True(_status.Ready);
    }

    [Theory]
    [InlineData(-1, 1, 2)] // no leader
    [InlineData(1, 1)] // a broker that holds a partition is down
    public async Task What_only_the_controller_answers_is_not_asked_again_while_a_broker_is_missing(int leader, params int[] brokers)
    {
        await LookAsync();
        Assert.Equal(["details", "settings"], _cluster.AskedOf.Order());
        Assert.Equal(1_000_000, _watch.MaxMessageBytesOf("out"));
        Assert.Equal("id of in", _watch.IdOf("in"));

        _cluster.Leaders["in"] = [1, leader];
        _cluster.Brokers = brokers;
        _cluster.AskedOf.Clear();
        for (var i = 0; i < 10; i++)
        {
            _time.Advance(TimeSpan.FromSeconds(5));
            await LookAsync();
        }

        Assert.Empty(_cluster.AskedOf);
        Assert.Equal(1_000_000, _watch.MaxMessageBytesOf("out"));
    }

    [Fact]
    public async Task A_topic_that_was_made_again_is_told_from_the_one_before_although_another_is_missing()
    {
        await LookAsync();
        _cluster.Leaders.Remove("dead");
        _cluster.MadeAgain = " made again";

        await LookAsync();

        Assert.Equal("id of in made again", _watch.IdOf("in"));
    }

    [Fact]
    public async Task A_look_that_is_asked_for_comes_before_its_time()
    {
        _watch.Start();
        await _cluster.AskedAsync();
        while (_watch.IdOf("in") is null) await Task.Delay(5);
        _cluster.MadeAgain = " made again";

        _watch.LookAgain(TimeSpan.FromMinutes(1)); // whose clock does not move

        Assert.Equal("id of in made again", _watch.IdOf("in"));
    }

    [Fact]
    public async Task A_refused_limit_or_id_keeps_the_worker_from_nothing()
    {
        _cluster.DetailsFailure = new KafkaException(ErrorCode.TopicAuthorizationFailed);
        await LookAsync();

        Assert.True(_status.Ready);
        Assert.True(_watch.OutputsFound);
        Assert.Null(_watch.MaxMessageBytesOf("out"));
        Assert.Null(_watch.IdOf("in"));
    }

    [Fact]
    public async Task Topics_that_are_made_take_whatever_the_worker_sends()
    {
        _cluster.Leaders.Remove("dead");
        await using var watch = Watch(new() { InputTopics = ["in"], OutputTopic = "out", DeadLetterTopic = "dead", CreateTopics = true });
        await watch.TryLookAsync(CancellationToken.None);

        var made = Assert.Single(_cluster.Created);
        Assert.Equal(("dead", 2), (made.Name, made.NumPartitions));
        Assert.True(int.Parse(made.Configs["max.message.bytes"], CultureInfo.InvariantCulture) >= 64 << 20);
    }

    [Fact]
    public async Task Brokers_that_allow_no_such_limit_are_left_theirs()
    {
        _cluster.Leaders.Remove("dead");
        _cluster.Refuses = topic => topic.Configs is null ? null : new CreateTopicsException(
            [new() { Topic = topic.Name, Error = new(ErrorCode.PolicyViolation, "too large") }]);
        await using var watch = Watch(new() { InputTopics = ["in"], OutputTopic = "out", DeadLetterTopic = "dead", CreateTopics = true });
        await watch.TryLookAsync(CancellationToken.None);

        Assert.Null(Assert.Single(_cluster.Created).Configs);
        Assert.True(_status.Connected);
    }

    [Fact]
    public async Task A_missing_topic_for_review_is_waited_for_by_nobody()
    {
        await using var watch = Watch(new() { InputTopics = ["in"], OutputTopic = "out", DeadLetterTopic = "dead", ReviewTopic = "review" });
        await watch.TryLookAsync(CancellationToken.None);

        Assert.True(watch.OutputsFound);
        Assert.True(_status.Ready);
    }

    [Theory]
    [InlineData("classic", "session.timeout.ms (45 s here)")]
    [InlineData("consumer", "group.consumer.session.timeout.ms of the brokers")]
    public async Task What_a_worker_waits_for_that_is_not_let_into_its_group_is_said_now_and_then(string protocol, string session)
    {
        await using var watch = Watch(new()
        {
            InputTopics = ["in"],
            OutputTopic = "out",
            DeadLetterTopic = "dead",
            Consumer = new Dictionary<string, string> { ["group.protocol"] = protocol },
        });
        _status.SetGroup(member: false, assigned: 0);
        _status.SetMemberId("me");
        _cluster.Group = new(ConsumerGroupState.PreparingRebalance, "", ["me", "one that is dead"], true);
        await watch.TryLookAsync(CancellationToken.None);
        Assert.Empty(Joining()); // most join at once

        for (var i = 0; i < 5; i++)
        {
            _time.Advance(TimeSpan.FromSeconds(5));
            await watch.TryLookAsync(CancellationToken.None);
        }

        var line = Assert.Single(Joining());
        Assert.Contains("other members: 1, state: PreparingRebalance", line, StringComparison.Ordinal);
        Assert.Contains(session, line, StringComparison.Ordinal);

        _status.SetGroup(member: true, assigned: 1);
        _time.Advance(TimeSpan.FromMinutes(1));
        await watch.TryLookAsync(CancellationToken.None);
        Assert.Single(Joining());

        IEnumerable<string> Joining() => _log.Collector.GetSnapshot().Where(l => l.Id.Id == 2032).Select(l => l.Message);
    }

    [Fact]
    public async Task A_stop_waits_for_no_call()
    {
        _cluster.Block = new(initialState: false);
        _watch.Start();
        await _cluster.AskedAsync();

        var stopped = _watch.DisposeAsync().AsTask();
        for (var i = 0; i < 200 && !stopped.IsCompleted; i++)
        {
            _time.Advance(TimeSpan.FromMilliseconds(10)); // two seconds at most, and no look's limit
            await Task.WhenAny(stopped, Task.Delay(10)); // gives the stop a chance to ask for the time
        }

        await stopped.WaitAsync(s_patience);
        Assert.Equal(0, _cluster.Ended);
        _cluster.Block.Set(); // the client is disposed once nobody is inside it
        await _cluster.EndedAsync();
    }

    private Task<TimeSpan> LookAsync() => _watch.TryLookAsync(CancellationToken.None);

    private TopicWatch Watch(KafkaOptions options) => new(new(options, new()), _status, new(new Dictionary<string, string>(), _time), _time, _log, _cluster.Open);

    /// <summary>A cluster that answers, fails, or does not answer at all.</summary>
    private sealed class FakeCluster
    {
        private readonly Channel<bool> _asked = Channel.CreateBounded<bool>(100);
        private readonly TaskCompletionSource _ended = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public Dictionary<string, int[]> Leaders { get; } = [];
        public int[] Brokers { get; set; } = [1, 2];
        public bool Hang { get; set; }
        public GroupState Group { get; set; } = new(ConsumerGroupState.Stable, "", [], true);
        public Exception? Failure { get; set; }
        public Exception? DetailsFailure { get; set; }
        public ManualResetEventSlim? Block { get; set; }
        public string MadeAgain { get; set; } = "";
        public List<string> AskedOf { get; } = [];
        public List<TopicSpecification> Created { get; } = [];
        public Func<TopicSpecification, Exception?> Refuses { get; set; } = _ => null;
        public int Opened { get; private set; }
        public int Ended { get; private set; }

        public IClusterClient Open()
        {
            Opened++;
            return new Client(this);
        }

        public async Task AskedAsync() => await _asked.Reader.ReadAsync().AsTask().WaitAsync(s_patience);

        public Task EndedAsync() => _ended.Task.WaitAsync(s_patience);

        private sealed class Client(FakeCluster cluster) : IClusterClient
        {
            public Task<ClusterState> LookAsync(IEnumerable<string> topics, TimeSpan limit)
            {
                cluster._asked.Writer.TryWrite(true);
                cluster.Block?.Wait();
                if (cluster.Failure is { } failure) return Task.FromException<ClusterState>(failure);
                if (cluster.Hang) return new TaskCompletionSource<ClusterState>().Task;
                var found = topics.Where(cluster.Leaders.ContainsKey).ToDictionary(t => t, t => new TopicState(
                    t, [.. cluster.Leaders[t].Select((leader, id) => new PartitionState(id, leader, [1 + (id % 2)], 1))]));
                return Task.FromResult(new ClusterState([.. cluster.Brokers.Select(b => new BrokerAddress(b, "host", 9092))], found, new Dictionary<string, ErrorCode>()));
            }

            public Task<IReadOnlyDictionary<string, TopicSettings>> SettingsAsync(IEnumerable<string> topics, TimeSpan limit) =>
                AnswerAsync("settings", topics, _ => new TopicSettings(1_000_000, "delete", "producer", 1));

            public Task<IReadOnlyDictionary<string, TopicDetails>> DetailsAsync(IEnumerable<string> topics, TimeSpan limit) =>
                AnswerAsync("details", topics, topic => new TopicDetails($"id of {topic}{cluster.MadeAgain}", null));

            public Task<bool> CreateAsync(TopicSpecification topic, TimeSpan limit)
            {
                if (cluster.Refuses(topic) is { } refusal) return Task.FromException<bool>(refusal);
                cluster.Created.Add(topic);
                return Task.FromResult(true);
            }

            public Task<GroupState> GroupAsync(string group, TimeSpan limit) =>
                Task.FromResult(cluster.Group);

            public void Dispose()
            {
                cluster.Ended++;
                cluster._ended.TrySetResult();
            }

            private Task<IReadOnlyDictionary<string, T>> AnswerAsync<T>(string what, IEnumerable<string> topics, Func<string, T> answer)
            {
                cluster.AskedOf.Add(what);
                if (cluster.DetailsFailure is { } failure) return Task.FromException<IReadOnlyDictionary<string, T>>(failure);
                return Task.FromResult<IReadOnlyDictionary<string, T>>(topics.ToDictionary(t => t, answer));
            }
        }
    }
}
