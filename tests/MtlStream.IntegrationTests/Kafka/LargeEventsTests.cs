using System.Security.Cryptography;
using Confluent.Kafka;
using MtlStream.Events;
using MtlStream.Results;

namespace MtlStream.IntegrationTests.Kafka;

/// <summary>Events that fit their topic, but neither their result nor their dead letter fits its own, with default settings.</summary>
public sealed class LargeEventsTests() : OnRealKafka(partitions: 1) // each topic takes 1,048,588 bytes
{
    [RealKafkaTheory]
    [InlineData("AtLeastOnce", "zstd")]
    [InlineData("ExactlyOnce", "")]
    public Task They_stop_nothing_and_their_letters_say_what_they_were(string guarantee, string compression) => StopNothing(guarantee, compression);

    [RealKafkaTheory]
    [Trait("Category", "Faults")]
    [InlineData("AtLeastOnce", "")]
    [InlineData("ExactlyOnce", "zstd")]
    public Task They_stop_nothing_with_the_other_guarantee_either(string guarantee, string compression) => StopNothing(guarantee, compression);

    private async Task StopNothing(string guarantee, string compression)
    {
        var compressible = Topics.Bytes($$"""{"text":"a good day","more":"{{new string('x', 3_200_000)}}"}""");
        var text = Topics.Bytes($$"""{"text":"a good day","more":"{{Noise(1_048_312 - 34)}}"}""");
        var noJson = Topics.Bytes(Noise(1_048_308));
        Small("before");
        Write(compressible, CompressionType.Zstd);
        Write(text);
        Write(noJson);
        Small("after");

        var settings = Settings(guarantee);
        if (compression.Length > 0) settings["Kafka:Producer:compression.type"] = compression;
        await RunAsync(settings, committed: 5);
        Small("after a restart");
        await RunAsync(settings, committed: 6);

        var results = _topics.ReadAll(_output).Select(r => r.Message.Value!).ToList();
        Assert.Equal(compression.Length > 0 ? 5 : 3, results.Count); // what is compressed on its way fits: noise of 64 letters as well
        var letters = _topics.ReadAll(_letters).Select(Letter).ToDictionary(l => l.Offset);
        if (compression.Length > 0) Assert.Equal([3], letters.Keys);
        else Assert.Equal([1, 2, 3], letters.Keys.Order());
        Assert.Equal((RejectionReason.MalformedPayload, Hash(noJson)), (letters[3].Reason, Hash(letters[3].Payload!)));
        if (compression.Length > 0) return;
        Assert.Equal((RejectionReason.OutputTooLarge, Hash(compressible)), (letters[1].Reason, Hash(letters[1].Payload!)));
        Assert.Equal((RejectionReason.OutputTooLarge, Hash(text)), (letters[2].Reason, Hash(letters[2].Payload!)));
    }

    [RealKafkaTheory]
    [InlineData("AtLeastOnce")]
    [InlineData("ExactlyOnce")]
    public async Task What_does_not_fit_even_as_gzip_leaves_its_size_and_hash(string guarantee)
    {
        var random = RandomNumberGenerator.GetBytes(1_048_308);
        random[0] = 0xFF; // no UTF-8
        Small("before");
        Write(random);
        Write(Topics.Bytes("{"), key: RandomNumberGenerator.GetBytes(1_048_480));
        Small("after");

        await RunAsync(Settings(guarantee), committed: 4);

        Assert.Equal(2, _topics.ReadAll(_output).Count);
        var letters = _topics.ReadAll(_letters).Select(Letter).OrderBy(l => l.Offset).ToList();
        Assert.Equal([1, 2], letters.Select(l => l.Offset));
        Assert.Equal(new MissingPayload(random.Length, Hash(random)), letters[0].Missing);
        Assert.Equal(new MissingPayload(1, Hash(Topics.Bytes("{"))), letters[1].Missing);
        Assert.Null(letters[1].Key);
    }

    [RealKafkaTheory]
    [InlineData("AtLeastOnce")]
    [InlineData("ExactlyOnce")]
    public async Task Events_of_15_to_35_MB_are_answered_where_the_limits_allow_them(string guarantee)
    {
        const int Limit = 48_000_000;
        var (input, output) = (Topics.Unique("large"), Topics.Unique("large-output"));
        _topics.Create([input, output], 1, ("max.message.bytes", $"{Limit}"));
        int[] sizes = [15_000_000, 25_000_000, 35_000_000];
        foreach (var size in sizes) Write(Topics.Bytes($$"""{"text":"a good day","more":"{{new string('x', size)}}"}"""), topic: input);
        var settings = Settings(guarantee);
        settings["Kafka:InputTopics:0"] = input;
        settings["Kafka:OutputTopic"] = output;
        settings["Kafka:Producer:message.max.bytes"] = $"{Limit}";
        settings["Input:MaxPayloadBytes"] = $"{Limit}";
        settings["Kafka:Consumer:fetch.message.max.bytes"] = $"{Limit}";

        var worker = Start(settings);
        await Wait.Until(() => worker.HasExited || _topics.Committed(_group, input, 1)[0] >= sizes.Length, log: () => worker.Log);
        await worker.StopAsync();

        var lengths = _topics.ReadAll(output).Select(r => r.Message.Value!.Length).ToList();
        Assert.Equal(sizes.Length, lengths.Count);
        Assert.All(lengths.Zip(sizes), pair => Assert.InRange(pair.First, pair.Second, Limit));
    }

    private async Task RunAsync(Dictionary<string, string> settings, int committed)
    {
        var worker = Start(settings);
        await Wait.Until(() => worker.HasExited || _topics.Committed(_group, _input, 1)[0] >= committed, log: () => worker.Log);
        await worker.StopAsync();
    }

    private void Small(string text) => Write(Topics.Bytes($$"""{"text":"{{text}}"}"""));

    private void Write(byte[] value, CompressionType compression = CompressionType.None, byte[]? key = null, string? topic = null)
    {
        using var producer = new ProducerBuilder<byte[]?, byte[]>(
            new ProducerConfig { BootstrapServers = _kafka.BootstrapServers, CompressionType = compression, MessageMaxBytes = 50_000_000 }).Build();
        var report = producer.ProduceAsync(topic ?? _input, new() { Key = key, Value = value });
        report.GetAwaiter().GetResult();
    }

    private static DeadLetter Letter(ConsumeResult<byte[]?, byte[]?> read)
    {
        IReadOnlyList<EventHeader> headers = [.. read.Message.Headers.Select(h => new EventHeader(h.Key, h.GetValueBytes()))];
        Assert.True(DeadLetter.TryRead(read.Message.Key, headers, read.Message.Value, 0, out var letter, out var problem), problem);
        return letter;
    }

    /// <summary>Letters that compress by a quarter and no more.</summary>
    private static string Noise(int letters) => Convert.ToBase64String(RandomNumberGenerator.GetBytes(letters))[..letters];

    private static string Hash(byte[] bytes) => Convert.ToHexStringLower(SHA256.HashData(bytes));
}
