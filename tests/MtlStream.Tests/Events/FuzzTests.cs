using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;
using System.Text;
using System.Text.Json;
using MtlStream.Events;
using MtlStream.Results;
using MtlStream.Text;
using MtlStream.Tests.Schemas;
using MtlStream.Tests.Text;
using Xunit.Abstractions;
using static MtlStream.Tests.Events.Codec;

namespace MtlStream.Tests.Events;

/// <summary>Damaged payloads of every form through every codec.</summary>
public sealed class FuzzTests(ITestOutputHelper output)
{
    private const int InputsPerBlock = 1000;

    /// <summary>A word of every text, which no message may repeat.</summary>
    private const string Secret = "Xanadu";

    private static readonly TextTokenizer s_tokenizer = TokenizerVectors.Tokenizer(splitWords: true, foldLetters: true);

    private static readonly string[] s_forms =
    [
        "object", "array", "string", "JSON in a string", "CloudEvent", "CloudEvents", "CloudEvent by content", "binary CloudEvent",
        "Connect", "Connect without schema", "Connect with a string", "text", "frame", "long frame", "frame with a GUID", "Glue", "Glue packed",
        "gzip", "zstd", "deflate", "br", "several pointers", "log",
    ];

    private static readonly string[] s_codings = ["gzip", "zstd", "deflate", "br"];

    /// <summary><c>MTLSTREAM_FUZZ_INPUTS</c> (8000 unless set); a million: tests/results/fuzz.md.</summary>
    [Fact]
    public void Damaged_payloads_of_every_form_are_enriched_or_rejected_with_their_reason()
    {
        var inputs = Setting("INPUTS", 8000);
        var seed = Setting("SEED", 8);
        var watch = Stopwatch.StartNew();
        var outcomes = new ConcurrentDictionary<(string Form, string Outcome), int>();
        var slowest = (Time: TimeSpan.Zero, Form: "");
        Parallel.For(0, Math.Max(1, inputs / InputsPerBlock), block =>
        {
            var random = new Random(unchecked((seed * 1_000_003) + block));
            for (var i = 0; i < InputsPerBlock; i++)
            {
                var form = s_forms[i % s_forms.Length];
                var before = Environment.CpuUsage.TotalTime; // of all threads, so never too little
                outcomes.AddOrUpdate((form, OutcomeOf(form, random)), 1, (_, count) => count + 1);
                var took = Environment.CpuUsage.TotalTime - before;
                if (took > slowest.Time) slowest = (took, form); // a lost update does no harm
            }
        });

        var all = outcomes.GroupBy(o => o.Key.Outcome).ToDictionary(g => g.Key, g => g.Sum(o => o.Value));
        output.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"seed {seed}: {all.Values.Sum()} inputs in {watch.Elapsed.TotalSeconds:0} s, the slowest {slowest.Time.TotalMilliseconds:0} ms of a processor, {slowest.Form}: ")
            + string.Join(", ", all.OrderByDescending(o => o.Value).Select(o => $"{o.Value} {o.Key}")));
        foreach (var form in s_forms)
        {
            var counts = outcomes.Where(o => o.Key.Form == form).ToDictionary(o => o.Key.Outcome, o => o.Value);
            output.WriteLine($"{form}: {string.Join(", ", counts.OrderByDescending(o => o.Value).Select(o => $"{o.Value} {o.Key}"))}");
            Assert.True(counts.GetValueOrDefault("enriched") > 0 && counts.Count > 1, $"{form} is always the same: {string.Join(", ", counts.Keys)}");
        }
    }

    private static string OutcomeOf(string form, Random random)
    {
        var (payload, headers) = Make(form, random);
        var options = new InputOptions
        {
            Format = form == "text" ? InputFormat.Text : form.StartsWith("CloudEvents", StringComparison.Ordinal) ? InputFormat.CloudEvents : InputFormat.Auto,
            TextPointer = form == "log" ? "/log/text" : "/text",
            TextPointers = form == "several pointers" ? ["/subject", "/parts/1/text", "/text"] : [],
            JoinTexts = form == "several pointers" && random.Next(2) == 0,
            WithoutText = (TextlessEvents)random.Next(3),
            MaxPayloadBytes = 1 << 16,
        };
        if (form == "several pointers") options = options with { TextPointer = "/text" };
        try
        {
            var original = payload.ToArray();
            var source = Record(payload, headers);
            var decoded = new EventDecoder(options).Decode(source);
            Assert.Equal(original, payload);
            if (decoded.Rejection is { } rejection)
            {
                Assert.NotEmpty(rejection.Message);
                Assert.DoesNotContain(Secret[..4], rejection.Message, StringComparison.Ordinal);
                Assert.Same(payload, EventEncoder.EncodeDeadLetter(rejection).Payload);
                return rejection.Reason.ToString();
            }

            foreach (var one in decoded.Events ?? [decoded.Event!]) Tokenized(one.Text, html: random.Next(2) == 0);
            var answer = SchemaFiles.Parse(EncodeAll(decoded).Payload!);
            Assert.Contains("\"analysis\":{\"schema\":\"enriched-event.v1\"", answer.GetRawText(), StringComparison.Ordinal);
            return "enriched";
        }
        catch (Exception exception)
        {
            throw new InvalidOperationException($"{form} {Convert.ToBase64String(payload)}: {exception.Message}", exception);
        }
    }

    private static void Tokenized(ReadOnlySpan<char> text, bool html)
    {
        using var tokens = s_tokenizer.Tokenize(text, html);
        var at = 0;
        foreach (var word in tokens.Words)
        {
            Assert.InRange(word.Start, at, text.Length);
            Assert.InRange(word.End, word.Start + 1, text.Length);
            at = word.Start;
        }
    }

    private static (byte[] Payload, EventHeader[] Headers) Make(string form, Random random)
    {
        var json = Event(random);
        const string Attributes = "\"specversion\":\"1.0\",\"id\":\"1\",\"source\":\"s\",\"type\":\"t\"";
        const string Schema = """{"type":"struct","fields":[{"type":"string","optional":true,"field":"text"}],"optional":false}""";
        var text = form switch
        {
            "array" => $"[{string.Join(",", Enumerable.Range(0, random.Next(1, 5)).Select(_ => random.Next(5) == 0 ? JsonSerializer.Serialize(Text(random)) : Event(random)))}]",
            "string" => JsonSerializer.Serialize(Text(random)),
            "JSON in a string" => JsonSerializer.Serialize(json),
            "CloudEvent" or "CloudEvents" or "CloudEvent by content" => CloudEvent(random, json, Attributes),
            "binary CloudEvent" => json,
            "Connect" => random.Next(2) == 0 ? $"{{\"schema\":{Schema},\"payload\":{json}}}" : $"{{\"payload\":{json},\"schema\":{Schema}}}",
            "Connect without schema" => $"{{\"schema\":null,\"payload\":{json}}}",
            "Connect with a string" => $"{{\"schema\":{{\"type\":\"string\"}},\"payload\":{JsonSerializer.Serialize(random.Next(2) == 0 ? json : Text(random))}}}",
            "text" => Text(random),
            "several pointers" => $"{{\"subject\":{Value(random)},\"parts\":[{Value(random)},{json}],\"text\":{Value(random)}}}",
            "log" => $"{{\"log\":{JsonSerializer.Serialize(json)},\"time\":1}}",
            _ => json,
        };
        if (form == "CloudEvents" && random.Next(2) == 0) text = $"[{text},{CloudEvent(random, json, Attributes)}]";
        var damaged = Damage(Encoding.UTF8.GetBytes(text), random);
        var payload = form switch
        {
            "frame" => [0, 0, 0, 1, (byte)random.Next(256), .. damaged],
            "long frame" => [0, 0, 0, 0, 0, 0, 0, 1, (byte)random.Next(256), .. damaged],
            "frame with a GUID" => [1, .. new byte[15], (byte)random.Next(256), .. damaged],
            "Glue" => [3, 0, .. new byte[16], .. damaged],
            "Glue packed" => [3, 5, .. new byte[16], .. Damage(PackedPayloadTests.Pack(damaged, "deflate"), random)],
            _ when s_codings.Contains(form) => Damage(PackedPayloadTests.Pack(damaged, form), random),
            _ => damaged,
        };
        EventHeader[] headers = form switch
        {
            "CloudEvent" => [Header("content-type", "application/cloudevents+json")],
            "CloudEvents" when random.Next(2) == 0 => [Header("content-type", "application/cloudevents-batch+json")],
            "binary CloudEvent" => [Header("ce_specversion", "1.0"), Header("ce_id", "1"), Header("ce_source", "s"), Header("ce_type", "t")],
            "br" => [Header("content-encoding", "br")],
            _ when s_codings.Contains(form) && random.Next(2) == 0 => [Header("content-encoding", s_codings[random.Next(4)])],
            _ => random.Next(8) == 0 ? [new("content-encoding", null), new("content-type", null)] : [],
        };
        return (payload, headers);
    }

    private static string CloudEvent(Random random, string json, string attributes) => random.Next(4) switch
    {
        0 => $"{{{attributes},\"data\":{JsonSerializer.Serialize(random.Next(2) == 0 ? json : Text(random))}}}",
        1 => $"{{\"datacontenttype\":\"text/plain\",\"data\":{JsonSerializer.Serialize(Text(random))},{attributes}}}",
        2 => $"{{{attributes},\"data_base64\":\"{Convert.ToBase64String(Encoding.UTF8.GetBytes(json))}\"}}",
        _ => $"{{\"data\":{json},{attributes}}}",
    };

    private static string Event(Random random) => random.Next(6) switch
    {
        0 => $"{{\"analysis\":1,\"text\":{Value(random)},\"analysis\":[2]}}",
        1 => $"{{\"id\":{random.Next()},\"nested\":{{\"text\":[{Value(random)}]}},\"text\":{JsonSerializer.Serialize(Text(random))}}}",
        _ => $" {{ \"text\" : {JsonSerializer.Serialize(Text(random))} }} ",
    };

    private static string Value(Random random) => random.Next(8) switch
    {
        0 => "null",
        1 => "\" \"",
        2 => "17",
        3 => "{\"text\":{}}",
        _ => JsonSerializer.Serialize(Text(random)),
    };

    private static string Text(Random random)
    {
        string[] pieces = ["a", Secret, " ", "\n", "\"", "\\", "é", "😀", "\0", "{", "[", "</b>", "\u200b", "true", "&amp;", "&#39;s", "&#x1F600;", "&#", "&lt", "-", "\r\n", "https://", "𝐚"];
        return Secret + string.Concat(Enumerable.Range(0, random.Next(12)).Select(_ => pieces[random.Next(pieces.Length)]));
    }

    private static byte[] Damage(byte[] payload, Random random)
    {
        var damaged = payload.ToList();
        for (var n = random.Next(3); n > 0 && damaged.Count > 1; n--)
        {
            var at = random.Next(damaged.Count);
            switch (random.Next(6))
            {
                case 0: damaged.RemoveAt(at); break;
                case 1: damaged.Insert(at, "{}[]\",:\\0u "u8[random.Next(11)]); break;
                case 2: damaged[at] = (byte)random.Next(256); break;
                case 3: damaged.RemoveRange(at, damaged.Count - at); break;
                case 4: damaged.InsertRange(at, damaged.GetRange(at, Math.Min(random.Next(20), damaged.Count - at))); break;
                default: damaged.RemoveRange(at, Math.Min(random.Next(4), damaged.Count - at)); break;
            }
        }
        return [.. damaged];
    }

    private static int Setting(string name, int otherwise) =>
        int.TryParse(Environment.GetEnvironmentVariable($"MTLSTREAM_FUZZ_{name}"), CultureInfo.InvariantCulture, out var value) ? value : otherwise;
}
