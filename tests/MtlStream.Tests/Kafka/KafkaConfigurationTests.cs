using System.ComponentModel.DataAnnotations;
using System.Globalization;
using Microsoft.Extensions.Options;
using MtlStream.Delivery;
using MtlStream.Events;
using MtlStream.Kafka;

namespace MtlStream.Tests.Kafka;

public sealed class KafkaConfigurationTests
{
    private static readonly KafkaOptions s_options = new()
    {
        BootstrapServers = "broker:9092",
        GroupId = "g",
        InputTopics = ["in"],
        OutputTopic = "out",
        DeadLetterTopic = "letters",
    };

    private static readonly DeliveryOptions s_exactlyOnce = new() { Guarantee = DeliveryGuarantee.ExactlyOnce };

    [Fact]
    public void At_least_once_commits_stored_offsets_only_and_produces_idempotently()
    {
        var configuration = new KafkaConfiguration(s_options, new() { CommitInterval = TimeSpan.FromMilliseconds(250) });

        Assert.Equal("false", configuration.Consumer["enable.auto.offset.store"]);
        Assert.Equal("250", configuration.Consumer["auto.commit.interval.ms"]);
        Assert.Equal("read_committed", configuration.Consumer["isolation.level"]);
        Assert.Equal("earliest", configuration.Consumer["auto.offset.reset"]);
        Assert.Equal("cooperative-sticky", configuration.Consumer["partition.assignment.strategy"]);
        Assert.Equal(("true", "all"), (configuration.Producer["enable.idempotence"], configuration.Producer["acks"]));
        Assert.Equal("murmur2_random", configuration.Producer["partitioner"]);
        Assert.DoesNotContain("transactional.id", configuration.Producer.Keys);
    }

    [Fact]
    public void Exactly_once_leaves_offsets_to_the_transaction()
    {
        var configuration = new KafkaConfiguration(s_options, s_exactlyOnce);

        Assert.Equal("false", configuration.Consumer["enable.auto.commit"]);
        Assert.Equal("15000", configuration.Producer["transaction.timeout.ms"]);
        Assert.Equal(configuration.TransactionalId, configuration.Producer["transactional.id"]);
    }

    [Fact]
    public void The_transactional_id_is_the_groups_the_hosts_and_unique_unless_it_is_given()
    {
        var (one, two) = (new KafkaConfiguration(s_options, s_exactlyOnce), new KafkaConfiguration(s_options, s_exactlyOnce));

        Assert.StartsWith($"g-{Environment.MachineName}-", one.TransactionalId, StringComparison.Ordinal);
        Assert.NotEqual(one.TransactionalId, two.TransactionalId);
        Assert.Equal("mine", new KafkaConfiguration(s_options, s_exactlyOnce with { TransactionalId = "mine" }).TransactionalId);
    }

    [Theory]
    [InlineData("transaction.timeout.ms", "6000", "session.timeout.ms", "6000")]
    [InlineData("transaction_timeout_ms", "45000", "client.id", "x")]
    public void A_transaction_that_outlives_the_session_is_refused(string name, string value, string consumerName, string consumerValue)
    {
        var options = s_options with { Producer = Settings((name, value)), Consumer = Settings((consumerName, consumerValue)) };

        var refused = Assert.Throws<OptionsValidationException>(() => new KafkaConfiguration(options, s_exactlyOnce));

        Assert.Contains("session.timeout.ms", refused.Message, StringComparison.Ordinal);
        _ = new KafkaConfiguration(options, new()); // at least once has no transactions
    }

    [Fact]
    public void A_transaction_that_can_keep_the_worker_from_polling_for_too_long_is_refused()
    {
        var options = s_options with { Consumer = Settings(("max.poll.interval.ms", "30000")) };

        var refused = Assert.Throws<OptionsValidationException>(() => new KafkaConfiguration(options, s_exactlyOnce));

        Assert.Contains("max.poll.interval.ms (30000)", refused.Message, StringComparison.Ordinal);
        _ = new KafkaConfiguration(s_options with { Consumer = Settings(("max.poll.interval.ms", "30001")) }, s_exactlyOnce);
    }

    [Fact]
    public void A_short_session_brings_a_shorter_transaction_and_heartbeat_with_it()
    {
        var configuration = new KafkaConfiguration(s_options with { Consumer = Settings(("session_timeout_ms", "6000")) }, s_exactlyOnce);

        Assert.Equal(TimeSpan.FromSeconds(4), configuration.TransactionTimeout);
        Assert.Equal("2000", configuration.Consumer["heartbeat.interval.ms"]);
        Assert.Equal("6000", configuration.Consumer["session.timeout.ms"]);
    }

    [Fact]
    public void A_commit_interval_beyond_the_transaction_timeout_is_refused() => Assert.Throws<OptionsValidationException>(
        () => new KafkaConfiguration(s_options, s_exactlyOnce with { CommitInterval = TimeSpan.FromSeconds(15) }));

    [Fact]
    public void With_the_consumer_protocol_the_brokers_settings_are_not_sent()
    {
        var configuration = new KafkaConfiguration(s_options with { Consumer = Settings(("group.protocol", "consumer")) }, s_exactlyOnce);

        Assert.Null(configuration.SessionTimeout);
        Assert.DoesNotContain("partition.assignment.strategy", configuration.Consumer.Keys);
        Assert.DoesNotContain("heartbeat.interval.ms", configuration.Consumer.Keys);
        Assert.Equal("120000", configuration.Consumer["max.poll.interval.ms"]);
    }

    [Fact]
    public void The_producer_takes_whatever_a_topic_does_unless_told_otherwise()
    {
        var (free, told) = (new KafkaConfiguration(s_options, new()), new KafkaConfiguration(s_options with { Client = Settings(("message.max.bytes", "50000")) }, new()));

        Assert.True(int.Parse(free.Producer["message.max.bytes"], CultureInfo.InvariantCulture) > 3 * new InputOptions().MaxPayloadBytes);
        Assert.True(int.Parse(free.Producer["message.max.bytes"], CultureInfo.InvariantCulture) < 1024 * int.Parse(free.Producer["queue.buffering.max.kbytes"], CultureInfo.InvariantCulture));
        Assert.Equal("50000", told.Producer["message.max.bytes"]);
        Assert.Equal("0", free.Producer["message.copy.max.bytes"]); // or every request's buffer would be as large as that
    }

    [Fact]
    public void Settings_of_one_client_win_over_those_of_all_and_both_over_defaults()
    {
        var configuration = new KafkaConfiguration(
            s_options with { Client = Settings(("linger.ms", "1"), ("client_id", "all")), Producer = Settings(("LINGER.MS", "2")) }, new());

        Assert.Equal("2", configuration.Producer["linger.ms"]);
        Assert.Equal("all", configuration.Producer["client.id"]);
        Assert.Equal("all", configuration.Consumer["client.id"]);
        Assert.Equal("all", configuration.Admin["client.id"]);
    }

    [Theory]
    [InlineData("enable.auto.commit")]
    [InlineData("enable.auto.offset.store")]
    [InlineData("enable_idempotence")]
    [InlineData("acks")]
    [InlineData("isolation.level")]
    [InlineData("transactional.id")]
    public void What_the_guarantee_rests_on_is_refused_with_its_reason(string name)
    {
        var problem = Assert.Single(Problems(s_options with { Client = Settings((name, "true")) }));

        Assert.Contains($"Kafka:Client:{name.Replace('_', '.')} cannot be set: ", problem, StringComparison.Ordinal);
        Assert.True(problem.Contains("the delivery guarantee rests on it", StringComparison.Ordinal) || problem.Contains("Delivery:", StringComparison.Ordinal), problem);
    }

    [Theory]
    [InlineData("session.timeout.ms")]
    [InlineData("heartbeat.interval.ms")]
    [InlineData("partition.assignment.strategy")]
    public void The_consumer_protocol_refuses_what_the_broker_decides(string name) => Assert.Contains(
        "group.protocol=consumer", Assert.Single(Problems(s_options with { Consumer = Settings(("group.protocol", "consumer"), (name, "6000")) })), StringComparison.Ordinal);

    [Fact]
    public void A_misspelt_property_and_a_wrong_value_are_named_by_librdkafkas_own_words()
    {
        var problems = Problems(s_options with { Consumer = Settings(("sesion.timeout.ms", "1"), ("fetch.min.bytes", "many")) });

        Assert.Equal(2, problems.Count);
        Assert.Contains(problems, p => p.Contains("sesion.timeout.ms", StringComparison.Ordinal));
        Assert.Contains(problems, p => p.Contains("fetch.min.bytes", StringComparison.Ordinal));
    }

    [Fact]
    public void The_same_property_in_two_spellings_is_refused() =>
        Assert.Contains("2 times", Assert.Single(Problems(s_options with { Consumer = Settings(("fetch.min.bytes", "1"), ("fetch_min_bytes", "2")) })), StringComparison.Ordinal);

    [Theory]
    [InlineData("ssl.key.pem")]
    [InlineData("ssl.keystore.password")]
    [InlineData("sasl.password")]
    [InlineData("sasl.oauthbearer.client.secret")]
    public void A_secret_is_never_repeated(string name)
    {
        const string Secret = "dont-tell-anyone";
        var options = s_options with { Consumer = Settings((name, Secret), (name.Replace('.', '_'), Secret)), Producer = Settings((name, Secret)) };

        var said = string.Join('\n', Problems(options)) + options;

        Assert.DoesNotContain(Secret, said, StringComparison.Ordinal);
    }

    [Fact]
    public void Topics_that_would_feed_themselves_are_refused()
    {
        Assert.Contains(Problems(s_options with { OutputTopic = "in" }), p => p.Contains("'in'", StringComparison.Ordinal));
        Assert.Contains(Problems(s_options with { DeadLetterTopic = "in" }), p => p.Contains("'in'", StringComparison.Ordinal));
        Assert.Contains(Problems(s_options with { DeadLetterTopic = "out" }), p => p.Contains("'out'", StringComparison.Ordinal));
    }

    [Fact]
    public void A_topic_named_twice_and_a_pattern_are_refused()
    {
        Assert.Contains("'in' more than once", Assert.Single(Problems(s_options with { InputTopics = ["in", "more", "in"] })), StringComparison.Ordinal);
        Assert.Contains("'^loop.*' is a pattern", Assert.Single(Problems(s_options with { InputTopics = ["^loop.*"] })), StringComparison.Ordinal);
        Assert.Contains("'^out' is a pattern", Assert.Single(Problems(s_options with { OutputTopic = "^out" })), StringComparison.Ordinal);
    }

    private static Dictionary<string, string> Settings(params (string Name, string Value)[] settings) => settings.ToDictionary(s => s.Name, s => s.Value);

    private static List<string> Problems(KafkaOptions options) =>
        [.. ((IValidatableObject)options).Validate(new(options)).Select(r => r.ErrorMessage!)];
}
