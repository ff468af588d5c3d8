using System.Text;
using BenchmarkDotNet.Attributes;
using Microsoft.Extensions.Logging.Abstractions;
using MtlStream.Events;
using MtlStream.Json;
using MtlStream.Registry;
using MtlStream.Registry.Schemas;
using MtlStream.Results;
using MtlStream.Tasks;

namespace MtlStream.Benchmarks;

/// <summary>
/// Reading a record of ten fields and answering it in kind, against the same record in JSON. Budget: 125 % of JSON's time, which is
/// 80 % of its rate, and no byte allocated beyond JSON's but for the length of the answer.
/// </summary>
[MemoryDiagnoser]
public class RegistryCodecBenchmarks : IDisposable
{
    private const string Text =
        "Angela Merkel visited Paris on Monday and said that the new night train to Berlin would bring people closer together than any summit had done";

    private const string Avro =
        """{"type":"record","name":"Review","fields":[{"name":"id","type":"long"},{"name":"shop","type":"string"},{"name":"stars","type":"int"},{"name":"price","type":["null","double"]},{"name":"lang","type":"string"},{"name":"text","type":"string"},{"name":"verified","type":"boolean"},{"name":"at","type":"long"},{"name":"tags","type":{"type":"array","items":"string"}},{"name":"author","type":["null","string"]}]}""";

    private const string Proto =
        """syntax = "proto3"; message Review { int64 id = 1; string shop = 2; int32 stars = 3; double price = 4; string lang = 5; string text = 6; bool verified = 7; int64 at = 8; repeated string tags = 9; string author = 10; }""";

    private static readonly IReadOnlyList<ModelTask> s_tasks = [new SingleLabelTask("sentiment", ["negative", "positive"]), new TokenSpansTask("entities", ["O", "B-PER", "I-PER"])];

    private readonly byte[] _analysis = Encoding.UTF8.GetBytes(
        """{"schema":"enriched-event.v1","model":{"name":"benchmark","version":"1"},"offsets":"utf16","truncated":false,"tasks":{"sentiment":{"label":"positive","score":0.9123},"entities":{"spans":[{"start":0,"end":13,"text":"Angela Merkel","label":"PER","score":0.9987}]}}}""");

    private readonly Shape _shape = EventEncoder.ShapeOf(s_tasks, new());
    private RegistryCodec _codec = null!;
    private EventDecoder _decoder = null!;
    private SourceRecord _json = null!;
    private SourceRecord _avro = null!;
    private SourceRecord _proto = null!;

    [GlobalSetup]
    public void Setup()
    {
        var settings = new RegistrySettings(new() { Url = "http://registry", AutoRegister = true }, new(), new(), _shape, "out");
        _codec = new(settings, _ => new Table(), TimeProvider.System, NullLoggerFactory.Instance);
        _decoder = new(new(), _codec);
        _json = Record(Encoding.UTF8.GetBytes(
            $$"""{"id":4711,"shop":"berlin","stars":5,"price":12.5,"lang":"en","text":"{{Text}}","verified":true,"at":1767600000000,"tags":["train","night"],"author":"anna"}"""));
        _avro = Record([0, 0, 0, 0, 1, .. AvroValue()]);
        _proto = Record([0, 0, 0, 0, 2, 0, .. ProtoValue()]);
        foreach (var record in new[] { _avro, _proto })
            while (_decoder.Decode(record).NotNow is { } notNow) notNow.Until.Wait();
    }

    [GlobalCleanup]
    public void Dispose()
    {
        _codec.Dispose();
        GC.SuppressFinalize(this);
    }

    [Benchmark(Baseline = true)]
    public int InJson() => Answer(_json);

    [Benchmark]
    public int InAvro() => Answer(_avro);

    [Benchmark]
    public int InProtobuf() => Answer(_proto);

    private int Answer(SourceRecord record)
    {
        using var decoded = _decoder.Decode(record).Event!;
        return decoded.Envelope.Codec!.Answer(decoded, new(_analysis, _shape)).Length;
    }

    private static SourceRecord Record(byte[] payload) => new(new("input", 0, 0, 1, 0), null, payload, [], 0, 0);

    private static byte[] AvroValue() =>
    [
        .. Long(4711), .. String("berlin"), 10, 2, .. BitConverter.GetBytes(12.5), .. String("en"), .. String(Text), 1, .. Long(1767600000000),
        4, .. String("train"), .. String("night"), 0, 2, .. String("anna"),
    ];

    private static byte[] ProtoValue() =>
    [
        8, .. Varint(4711), 18, .. Bytes("berlin"), 24, 5, 33, .. BitConverter.GetBytes(12.5), 42, .. Bytes("en"), 50, .. Bytes(Text), 56, 1,
        64, .. Varint(1767600000000), 74, .. Bytes("train"), 74, .. Bytes("night"), 82, .. Bytes("anna"),
    ];

    private static byte[] String(string text) => [.. Long(Encoding.UTF8.GetByteCount(text)), .. Encoding.UTF8.GetBytes(text)];

    private static byte[] Bytes(string text) => [.. Varint((ulong)Encoding.UTF8.GetByteCount(text)), .. Encoding.UTF8.GetBytes(text)];

    private static byte[] Long(long value) => Varint((ulong)(value << 1));

    private static byte[] Varint(ulong value)
    {
        var bytes = new List<byte>();
        for (; value >= 0x80; value >>= 7) bytes.Add((byte)(value | 0x80));
        bytes.Add((byte)value);
        return [.. bytes];
    }

    private sealed class Table : ISchemaRegistry
    {
        public Task<SchemaText> GetAsync(SchemaKey key, CancellationToken stopping) =>
            Task.FromResult(key.Number == 1 ? new SchemaText(SchemaType.Avro, Avro, []) : new SchemaText(SchemaType.Protobuf, Proto, []));

        public Task<SubjectSchema?> FindAsync(string subject, SchemaText schema, CancellationToken stopping) =>
            Task.FromResult<SubjectSchema?>(new(3, null, 1, schema));

        public Task<SubjectSchema?> LatestAsync(string subject, CancellationToken stopping) => Task.FromResult<SubjectSchema?>(null);

        public Task<bool> IsCompatibleAsync(string subject, SchemaText schema, CancellationToken stopping) => Task.FromResult(true);

        public Task<SubjectSchema> RegisterAsync(string subject, SchemaText schema, CancellationToken stopping) => throw new NotSupportedException();

        public void Dispose()
        {
        }
    }
}
