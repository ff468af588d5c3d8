using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;
using System.Text;
using MtlStream.Events;
using MtlStream.Registry;
using MtlStream.Registry.Answers;
using MtlStream.Registry.Schemas;
using Xunit.Abstractions;

namespace MtlStream.Tests.Registry;

/// <summary>Damaged values of Avro and Protobuf: each is answered, or rejected with its reason.</summary>
public sealed class RegistryFuzzTests(ITestOutputHelper output)
{
    private const int InputsPerBlock = 1000;

    /// <summary>A word of every text, which no message may repeat.</summary>
    private const string Secret = "Xanadu";

    private static readonly string[] s_forms = ["avro", "avro recursive", "avro to json", "protobuf", "protobuf to json"];

    /// <summary><c>MTLSTREAM_FUZZ_INPUTS</c> (8000 unless set); a million: tests/results/fuzz.md.</summary>
    [Fact]
    public async Task Damaged_values_of_a_registry_are_enriched_or_rejected_with_their_reason()
    {
        var inputs = Setting("INPUTS", 8000);
        var seed = Setting("SEED", 8);
        using var same = Run(OutputFormat.Same);
        using var json = Run(OutputFormat.Json);
        var outcomes = new ConcurrentDictionary<(string Form, string Outcome), int>();

        RegistryRun RunOf(string form) => form.EndsWith("json", StringComparison.Ordinal) ? json : same;

        foreach (var form in s_forms) await RunOf(form).DecodeAsync(Framed(form)); // whoever waits for a schema keeps a thread from fetching it
        var watch = Stopwatch.StartNew();
        Parallel.For(0, Math.Max(1, inputs / InputsPerBlock), block =>
        {
            var random = new Random(unchecked((seed * 1_000_003) + block));
            for (var i = 0; i < InputsPerBlock; i++)
            {
                var form = s_forms[i % s_forms.Length];
                outcomes.AddOrUpdate((form, OutcomeOf(RunOf(form), Damaged(form, random))), 1, (_, count) => count + 1);
            }
        });

        output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"seed {seed}: {outcomes.Values.Sum()} inputs in {watch.Elapsed.TotalSeconds:0} s"));
        foreach (var form in s_forms)
        {
            var counts = outcomes.Where(o => o.Key.Form == form).ToDictionary(o => o.Key.Outcome, o => o.Value);
            output.WriteLine($"{form}: {string.Join(", ", counts.OrderByDescending(o => o.Value).Select(o => $"{o.Value} {o.Key}"))}");
            Assert.True(counts.GetValueOrDefault("enriched") > 0 && counts.Count > 1, $"{form} is always the same: {string.Join(", ", counts.Keys)}");
        }
    }

    [Fact]
    public void Damaged_schemas_are_read_or_refused_with_their_reason()
    {
        var inputs = Setting("INPUTS", 4000);
        var seed = Setting("SEED", 8);
        var outcomes = new ConcurrentDictionary<(SchemaType Type, bool IsRead), int>();
        Parallel.For(0, Math.Max(1, inputs / InputsPerBlock), block =>
        {
            var random = new Random(unchecked((seed * 1_000_003) + block));
            for (var i = 0; i < InputsPerBlock; i++)
            {
                var type = (SchemaType)(i % 3);
                var schema = Encoding.UTF8.GetString(Damaged(s_schemas[type], random));
                outcomes.AddOrUpdate((type, IsRead(new(type, schema, []), random)), 1, (_, count) => count + 1);
            }
        });

        foreach (var ((type, isRead), count) in outcomes) output.WriteLine($"{type}: {count} {(isRead ? "read" : "refused")}");
        Assert.Equal(6, outcomes.Count);
    }

    /// <summary>Whether it is; a value of it, and a schema of answers, are made by the way.</summary>
    private static bool IsRead(SchemaText schema, Random random)
    {
        SchemaReader reader;
        try
        {
            reader = SchemaReaders.Of("schema id 7", schema, TextPointers.Of(new()));
            reader.Extend(AnalysisForm.Of(RegistryRun.Shape), reader.TypeOf(null), out _);
        }
        catch (UnusableSchemaException)
        {
            return false;
        }
        if (!reader.TakesValues) return true;
        var value = new byte[random.Next(60)];
        random.NextBytes(value);
        reader.Read(new(FrameForm.Id, SchemaKey.Of(7), value, 0), out _, out _);
        return true;
    }

    private static string OutcomeOf(RegistryRun run, byte[] payload)
    {
        var decoded = run.DecodeAsync(payload).GetAwaiter().GetResult();
        if (decoded.Rejection is { } rejection)
        {
            Assert.DoesNotContain(Secret, rejection.Message, StringComparison.Ordinal);
            return rejection.Reason.WireName();
        }
        using var found = decoded.Event!;
        var answer = found.Envelope.Codec!.Answer(found, new(Encoding.UTF8.GetBytes(RegistryRun.Analysis), RegistryRun.Shape));
        Assert.True(answer.Length > payload.Length / 2);
        return "enriched";
    }

    private static byte[] Damaged(string form, Random random)
    {
        var (id, value) = ValueOf(form);
        return RegistryRun.Framed(id, Damaged(value, random));
    }

    private static byte[] Framed(string form)
    {
        var (id, value) = ValueOf(form);
        return RegistryRun.Framed(id, value);
    }

    private static (int Id, byte[] Value) ValueOf(string form) => form switch
    {
        "avro recursive" => (8, s_recursive),
        "protobuf" or "protobuf to json" => (9, s_message),
        _ => (7, s_record),
    };

    private static byte[] Damaged(byte[] value, Random random)
    {
        var bytes = value.ToList();
        for (var changes = random.Next(1, 4); changes > 0 && bytes.Count > 0; changes--)
        {
            var at = random.Next(bytes.Count);
            switch (random.Next(6))
            {
                case 0:
                    bytes[at] ^= (byte)(1 << random.Next(8));
                    break;
                case 1:
                    bytes[at] = (byte)random.Next(256);
                    break;
                case 2:
                    bytes.RemoveRange(at, Math.Min(bytes.Count - at, random.Next(1, 6)));
                    break;
                case 3:
                    bytes.InsertRange(at, bytes.GetRange(at, Math.Min(bytes.Count - at, random.Next(1, 12))));
                    break;
                case 4:
                    bytes.InsertRange(at, Enumerable.Repeat((byte)0xFF, random.Next(1, 11)));
                    break;
                default:
                    bytes[at] = (byte)(random.Next(2) * 0x7F);
                    break;
            }
        }
        return [.. bytes];
    }

    private static RegistryRun Run(OutputFormat format)
    {
        var registry = new TableRegistry();
        registry.Add(7, Record);
        registry.Add(8, """{"type":"record","name":"Node","fields":[{"name":"next","type":["null","Node"]},{"name":"text","type":"string"}]}""");
        registry.Add(9, Message, SchemaType.Protobuf);
        return new(registry, new() { TextPointers = ["/body/text", "/tags/lang", "/inner/text", "/text"], JoinTexts = format == OutputFormat.Same }, format);
    }

    private const string Record =
        """{"type":"record","name":"R","fields":[{"name":"id","type":"long"},{"name":"body","type":["null",{"type":"record","name":"B","fields":[{"name":"text","type":"string"},{"name":"n","type":{"type":"array","items":"double"}}]}]},{"name":"tags","type":{"type":"map","values":"string"}},{"name":"kind","type":{"type":"enum","name":"K","symbols":["A","B","C"]}},{"name":"blob","type":"bytes"},{"name":"text","type":"string"}]}""";

    private const string Message =
        """syntax = "proto3"; message M { string text = 1; M inner = 2; repeated int32 n = 3; map<string, string> tags = 4; oneof o { string a = 5; double b = 6; } }""";

    private static readonly Dictionary<SchemaType, byte[]> s_schemas = new()
    {
        [SchemaType.Avro] = Encoding.UTF8.GetBytes(Record),
        [SchemaType.Protobuf] = Encoding.UTF8.GetBytes(Message),
        [SchemaType.Json] = [.. """{"type":"object","properties":{"text":{"type":"string"}},"required":["text"]}"""u8],
    };

    private static readonly byte[] s_record =
    [
        14, 2, 26, .. "in Xanadu did"u8, 2, 1, 2, 3, 4, 5, 6, 7, 8, 0, 2, 8, .. "lang"u8, 4, .. "en"u8, 0, 2, 4, 9, 9, 12, .. "Xanadu"u8,
    ];

    private static readonly byte[] s_recursive = [2, 2, 2, 0, 12, .. "Xanadu"u8, 2, (byte)'b', 2, (byte)'c', 24, .. "Kubla Xanadu"u8];

    private static readonly byte[] s_message =
    [
        0, .. new ProtoBytes().Text(1, "in Xanadu").Message(2, new ProtoBytes().Text(1, "did Xanadu")).Bytes(3, [1, 2, 200, 1])
            .Message(4, new ProtoBytes().Text(1, "lang").Text(2, "en")).Text(5, "a").Double(6, 1.5).All,
    ];

    private static int Setting(string name, int otherwise) =>
        Environment.GetEnvironmentVariable($"MTLSTREAM_FUZZ_{name}") is { Length: > 0 } given ? int.Parse(given, CultureInfo.InvariantCulture) : otherwise;
}
