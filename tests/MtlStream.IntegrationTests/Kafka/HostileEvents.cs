using System.Globalization;
using System.Text.Json;
using System.Text;
using Confluent.Kafka;

namespace MtlStream.IntegrationTests.Kafka;

/// <summary>Events that a worker has to withstand, and what is to become of each; good ones stand between them.</summary>
internal static class HostileEvents
{
    /// <summary>Larger than a broker or a client takes unless told to.</summary>
    public const int MaxMessageBytes = 2_500_000;

    /// <summary>Good events before, between and after the others in each partition.</summary>
    private const int Neighbours = 127;

    private const int Megabyte = 1_000_000;

    private static readonly JsonSerializerOptions s_deep = new() { MaxDepth = 2000 };

    private static readonly IReadOnlyList<(string Key, string Value, string Reason)> s_rejected =
    [
        ("malformed", "{\"text\": \"x\"", "malformed_payload"),
        ("wrong type", "{\"text\": {\"text\": \"x\"}}", "wrong_type"),
        ("missing", "{\"body\": \"x\"}", "missing_text"),
        ("empty", "{\"text\": \"\"}", "empty_text"),
        ("no bytes", "", "empty_text"),
        ("raw NUL", "{\"text\": \"a\0b\"}", "malformed_payload"),
        ("too deep", new string('[', Megabyte), "malformed_payload"),
        ("poisonous", "{\"text\": \"the infinite cat\"}", "inference_failed"), // the toy model's scores are then not finite
        ("too large with its labels", $"{{\"text\": \"{Words(MaxMessageBytes - 50_000)}\"}}", "output_too_large"),
    ];

    private static readonly IReadOnlyList<(string Key, string Value, string Text)> s_enriched =
    [
        ("escaped NUL", "{\"text\": \"a \\u0000 b\"}", "a \0 b"),
        ("twice", "{\"text\": 5, \"text\": \"first\", \"text\": \"last\"}", "last"),
        ("deep", $"{{\"a\": {new string('[', 900)}{new string(']', 900)}, \"text\": \"x\"}}", "x"),
        ("unpaired surrogate", "{\"text\": \"x \\ud800 y\"}", "x \uFFFD y"),
    ];

    /// <summary>Settings of a worker whose clients take large messages.</summary>
    public static Dictionary<string, string> RaisedLimits => new()
    {
        ["Kafka:Client:message.max.bytes"] = $"{MaxMessageBytes}",
        ["Kafka:Consumer:fetch.message.max.bytes"] = $"{MaxMessageBytes}",
    };

    /// <summary>Writes all of them, over <paramref name="partitions"/> partitions, and returns how many.</summary>
    public static int Write(Topics topics, string topic, int partitions)
    {
        var written = 0;
        void Put(string? key, byte[]? value, Headers? headers = null)
        {
            for (var i = 0; i < Neighbours; i++)
            {
                topics.Write(
                    new(topic, PartitionOf(written, partitions)),
                    new() { Key = Topics.Bytes($"good {written}"), Value = Topics.Bytes($"{{\"text\": \"good cat {written}\"}}") });
                written++;
            }

            topics.Write(
                new(topic, PartitionOf(written++, partitions)), new() { Key = key is null ? null : Topics.Bytes(key), Value = value, Headers = headers ?? [] });
        }

        foreach (var (key, value, _) in s_rejected) Put(key, Topics.Bytes(value));
        foreach (var (key, value, _) in s_enriched) Put(key, Topics.Bytes(value));
        Put("not UTF-8", [.. "{\"text\": \"x "u8, 0xC3, 0x28, .. "\"}"u8]);
        Put("a megabyte", Topics.Bytes($"{{\"text\": \"{Words(Megabyte)}\"}}"));
        Put("thousand headers", Topics.Bytes("{\"text\": \"x\"}"), ThousandHeaders());
        Put(null, Topics.Bytes("{\"text\": \"no key\"}"));
        Put("tombstone", null);
        Put(null, null);
        topics.Flush();
        return written;
    }

    /// <summary>Checks that each became what it should, once, and that no neighbour was lost.</summary>
    public static void AssertAnswered(
        int written, int partitions, IReadOnlyList<ConsumeResult<byte[]?, byte[]?>> results, IReadOnlyList<ConsumeResult<byte[]?, byte[]?>> letters)
    {
        var answers = results.Concat(letters).Select(r => Topics.Text(r.Message.Key)).ToList();
        Assert.Equal(written, answers.Count);
        Assert.Equal(written - 1, answers.Distinct().Count()); // two have no key

        var expected = s_rejected.Select(r => (r.Key, r.Reason)).Append(("not UTF-8", "invalid_utf8"));
        Assert.Equal(
            expected.Order(), letters.Select(l => (Topics.Text(l.Message.Key), Topics.Text(l.Message.Headers.GetLastBytes("mtlstream.reason")))).Order());
        foreach (var (key, value, _) in s_rejected) Assert.Equal(value, Topics.Text(letters.Single(l => Topics.Text(l.Message.Key) == key).Message.Value));

        foreach (var (key, _, text) in s_enriched) Assert.Equal((text, false), AnalysedText(Of(results, key)));
        Assert.Equal((Words(Megabyte), true), AnalysedText(Of(results, "a megabyte")));
        Assert.Equal(1000, Of(results, "thousand headers").Message.Headers.Count(h => h.Key.StartsWith('h')));
        Assert.Null(Of(results, "tombstone").Message.Value);
        Assert.Equal([false, true], results.Where(r => r.Message.Key is null).Select(r => r.Message.Value is null).Order());
        var good = results.Select(r => (Key: Topics.Text(r.Message.Key), r.Partition)).Where(r => r.Key.StartsWith("good", StringComparison.Ordinal))
            .Select(r => (Number: int.Parse(r.Key[5..], CultureInfo.InvariantCulture), r.Partition));
        foreach (var flow in good.GroupBy(r => (r.Partition, PartitionOf(r.Number, partitions))))
            Assert.Equal(flow.Select(r => r.Number).Order(), flow.Select(r => r.Number));
    }

    /// <summary>A run of neighbours and the one behind them share a partition.</summary>
    private static int PartitionOf(int number, int partitions) => number / (Neighbours + 1) % partitions;

    private static ConsumeResult<byte[]?, byte[]?> Of(IReadOnlyList<ConsumeResult<byte[]?, byte[]?>> results, string key) =>
        Assert.Single(results, r => Topics.Text(r.Message.Key) == key);

    private static (string? Text, bool Truncated) AnalysedText(ConsumeResult<byte[]?, byte[]?> result)
    {
        var root = JsonSerializer.Deserialize<JsonElement>(result.Message.Value!, s_deep);
        var text = root.EnumerateObject().Last(m => m.Name == "text").Value;
        return (Unescaped(text), root.GetProperty("analysis").GetProperty("truncated").GetBoolean());
    }

    // The one unpaired surrogate among the texts is carried as it came.
    private static string? Unescaped(JsonElement text) => text.GetRawText().Contains("\\ud800", StringComparison.Ordinal) ? "x \uFFFD y" : text.GetString();

    private static Headers ThousandHeaders()
    {
        var headers = new Headers();
        for (var i = 0; i < 1000; i++) headers.Add($"h{i}", i % 2 == 0 ? Topics.Bytes($"{i}") : null);
        return headers;
    }

    private static string Words(int bytes) => new StringBuilder().Insert(0, "good cat ", bytes / 9).ToString();
}
