using System.Buffers.Binary;
using System.Text.Json;
using MtlStream.Tests.Registry;

namespace MtlStream.IntegrationTests.Kafka;

/// <summary>Avro and Protobuf that Python's own libraries write and read, through the worker's process on a real Kafka.</summary>
public sealed class RegistryOnRealKafkaTests() : OnRealKafka(Partitions)
{
    private const int Partitions = 4;

    private StandInRegistry _registry = null!;
    private List<Kind> _kinds = [];
    private readonly List<int> _written = []; // partition of each event, by its number

    /// <param name="Line">The event, as Python printed it.</param>
    /// <param name="Id">Of its schema in the registry.</param>
    private sealed record Kind(JsonElement Line, byte[] Value, int Id)
    {
        public string Type => Line.GetProperty("kind").GetString()!;

        public string Schema => Line.GetProperty("schema").GetString()!;
    }

    [RealKafkaAndPythonFact]
    public async Task Events_of_Python_are_answered_in_kind_once_though_the_registry_goes_away_and_the_worker_ends()
    {
        await using var registry = _registry = await StandInRegistry.StartAsync();
        _kinds = [.. (await PythonSchemas.RunAsync(OpsTools.Root, "write", "")).Select(Registered)];
        var first = Start(Settings());

        Write(100, kinds: [0, 2], partitions: [0, 1, 2, 3]);
        await Wait.Until(() => Committed(Partitions) >= 100, log: () => first.Log);
        Assert.True(first.IsReady());
        Assert.All(_kinds.Take(1), kind => Assert.Single(registry.Requests, r => r == $"GET /schemas/ids/{kind.Id}"));

        registry.Fault = context =>
        {
            context.Abort();
            return Task.CompletedTask;
        };
        Write(40, kinds: [1, 3], partitions: [2, 3]); // which the worker has not seen yet
        Write(100, kinds: [0, 2], partitions: [0, 1]);
        await Wait.Until(() => Committed(Partitions) >= 200, log: () => first.Log);
        await Wait.Until(() => SaysWhy(first), log: () => first.Log);
        Assert.Equal(200, Committed(Partitions));
        await first.StopAsync();

        var second = Start(Settings());
        await Wait.Until(() => SaysWhy(second), log: () => second.Log);
        registry.Fault = _ => null;
        await Wait.Until(() => Committed(Partitions) >= 240, log: () => second.Log);
        await Wait.Until(second.IsReady, log: () => second.Log);
        await second.StopAsync();

        await AssertAnsweredAsync();
        Assert.Empty(_topics.ReadAll(_letters));
    }

    private static bool SaysWhy(WorkerProcess worker) =>
        !worker.IsReady() && worker.ReadyBody()?.Contains("events wait for the schema registry", StringComparison.Ordinal) == true;

    private Kind Registered(JsonElement line)
    {
        var type = line.GetProperty("kind").GetString() == "Avro" ? "AVRO" : "PROTOBUF";
        var id = _registry.Add($"{_input}-{line.GetProperty("name").GetString()}-{_registry.Subjects.Count()}", line.GetProperty("schema").GetString()!, type);
        return new(line, line.GetProperty("value").GetBytesFromBase64(), id);
    }

    private Dictionary<string, string> Settings() => new(Settings("ExactlyOnce"))
    {
        ["Registry:Url"] = _registry.Url,
        ["Registry:AutoRegister"] = "true",
        ["Registry:SubjectNames"] = "TopicRecord",
        ["Input:TextPointer"] = "/body/text",
    };

    /// <summary>Writes events whose keys are their numbers, in a frame like the value's.</summary>
    private void Write(int count, int[] kinds, int[] partitions)
    {
        for (var i = 0; i < count; i++)
        {
            var kind = _kinds[kinds[i / partitions.Length % kinds.Length]];
            byte[] key = [0, 0, 0, 0, 99, .. BitConverter.GetBytes(_written.Count)];
            _topics.Write(new(_input, partitions[i % partitions.Length]), new() { Key = key, Value = [0, .. Id(kind.Id), .. kind.Value] });
            _written.Add(partitions[i % partitions.Length]);
        }

        _topics.Flush();
    }

    private async Task AssertAnsweredAsync()
    {
        var results = _topics.ReadAll(_output);
        Assert.Equal(Enumerable.Range(0, _written.Count), results.Select(r => NumberOf(r.Message.Key!)).Order());
        Assert.All(results, r => Assert.Equal([0, 0, 0, 0, 99], r.Message.Key![..5]));
        foreach (var partition in results.GroupBy(r => (r.Partition.Value, _written[NumberOf(r.Message.Key!)])))
        {
            var numbers = partition.Select(r => NumberOf(r.Message.Key!)).ToList();
            Assert.Equal(numbers.Order(), numbers);
        }

        var answers = results.Select(r => r.Message.Value!).GroupBy(v => BinaryPrimitives.ReadInt32BigEndian(v.AsSpan(1))).ToDictionary(g => g.Key, g => g.First());
        Assert.Equal(_kinds.Count, answers.Count);
        var lines = answers.Select(answer =>
        {
            var schema = _registry.TextOf(answer.Key);
            var kind = _kinds.Single(k => IsAnswerTo(k, schema, answer.Value));
            return JsonSerializer.Serialize(new
            {
                kind = kind.Type, schema = kind.Schema, name = kind.Line.GetProperty("name").GetString(), answers = schema,
                @event = Convert.ToBase64String(kind.Value), value = Convert.ToBase64String(answer.Value.AsSpan(5)),
            });
        });
        var read = await PythonSchemas.RunAsync(OpsTools.Root, "read", string.Join('\n', lines));
        Assert.Equal(_kinds.Count, read.Count);
        Assert.All(read, answer =>
        {
            Assert.Equal("Grüße aus Köln ☀", answer.GetProperty("text").GetString());
            Assert.Equal("Grüße aus Köln ☀", answer.GetProperty("old").GetString());
            Assert.False(string.IsNullOrEmpty(answer.GetProperty("label").GetString()));
        });
    }

    private static int NumberOf(byte[] key) => BitConverter.ToInt32(key.AsSpan(5));

    // Of both formats there are two kinds, which differ in how they begin.
    private static bool IsAnswerTo(Kind kind, string schema, byte[] answer) =>
        (kind.Type == "Avro") == schema.StartsWith('{') && answer.AsSpan(5).StartsWith(kind.Value.AsSpan(0, 6));

    private static byte[] Id(int id)
    {
        var bytes = new byte[4];
        BinaryPrimitives.WriteInt32BigEndian(bytes, id);
        return bytes;
    }
}

/// <summary>As <see cref="RealKafkaFactAttribute"/>, and needs Python's Avro and Protobuf.</summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class RealKafkaAndPythonFactAttribute : FactAttribute
{
    public override string? Skip { get; set; } = RealKafka.WhyNone() ?? PythonSchemas.WhyNone();
}
