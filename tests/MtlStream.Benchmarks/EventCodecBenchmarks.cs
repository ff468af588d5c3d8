using System.Text.Json.Nodes;
using System.Text.Json;
using BenchmarkDotNet.Attributes;
using MtlStream.Events;
using MtlStream.Models;
using MtlStream.Results;
using MtlStream.Tasks;
using MtlStream.Text;

namespace MtlStream.Benchmarks;

/// <summary>
/// Cost of reading one event and of writing its result, for a text of 24 words with five tasks. Budget for both together: 5 us,
/// which is 2 % of a core at 4,000 events/s, and 400 B beyond the output's own bytes. Baseline: the same output by way of documents.
/// </summary>
[MemoryDiagnoser]
public class EventCodecBenchmarks : IDisposable
{
    private const string Text =
        "Angela Merkel visited Paris on Monday and said that the new \"night train\" to Berlin would bring people closer together than any summit had done";

    private readonly EventDecoder _decoder = new(new());
    private readonly EventEncoder _encoder = new(new(), new("benchmark", "1", "cpu"));
    private readonly IReadOnlyList<ModelTask> _tasks =
    [
        new SingleLabelTask("sentiment", ["negative", "neutral", "positive"]),
        new SingleLabelTask("topic", ["world", "sports", "business", "science"], 0.3f),
        new MultiLabelTask("emotion", ["joy", "anger", "fear", "sadness"], [0.5f, 0.5f, 0.5f, 0.5f]),
        new TokenSpansTask("entities", ["O", "B-PER", "I-PER", "B-LOC", "I-LOC"]),
        new TokenTagsTask("pos", ["NOUN", "PROPN", "VERB", "ADP"]),
    ];

    private SourceRecord _source = null!;
    private TokenizedEvent _scored = null!;
    private Predictions _predictions = null!;

    [GlobalSetup]
    public void Setup()
    {
        var payload = JsonSerializer.SerializeToUtf8Bytes(new { id = "5f1c2a7e", text = Text, source = "news", published = "2026-01-05T08:00:00Z" });
        _source = new(new("input", 0, 0, 1, 0), null, payload, [], 0, 0);
        _decoder.TryDecode(_source, out var decoded, out _);
        _scored = new(decoded!, Tokenize(decoded!.Text));
        _predictions = new Predictions(_tasks, 1, _scored.Tokens.Tokens.Length + 2);
        for (var task = 0; task < _tasks.Count; task++)
        {
            var values = _predictions.Of(task, 0);
            if (_tasks[task] is TextLabelTask)
            {
                var scores = values.Floats();
                scores.Fill(0.1f);
                scores[^1] = 0.7f;
                continue;
            }
            TokenLabelTask.ScoresOf(values).Fill(0.9876f);
            var tags = TokenLabelTask.TagsOf(values);
            for (var column = 0; column < tags.Length; column++) tags[column] = column % _tasks[task].Labels.Count;
        }
    }

    [GlobalCleanup]
    public void Dispose()
    {
        _scored.Dispose();
        _predictions.Dispose();
        GC.SuppressFinalize(this);
    }

    [Benchmark]
    public int Decode()
    {
        _decoder.TryDecode(_source, out var decoded, out _);
        using (decoded) return decoded!.Text.Length;
    }

    [Benchmark]
    public int Encode()
    {
        _encoder.TryEncodeResult(_scored, _predictions, 0, out var result, out _);
        return result!.Payload!.Length;
    }

    [Benchmark]
    public int Reject() => EventEncoder.EncodeDeadLetter(new(RejectionReason.MissingText, "decode", "why", _source)).Headers.Count;

    [Benchmark(Baseline = true)]
    public int ThroughDocuments()
    {
        var root = JsonNode.Parse(_source.Payload)!.AsObject();
        var text = root["text"]!.GetValue<string>();
        var tasks = new JsonObject();
        for (var task = 0; task < 3; task++)
            tasks[_tasks[task].Name] = new JsonObject { ["label"] = _tasks[task].Labels[^1], ["score"] = Math.Round(_predictions.Of(task, 0).Floats()[^1], 4) };
        var (spans, tags) = (new JsonArray(), new JsonArray());
        foreach (var word in _scored.Tokens.Words)
        {
            var column = word.FirstToken + 1;
            tags.Add(Entry(word, _tasks[4].Labels[TokenLabelTask.TagsOf(_predictions.Of(4, 0))[column]], TokenLabelTask.ScoresOf(_predictions.Of(4, 0))[column]));
            if (TokenLabelTask.TagsOf(_predictions.Of(3, 0))[column] == 0) continue;
            var span = Entry(word, _tasks[3].Labels[TokenLabelTask.TagsOf(_predictions.Of(3, 0))[column]][2..], TokenLabelTask.ScoresOf(_predictions.Of(3, 0))[column]);
            span["text"] = text[word.Start..word.End];
            spans.Add(span);
        }
        tasks["entities"] = new JsonObject { ["spans"] = spans };
        tasks["pos"] = new JsonObject { ["tags"] = tags };
        root["analysis"] = new JsonObject
        {
            ["schema"] = "enriched-event.v1",
            ["model"] = new JsonObject { ["name"] = "benchmark", ["version"] = "1" },
            ["offsets"] = "utf16",
            ["truncated"] = false,
            ["tasks"] = tasks,
        };
        return JsonSerializer.SerializeToUtf8Bytes(root).Length;
    }

    private static JsonObject Entry(Word word, string label, float score) =>
        new() { ["start"] = word.Start, ["end"] = word.End, ["label"] = label, ["score"] = Math.Round(score, 4) };

    private static TokenizedText Tokenize(ReadOnlySpan<char> text)
    {
        var (tokens, words) = (new List<Token>(), new List<Word>());
        for (var at = 0; at < text.Length;)
        {
            var length = text[at..].IndexOf(' ') is >= 0 and var space ? space : text.Length - at;
            words.Add(new(at, at + length, tokens.Count));
            tokens.Add(new(1, at, at + length, 0, BeginsWord: true));
            at += length + 1;
        }
        return new([.. tokens], [.. words], [new(0, tokens.Count)], 101, 102);
    }
}
