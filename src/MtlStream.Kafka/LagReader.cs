using System.Globalization;
using System.Text.Json;
using Confluent.Kafka;
using MtlStream.Delivery;

namespace MtlStream.Kafka;

/// <summary>Tells how far each partition lags behind.</summary>
internal sealed class LagReader(SessionContext context, GoneEvents gone)
{
    private int _parsing;

    /// <summary>Takes the lags as they are now. For the poll thread.</summary>
    public void Observe(IConsumerPort consumer)
    {
        var lags = new List<PartitionLag>();
        foreach (var flow in context.Table.Current)
        {
            if (flow.Fetched is { } fetched && fetched > flow.Next) gone.Look(flow, fetched, consumer); // nothing may come to tell by
            var high = consumer.Ends(flow.Partition).High.Value;
            if (high >= 0 && flow.DoneUpTo is { } done)
                lags.Add(new(flow.Partition.Topic, flow.Partition.Partition.Value, Math.Max(0, high - done)));
        }

        context.Metrics.Lags = lags;
    }

    /// <summary>Notes how far fetching came behind the last event: only the client's statistics tell. For the poll thread.</summary>
    /// <remarks>
    /// Being told of every end reached cost a fifth of the throughput. The text grows with the partitions: it is read on another
    /// thread, and left out while the one before it is still being read. A flow that is over by then no longer counts.
    /// </remarks>
    public Task NoteStatistics(string json)
    {
        if (Interlocked.Exchange(ref _parsing, 1) == 1) return Task.CompletedTask;
        var flows = context.Table.Current;
        return Task.Run(() =>
        {
            try
            {
                Read(json, flows);
            }
            catch (JsonException)
            {
                // for a figure alone
            }
            finally
            {
                Volatile.Write(ref _parsing, 0);
            }
        });
    }

    // What they lack is left out.
    private static void Read(string json, IReadOnlyList<PartitionFlow> flows)
    {
        using var statistics = JsonDocument.Parse(json);
        if (!statistics.RootElement.TryGetProperty("topics", out var topics)) return;
        foreach (var flow in flows)
        {
            if (Find(topics, flow.Partition) is not { } partition) continue;
            if (!partition.TryGetProperty("fetchq_cnt", out var waiting) || waiting.GetInt64() != 0) continue;
            if (partition.TryGetProperty("next_offset", out var next)) flow.FetchedUpTo(next.GetInt64());
        }
    }

    private static JsonElement? Find(JsonElement topics, TopicPartition of)
    {
        if (!topics.TryGetProperty(of.Topic, out var topic) || !topic.TryGetProperty("partitions", out var partitions)) return null;
        var number = of.Partition.Value.ToString(CultureInfo.InvariantCulture);
        return partitions.TryGetProperty(number, out var partition) ? partition : null;
    }
}
