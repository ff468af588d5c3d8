using System.Text.Json;
using Microsoft.Extensions.Logging.Abstractions;
using MtlStream.Batching;
using MtlStream.Events;
using MtlStream.Host.Configuration;
using MtlStream.Models;
using MtlStream.Onnx;
using MtlStream.Results;
using MtlStream.Serving;
using MtlStream.Tasks;
using MtlStream.Tests.Diagnostics;
using MtlStream.Tests.Doubles;
using MtlStream.Text;

namespace MtlStream.Tests.Models;

public sealed class AskingModelTests
{
    private const int MaxTokens = 16;

    private static readonly TextTokenizer s_tokenizer = Make.Tokenizer(MaxTokens, overlap: 4);

    [Fact]
    public async Task Every_text_is_asked_every_question_and_no_answer_is_an_answer()
    {
        var said = await AskAsync(["q", "r"], new(), """{"text":"a b z"}""", """{"text":"a b"}""");

        Assert.Equal(
            """{"answers":[{"question":"q","start":4,"end":5,"text":"z","score":0.7311},{"question":"r","start":4,"end":5,"text":"z","score":0.7311}]}""", said[0]);
        Assert.Equal(
            """{"answers":[{"question":"q","start":null,"end":null,"text":null,"score":1.0000},{"question":"r","start":null,"end":null,"text":null,"score":1.0000}]}""",
            said[1]);
    }

    [Fact]
    public async Task Windows_of_a_long_text_are_compared_and_an_answer_is_whole_words()
    {
        var longText = string.Concat(Enumerable.Repeat("a ", 40)) + "bzb " + string.Concat(Enumerable.Repeat("a ", 20));

        var said = await AskAsync(["q"], new(), JsonSerializer.Serialize(new { text = longText }));

        Assert.Equal("""{"answers":[{"question":"q","start":80,"end":83,"text":"bzb","score":0.7311}]}""", Assert.Single(said));
    }

    [Fact]
    public async Task An_event_may_bring_its_question_and_one_that_brings_none_gets_no_answer()
    {
        var input = new InputOptions { QuestionPointer = "/ask" };

        var said = await AskAsync([""], input, """{"text":"a z","ask":"what"}""", """{"text":"a z"}""", """[{"text":"z"},{"text":"z b","ask":"who"}]""");

        Assert.Equal("""{"answers":[{"question":"/ask","start":2,"end":3,"text":"z","score":0.7311}]}""", said[0]);
        Assert.Equal("""{"answers":[]}""", said[1]);
        Assert.Equal("""{"answers":[]}""", said[2]);
        Assert.Equal("""{"answers":[{"question":"/ask","start":0,"end":1,"text":"z","score":0.7311}]}""", said[3]);
    }

    [Fact]
    public void A_question_stands_before_the_text_in_a_segment_of_its_own()
    {
        using var text = s_tokenizer.Tokenize("A b");
        using var question = s_tokenizer.Tokenize("Q");
        using var pair = text.After(question.Tokens.ToArray(), 1, 1, 1);
        var (ids, cases) = (new long[5], new long[5]);

        pair.WriteSequence(0, ids, cases);

        Assert.Equal([question.Tokens[0].Id, text.Tokens[1].Id], [ids[1], ids[3]]);
        Assert.Equal(ids[4], ids[2]);
        Assert.Equal([0, 5, 4, 0, 0], cases);
    }

    [Fact]
    public void What_differs_in_the_segment_alone_is_not_the_same()
    {
        using var one = TokenizedText.Of([new(10, 0, 0, 5, false)], 2, 3);
        using var other = TokenizedText.Of([new(11, 0, 0, 1, false)], 2, 3);

        Assert.False(new TokenSequence(one, 0).HasSameContent(new(other, 0)));
        Assert.NotEqual(new TokenSequence(one, 0).ContentHash, new TokenSequence(other, 0).ContentHash);
    }

    [Fact]
    public void Rows_and_tokens_of_questions_are_counted_and_are_part_of_what_was_computed()
    {
        using var text = s_tokenizer.Tokenize(string.Concat(Enumerable.Repeat("a", 14)));
        var (rows, tokens) = (0, 0);
        using var model = new AskingModel(new TableModel(), new FindsZ(), [Question("q")], MaxTokens, (r, t) => (rows, tokens) = (r, t));

        using var said = model.Predict(new([new(text, 0)], 16, BatchTrigger.DeviceFree), 0);

        Assert.Equal(2, rows); // 12 tokens fit beside a question of one
        Assert.True(tokens > 16);
        Assert.Equal(tokens, said.Computed);
    }

    [Fact]
    public void A_package_that_answers_nothing_is_refused_where_something_is_asked()
    {
        using var package = new ToyPackage();
        var options = new ModelOptions { Path = package.Folder };

        var message = Assert.Throws<UsageException>(() => ModelLoader.Find(options.Asking(new Dictionary<string, string> { ["product"] = "What?" }, ""))).Message;

        Assert.StartsWith("Questions: found product, but the package ", message, StringComparison.Ordinal);
        Assert.NotNull(ModelLoader.Find(options));
    }

    [Fact]
    public void A_task_that_answers_is_asked_and_not_named()
    {
        using var package = new ToyPackage().Edit(m => m["tasks"]!.AsArray().Add(JsonSerializer.SerializeToNode(
            new { name = "answer", kind = "answer_span", margin = 0.5, outputs = new { scores = "tags.scores" } })));

        Assert.DoesNotContain("answer", ModelLoader.Find(new ModelOptions { Path = package.Folder }).Select("", onRequest: true).Select(t => t.Task.Name));
        var message = Assert.Throws<UsageException>(() => ModelLoader.Find(new ModelOptions { Path = package.Folder, Tasks = "answer" })).Message;
        Assert.Contains("Questions:NAME", message, StringComparison.Ordinal);
        Assert.Equal(0.5f, Assert.IsType<AnswerSpanTask>(package.Manifest().Tasks[^1].Task).Margin);
    }

    [Fact]
    public void Settings_name_questions()
    {
        var settings = AppSettings.From(SettingsReader.Read(
            null, new Dictionary<string, string> { ["MTLSTREAM__Questions__place"] = "Where?" },
            ["--Questions:product=What product is it about?", "--Input:QuestionPointer=/ask", "--Kafka:BootstrapServers=x:1", "--Kafka:GroupId=g", "--Kafka:InputTopics:0=i", "--Kafka:OutputTopic=o", "--Kafka:DeadLetterTopic=d"]));

        Assert.Equal(["place: Where?", "product: What product is it about?"], settings.Model.Questions.Select(q => $"{q.Key}: {q.Value}").Order());
        Assert.Equal("/ask", settings.Model.QuestionPointer);
    }

    [Fact]
    public void A_question_without_words_and_a_pointer_into_a_plain_text_are_errors()
    {
        var message = Assert.Throws<UsageException>(() => AppSettings.From(SettingsReader.Read(
            null, new Dictionary<string, string>(), ["--Questions:product= ", "--Input:QuestionPointer=/ask", "--Input:Format=Text"]))).Message;

        Assert.Contains("Questions:product: found no text, expected a question.", message, StringComparison.Ordinal);
        Assert.Contains("Input:QuestionPointer: found one with Input:Format Text", message, StringComparison.Ordinal);
    }

    /// <summary>What is said of each event about its questions; an empty question is the event's own.</summary>
    private static async Task<List<string>> AskAsync(string[] questions, InputOptions input, params string[] events)
    {
        using var meters = new MeterRecorder();
        var sink = new RecordingSink();
        using var model = new AskingModel(
            new TableModel(), new FindsZ(), [.. questions.Select(q => q.Length == 0 ? new(input.QuestionPointer, []) : Question(q))], MaxTokens);
        var pipeline = new AnalyticsPipeline(
            new InMemorySource(events), new EventDecoder(input), s_tokenizer, model, new EventEncoder(new(), model.Identity), sink,
            new(new(), new(), new()), new PipelineMetrics(meters), TimeProvider.System, NullLogger<AnalyticsPipeline>.Instance);
        await pipeline.RunAsync(CancellationToken.None);
        return
        [
            .. sink.To(Destination.Results).OrderBy(r => r.Source.Position.Offset).Select(r => JsonDocument.Parse(r.Payload!).RootElement)
                .SelectMany(r => r.ValueKind == JsonValueKind.Array ? r.EnumerateArray().ToList() : new List<JsonElement> { r })
                .Select(r => r.GetProperty("analysis").GetProperty("tasks").GetProperty("answer").GetRawText()),
        ];
    }

    private static AskedQuestion Question(string text)
    {
        using var tokens = s_tokenizer.Tokenize(text);
        return new(text, tokens.Tokens.ToArray());
    }

    /// <summary>Answers every question with the letter z behind the question, where there is one.</summary>
    private sealed class FindsZ : IMultitaskModel
    {
        public ModelIdentity Identity { get; } = new("finds", "1.0.0", "cpu");
        public IReadOnlyList<ModelTask> Tasks { get; } = [new AnswerSpanTask("answer")];
        public BatchShape Shape { get; } = new(32, 4096, []);
        public int Workers => 2;

        public Predictions Predict(TokenBatch batch, int worker)
        {
            var predictions = new Predictions(Tasks, batch.Sequences.Count, batch.PaddedLength) { Computed = batch.Tokens };
            for (var sequence = 0; sequence < batch.Sequences.Count; sequence++)
            {
                var scores = predictions.Of(0, sequence).Floats();
                scores.Fill(-20);
                (scores[0], scores[1]) = (-1, -1);
                var tokens = batch.Sequences[sequence].Inner;
                for (var token = 0; token < tokens.Length; token++)
                {
                    if (tokens[token].Case < 4 && s_tokenizer.TokenText(tokens[token].Id).EndsWith('z'))
                        (scores[2 * (token + 1)], scores[(2 * (token + 1)) + 1]) = (-0.5f, -0.5f);
                }
            }

            return predictions;
        }

        public void Probe(int worker)
        {
        }

        public void Dispose()
        {
        }
    }
}
