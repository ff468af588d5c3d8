using System.Runtime.InteropServices;
using Confluent.Kafka;

namespace MtlStream.Kafka;

/// <summary>
/// A Kafka cluster inside this process, on loopback: librdkafka's own mock. Right for demonstrations, fault injection and fast
/// tests. It keeps the newest few MB of a partition only and does not hide aborted data.
/// </summary>
/// <remarks>API: https://github.com/confluentinc/librdkafka/blob/v2.15.1/src/rdkafka_mock.h</remarks>
public sealed partial class MockCluster : IDisposable
{
    private const int Producer = 0;

    private nint _client;
    private nint _cluster;

    static MockCluster() => Librdkafka.Use();

    public MockCluster(int brokers = 1)
    {
        var error = new byte[512];
        var configuration = rd_kafka_conf_new(); // the new client owns it
        rd_kafka_conf_set(configuration, "log_level", "3", error, error.Length); // this client has no brokers, which is no news
        _client = rd_kafka_new(Producer, configuration, error, error.Length);
        if (_client == 0) throw new InvalidOperationException("librdkafka could not make a client for the embedded cluster.");
        _cluster = rd_kafka_mock_cluster_new(_client, brokers);
        if (_cluster == 0)
        {
            rd_kafka_destroy(_client);
            throw new InvalidOperationException($"librdkafka could not start {brokers} embedded brokers.");
        }

        rd_kafka_mock_group_initial_rebalance_delay_ms(_cluster, 100);
        rd_kafka_mock_set_controller_id(_cluster, 1); // without one, admin requests wait for ever
        BootstrapServers = Marshal.PtrToStringUTF8(rd_kafka_mock_cluster_bootstraps(_cluster))!;
    }

    public string BootstrapServers { get; }

    /// <exception cref="KafkaException">The topic exists already.</exception>
    public void CreateTopic(string name, int partitions, int replicas = 1) =>
        Check(rd_kafka_mock_topic_create(_cluster, name, partitions, replicas));

    public void DeleteTopic(string name) => Check(rd_kafka_mock_topic_delete(_cluster, name));

    /// <summary>Answers the next requests of a kind with these errors, one each, <see cref="ErrorCode.NoError"/> for none.</summary>
    public void FailNext(MockRequest request, params ErrorCode[] errors)
    {
        ArgumentNullException.ThrowIfNull(errors);
        rd_kafka_mock_push_request_errors_array(_cluster, (short)request, errors.Length, [.. errors.Select(e => (int)e)]);
    }

    /// <summary>Forgets the errors still to come for a kind of request.</summary>
    public void StopFailing(MockRequest request) => rd_kafka_mock_clear_request_errors(_cluster, (short)request);

    /// <summary>Answers for a topic with this error from now on; <see cref="ErrorCode.NoError"/> ends it.</summary>
    public void SetTopicError(string topic, ErrorCode error) => rd_kafka_mock_topic_set_error(_cluster, topic, (int)error);

    /// <summary>Closes a broker's connections and takes no new ones.</summary>
    /// <param name="broker">1 to the number of brokers; -1 for all of them.</param>
    public void TakeDown(int broker = -1) => Check(rd_kafka_mock_broker_set_down(_cluster, broker));

    public void BringUp(int broker = -1) => Check(rd_kafka_mock_broker_set_up(_cluster, broker));

    /// <summary>Delays every answer.</summary>
    public void SetRoundTripTime(TimeSpan time, int broker = -1) =>
        Check(rd_kafka_mock_broker_set_rtt(_cluster, broker, (int)time.TotalMilliseconds));

    public void MoveLeader(string topic, int partition, int broker) =>
        Check(rd_kafka_mock_partition_set_leader(_cluster, topic, partition, broker));

    /// <summary>Makes a broker the one that leads a consumer group.</summary>
    public void MoveGroup(string group, int broker) => Check(rd_kafka_mock_coordinator_set(_cluster, "group", group, broker));

    /// <summary>Makes a broker the one that leads the transactions of an id.</summary>
    public void MoveTransactions(string transactionalId, int broker) =>
        Check(rd_kafka_mock_coordinator_set(_cluster, "transaction", transactionalId, broker));

    /// <summary>Stops the brokers; what they held is gone.</summary>
    public void Dispose()
    {
        if (_client == 0) return;
        rd_kafka_mock_cluster_destroy(_cluster);
        rd_kafka_destroy(_client);
        (_client, _cluster) = (0, 0);
    }

    private static void Check(int error)
    {
        if (error != 0) throw new KafkaException((ErrorCode)error);
    }

    [LibraryImport(Librdkafka.Name)]
    private static partial nint rd_kafka_conf_new();

    [LibraryImport(Librdkafka.Name, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int rd_kafka_conf_set(nint configuration, string name, string value, byte[] error, nint errorLength);

    [LibraryImport(Librdkafka.Name)]
    private static partial nint rd_kafka_new(int type, nint configuration, byte[] error, nint errorLength);

    [LibraryImport(Librdkafka.Name)]
    private static partial void rd_kafka_destroy(nint client);

    [LibraryImport(Librdkafka.Name)]
    private static partial nint rd_kafka_mock_cluster_new(nint client, int brokers);

    [LibraryImport(Librdkafka.Name)]
    private static partial void rd_kafka_mock_cluster_destroy(nint cluster);

    [LibraryImport(Librdkafka.Name)]
    private static partial nint rd_kafka_mock_cluster_bootstraps(nint cluster);

    [LibraryImport(Librdkafka.Name)]
    private static partial void rd_kafka_mock_group_initial_rebalance_delay_ms(nint cluster, int delay);

    [LibraryImport(Librdkafka.Name)]
    private static partial void rd_kafka_mock_set_controller_id(nint cluster, int broker);

    [LibraryImport(Librdkafka.Name, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int rd_kafka_mock_topic_create(nint cluster, string topic, int partitions, int replicas);

    [LibraryImport(Librdkafka.Name, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int rd_kafka_mock_topic_delete(nint cluster, string topic);

    [LibraryImport(Librdkafka.Name, StringMarshalling = StringMarshalling.Utf8)]
    private static partial void rd_kafka_mock_topic_set_error(nint cluster, string topic, int error);

    [LibraryImport(Librdkafka.Name)]
    private static partial void rd_kafka_mock_push_request_errors_array(nint cluster, short request, nint count, int[] errors);

    [LibraryImport(Librdkafka.Name)]
    private static partial void rd_kafka_mock_clear_request_errors(nint cluster, short request);

    [LibraryImport(Librdkafka.Name)]
    private static partial int rd_kafka_mock_broker_set_down(nint cluster, int broker);

    [LibraryImport(Librdkafka.Name)]
    private static partial int rd_kafka_mock_broker_set_up(nint cluster, int broker);

    [LibraryImport(Librdkafka.Name)]
    private static partial int rd_kafka_mock_broker_set_rtt(nint cluster, int broker, int milliseconds);

    [LibraryImport(Librdkafka.Name, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int rd_kafka_mock_coordinator_set(nint cluster, string keyType, string key, int broker);

    [LibraryImport(Librdkafka.Name, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int rd_kafka_mock_partition_set_leader(nint cluster, string topic, int partition, int broker);
}

/// <summary>Kinds of requests, by their number in the Kafka protocol.</summary>
public enum MockRequest
{
    Produce = 0,
    Fetch = 1,
    Metadata = 3,
    OffsetCommit = 8,
    OffsetFetch = 9,
    FindCoordinator = 10,
    JoinGroup = 11,
    Heartbeat = 12,
    InitProducerId = 22,
    AddPartitionsToTxn = 24,
    AddOffsetsToTxn = 25,
    EndTxn = 26,
    TxnOffsetCommit = 28,
}
