using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text;
using MtlStream.Events;
using MtlStream.Results;
using MtlStream.Tests.Schemas;
using Xunit.Abstractions;
using static MtlStream.Tests.Events.Codec;

namespace MtlStream.Tests.Events;

public sealed class CodecRandomizedTests(ITestOutputHelper output)
{
    private const int InputsPerBlock = 1000;
    private const string Enriched = "enriched";
    private static readonly EventHeader[] s_event = [Header("content-type", "application/cloudevents+json")];

    private static readonly string[] Pieces =
        ["a", "Paris", " ", " ", "\n", "\t", "\"", "\\", "é", "漢", "😀", "\u0000", "\u001f", "/", "\u2028", "\uFFFD", "e\u0301", "{}", "analysis"];

    private static readonly JsonSerializerOptions[] Escaping =
        [new() { Encoder = JavaScriptEncoder.Default }, new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping }];

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void Without_the_analysis_the_output_is_the_input_byte_for_byte(int seed)
    {
        var random = new Random(seed);
        var schema = SchemaFiles.Strict("enriched-event.v1");
        for (var round = 0; round < 200; round++)
        {
            var text = RandomText(random);
            var payload = Encoding.UTF8.GetBytes(RandomEvent(random, text));

            var decoded = Decode(payload);
            Assert.Equal(text, decoded.Text.ToString());
            var output = Encode(decoded, allScores: random.Next(2) == 0, entities: [.. Enumerable.Range(0, 40).Select(_ => random.Next(5))]).Payload!;

            var brace = payload.AsSpan().LastIndexOf((byte)'}');
            Assert.True(output.AsSpan().StartsWith([.. payload.AsSpan(0, brace), .. ",\"analysis\":{\"schema\""u8]));
            Assert.True(output.AsSpan().EndsWith(payload.AsSpan(brace)));
            var json = SchemaFiles.Parse(output);
            Assert.Empty(schema.Problems(json));
            var entities = json.GetProperty("analysis").GetProperty("tasks").GetProperty("entities").GetProperty("spans");
            foreach (var span in entities.EnumerateArray())
                Assert.Equal(span.GetProperty("text").GetString(), text[span.GetProperty("start").GetInt32()..span.GetProperty("end").GetInt32()]);
        }
    }

    [Theory]
    [InlineData(4)]
    [InlineData(5)]
    public void Plain_text_comes_back_as_it_was(int seed)
    {
        var random = new Random(seed);
        for (var round = 0; round < 200; round++)
        {
            var text = RandomText(random);
            var json = SchemaFiles.Parse(Encode(Decode(text, InputFormat.Text)).Payload!);
            Assert.Equal(text, json.GetProperty("text").GetString());
        }
    }

    /// <summary><c>MTLSTREAM_FUZZ_INPUTS</c> (4000 unless set) damaged payloads; a million: tests/results/fuzz.md.</summary>
    [Fact]
    public void Damaged_payloads_are_accepted_exactly_when_they_are_still_JSON()
    {
        var inputs = Setting("INPUTS", 4000);
        var seed = Setting("SEED", 6);
        var watch = Stopwatch.StartNew();
        var outcomes = new ConcurrentDictionary<string, int>();
        Parallel.For(0, Math.Max(1, inputs / InputsPerBlock), block =>
        {
            var random = new Random(unchecked((seed * 1_000_003) + block));
            for (var i = 0; i < InputsPerBlock; i++) outcomes.AddOrUpdate(OutcomeOf(random, asEvent: i % 2 == 0), 1, (_, count) => count + 1);
        });

        output.WriteLine($"seed {seed}: {outcomes.Values.Sum()} inputs in {watch.Elapsed.TotalSeconds:0} s: {string.Join(", ", outcomes.OrderByDescending(o => o.Value).Select(o => $"{o.Value} {o.Key}"))}");
        Assert.InRange(outcomes[Enriched], inputs / 40, inputs - inputs / 40);
        Assert.InRange(outcomes.Where(o => o.Key != Enriched).Sum(o => o.Value), inputs / 40, inputs - inputs / 40);
    }

    /// <summary>Damages an event and has it decoded and encoded: enriched, or rejected for the reason that it gives back.</summary>
    private static string OutcomeOf(Random random, bool asEvent)
    {
        var json = RandomEvent(random, RandomText(random));
        if (asEvent) json = $$"""{"specversion":"1.0","id":"1","source":"s","type":"t","data":{{json}},"x":1}""";
        var payload = Damage(Encoding.UTF8.GetBytes(json), random);
        try
        {
            var source = Record(payload, asEvent ? s_event : []);
            if (new EventDecoder(new()).TryDecode(source, out var decoded, out var rejection))
            {
                _ = SchemaFiles.Parse(Encode(decoded).Payload!);
                return Enriched;
            }

            Assert.NotEmpty(rejection.Message);
            Assert.Equal(payload, EventEncoder.EncodeDeadLetter(rejection).Payload);
            if (rejection.Reason == RejectionReason.MalformedPayload && !rejection.Message.Contains("CloudEvent's", StringComparison.Ordinal))
                Assert.ThrowsAny<JsonException>(() => SchemaFiles.Parse(payload));
            return rejection.Reason.ToString();
        }
        catch (Exception exception)
        {
            throw new InvalidOperationException($"Payload {Convert.ToBase64String(payload)}: {exception.Message}", exception);
        }
    }

    [Fact]
    public void A_megabyte_of_text_is_encoded()
    {
        var text = string.Concat(Enumerable.Repeat("hällo \"wörld\" 😀 ", 60_000));
        var payload = JsonSerializer.SerializeToUtf8Bytes(new { text });

        var json = SchemaFiles.Parse(Encode(Decode(payload), truncated: true).Payload!);

        Assert.Equal(text, json.GetProperty("text").GetString());
        Assert.True(json.GetProperty("analysis").GetProperty("truncated").GetBoolean());
        Assert.Equal(180_000, json.GetProperty("analysis").GetProperty("tasks").GetProperty("pos").GetProperty("tags").GetArrayLength());
    }

    [Fact]
    public void Beyond_the_output_itself_next_to_nothing_is_allocated()
    {
        var source = Record("""{"id":"4711","text":"Angela Merkel visited \"Paris\" in May, and it rained all day long."}"""u8.ToArray());
        var decoder = new EventDecoder(new());
        var encoder = new EventEncoder(new(), Model);
        using var scored = Tokenize(Decode(source.Payload!));
        using var predictions = Predict(scored, [1, 2, 0, 3]);

        long Run()
        {
            var before = GC.GetAllocatedBytesForCurrentThread();
            Assert.True(decoder.TryDecode(source, out var decoded, out _));
            decoded.Dispose();
            Assert.True(encoder.TryEncodeResult(scored, predictions, 1, out var result, out _));
            return GC.GetAllocatedBytesForCurrentThread() - before - result.Payload!.Length;
        }
        for (var warm = 0; warm < 100; warm++) Run();

        Assert.InRange(Run(), 1, 400);
    }

    private static int Setting(string name, int otherwise) =>
        int.TryParse(Environment.GetEnvironmentVariable($"MTLSTREAM_FUZZ_{name}"), CultureInfo.InvariantCulture, out var value) ? value : otherwise;

    private static string RandomText(Random random) =>
        "x" + string.Concat(Enumerable.Range(0, random.Next(30)).Select(_ => Pieces[random.Next(Pieces.Length)]));

    private static string RandomEvent(Random random, string text)
    {
        var members = Enumerable.Range(0, random.Next(6)).Select(i => $"{RandomString(random, $"m{i}")}{Space(random)}:{RandomValue(random, 3)}").ToList();
        members.Insert(random.Next(members.Count + 1), $"\"text\":{Space(random)}{RandomString(random, text)}");
        return $"{Space(random)}{{{Space(random)}{string.Join($"{Space(random)},{Space(random)}", members)}{Space(random)}}}{Space(random)}";
    }

    private static string RandomValue(Random random, int depth) => random.Next(depth > 0 ? 8 : 6) switch
    {
        0 => "null",
        1 => random.Next(2) == 0 ? "true" : "false",
        2 => random.Next(-1000, 1000).ToString(CultureInfo.InvariantCulture),
        3 => "-12.50e+300",
        4 or 5 => RandomString(random, RandomText(random)),
        6 => $"[{string.Join(Space(random) + ",", Enumerable.Range(0, random.Next(4)).Select(_ => RandomValue(random, depth - 1)))}]",
        _ => $"{{{string.Join(",", Enumerable.Range(0, random.Next(4)).Select(i => $"\"{(i == 0 ? "analysis" : "text")}\":{RandomValue(random, depth - 1)}"))}}}",
    };

    private static string RandomString(Random random, string text) =>
        JsonSerializer.Serialize(text, Escaping[random.Next(2)]);

    private static string Space(Random random) => random.Next(4) == 0 ? " \t\r\n"[..random.Next(5)] : "";

    private static byte[] Damage(byte[] payload, Random random)
    {
        var damaged = payload.ToList();
        for (var n = random.Next(3); n > 0 && damaged.Count > 1; n--)
        {
            var at = random.Next(damaged.Count);
            switch (random.Next(4))
            {
                case 0: damaged.RemoveAt(at); break;
                case 1: damaged.Insert(at, "{}[]\",:\\0u "u8[random.Next(11)]); break;
                case 2: damaged[at] = (byte)random.Next(256); break;
                default: damaged.RemoveRange(at, Math.Min(random.Next(4), damaged.Count - at)); break;
            }
        }
        return [.. damaged];
    }
}
