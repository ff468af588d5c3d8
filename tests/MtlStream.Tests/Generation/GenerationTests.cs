using System.Text;
using System.Text.Json;
using MtlStream.Delivery;
using MtlStream.Events;
using MtlStream.Models;
using MtlStream.Tests.Doubles;

namespace MtlStream.Tests.Generation;

/// <summary>Texts written in the stream: who gets them, in which order, and what a model that misbehaves costs.</summary>
public sealed class GenerationTests
{
    private static readonly TimeSpan s_deadline = TimeSpan.FromMinutes(2);

    private static string Event(string text) => $$"""{"text":"{{text}}"}""";

    [Fact]
    public async Task Every_event_has_its_labels_and_its_text_in_the_order_of_its_partition()
    {
        var texts = Enumerable.Range(0, 300).Select(i => $"{Letters(i)} {Alphabet(i, 1 + (i * 7 % 40))}").ToList();
        var source = new InMemorySource(texts.Select(Event), partitions: 3);
        var sink = new RecordingSink();
        using var model = new EchoModel();
        using var generators = model.Generators("echo", new() { Workers = 2, MaxRows = 8 });

        await Make.Pipeline(source, sink, generators: generators).RunAsync(CancellationToken.None).WaitAsync(s_deadline);

        Assert.Empty(sink.To(Destination.DeadLetters));
        Assert.Equal(300, source.Acknowledged.Count);
        foreach (var partition in sink.Published.GroupBy(r => r.Source.Position.Partition))
            Assert.Equal(Enumerable.Range(0, 100).Select(i => (long)i), partition.Select(r => r.Source.Position.Offset));
        Assert.All(sink.Published, record =>
        {
            var tasks = Tasks(record);
            Assert.Equal(JsonDocument.Parse(record.Source.Payload).RootElement.GetProperty("text").GetString(), tasks.GetProperty("echo").GetProperty("text").GetString());
            Assert.Equal("positive", tasks.GetProperty("sentiment").GetProperty("label").GetString());
            Assert.False(tasks.GetProperty("echo").GetProperty("truncated").GetBoolean());
            Assert.InRange(tasks.GetProperty("echo").GetProperty("score").GetDouble(), 0.9, 1);
        });
    }

    [Fact]
    public void Texts_join_and_leave_a_running_batch_between_steps()
    {
        var texts = Enumerable.Range(0, 64).Select(i => Alphabet(i, i % 4 == 0 ? 12 : 3)).ToList();
        using var model = new EchoModel();

        var written = model.Generator("echo", new() { MaxRows = 8 }).Write(texts);

        Assert.All(written, job => Assert.False(job.Truncated));
        var steps = texts.Sum(t => t.Length + 2); // a token for each letter, the space before and the end
        Assert.Equal(steps, model.Calls.Sum(c => c.Rows)); // no row is computed that has ended
        Assert.True(model.Calls.Max(c => c.Rows) <= 8);
        var joined = model.Calls.Zip(model.Calls.Skip(1)).Count(c => c.Second.Read == 0 && c.First.Read > 0);
        Assert.True(joined > 1, "no text joined while others were being written");
        Assert.True(model.Calls.Average(c => c.Rows) > 3, "rows that joined did not share calls");
    }

    [Fact]
    public void Of_mixed_lengths_a_running_batch_computes_less_than_fixed_ones_in_as_few_calls()
    {
        const int Rows = 16;
        var texts = Enumerable.Range(0, 640).Select(i => Alphabet(i, 5 + (i * 29 % 46))).ToList(); // 5 to 50 letters
        using var model = new EchoModel();

        model.Generator("echo", new() { MaxRows = Rows, MaxTokensInFlight = 1 << 20 }).Write(texts);

        var fixedCalls = texts.Chunk(Rows).Sum(batch => batch.Max(t => t.Length + 2)); // each ends with its longest
        Assert.True(fixedCalls * Rows > 1.5 * model.Calls.Sum(c => c.Rows), $"{fixedCalls * Rows} rows against {model.Calls.Sum(c => c.Rows)}");
        Assert.True(model.Calls.Count < fixedCalls, $"{model.Calls.Count} calls against {fixedCalls}");
    }

    [Theory]
    [InlineData("nan", "inference_failed")]
    [InlineData("refused", "inference_failed")]
    [InlineData("bug", "internal_error")]
    [InlineData("unreadable", "inference_failed")]
    public async Task A_text_that_breaks_the_model_costs_its_event_and_no_neighbour(string bad, string reason)
    {
        var texts = Enumerable.Range(0, 40).Select(i => i == 17 ? bad : $"good {Letters(i)}").ToList();
        var sink = new RecordingSink();
        using var model = new EchoModel
        {
            Refuse = rows => !rows.Any(r => r.StartsWith(bad, StringComparison.Ordinal)) ? null
                : bad == "nan" ? null
                : bad == "bug" ? new InvalidOperationException("secret")
                : new InferenceException("out of memory", outOfMemory: true),
        };
        using var generators = model.Generators("echo");

        await Make.Pipeline(new InMemorySource(texts.Select(Event)), sink, generators: generators).RunAsync(CancellationToken.None).WaitAsync(s_deadline);

        Assert.Equal(39, sink.To(Destination.Results).Count());
        var letter = Assert.Single(sink.To(Destination.DeadLetters));
        Assert.Equal((17L, reason, "generate"), (letter.Source.Position.Offset, Header(letter, "mtlstream.reason"), Header(letter, "__connect.errors.stage")));
    }

    [Theory]
    [InlineData("loop de loop", 5)] // the circle once
    [InlineData("endless", 18 + 16)] // as long as it may be: two for a token of the source, and 16
    public async Task A_text_without_end_is_cut_and_says_so(string text, int letters)
    {
        var sink = new RecordingSink();
        using var model = new EchoModel();
        using var generators = model.Generators("echo");

        await Make.Pipeline(new InMemorySource([Event("good"), Event(text), Event("good")]), sink, generators: generators).RunAsync(CancellationToken.None).WaitAsync(s_deadline);

        Assert.Equal([false, true, false], sink.To(Destination.Results).Select(r => Tasks(r).GetProperty("echo").GetProperty("truncated").GetBoolean()));
        var written = Tasks(sink.To(Destination.Results).ElementAt(1)).GetProperty("echo").GetProperty("text").GetString()!;
        Assert.InRange(written.Length, 1, letters);
    }

    [Fact]
    public async Task Memory_is_bounded_and_a_source_beyond_it_is_cut()
    {
        const int Most = 128;
        var texts = Enumerable.Range(0, 60).Select(i => i == 30 ? string.Concat(Enumerable.Repeat("abcdefgh ", 40)) : $"good {Letters(i)}").ToList();
        var sink = new RecordingSink();
        using var model = new EchoModel();
        using var generators = model.Generators("echo", new() { Workers = 1, MaxTokensInFlight = Most });

        await Make.Pipeline(new InMemorySource(texts.Select(Event)), sink, generators: generators).RunAsync(CancellationToken.None).WaitAsync(s_deadline);

        Assert.Equal(60, sink.To(Destination.Results).Count());
        Assert.InRange(model.MostTokens, 1, Most);
        Assert.Equal([30L], sink.To(Destination.Results).Where(r => Tasks(r).GetProperty("echo").GetProperty("truncated").GetBoolean()).Select(r => r.Source.Position.Offset));
    }

    [Theory]
    [InlineData("", null, false)]
    [InlineData("", "echo", true)]
    [InlineData("", "\"echo\"", true)]
    [InlineData("echo", null, true)]
    [InlineData("echo", "none", false)]
    public async Task Settings_say_who_gets_a_text_and_headers_know_better(string always, string? header, bool written)
    {
        var record = Make.Record(0, Event("good"), headers: header is null ? [] : [new("mtlstream.generate", Encoding.UTF8.GetBytes(header))]);

        var answer = await Answer(record, always);

        Assert.Equal(written, Tasks(answer).TryGetProperty("echo", out _));
        Assert.True(Tasks(answer).TryGetProperty("sentiment", out _));
    }

    [Fact]
    public async Task A_header_that_names_no_generator_is_refused()
    {
        var answer = await Answer(Make.Record(0, Event("good"), headers: [new("mtlstream.generate", "secret"u8.ToArray())]), "echo");

        Assert.Equal((Destination.DeadLetters, "unknown_generator"), (answer.Destination, Header(answer, "mtlstream.reason")));
        Assert.Contains("expected some of echo", Header(answer, "__connect.errors.exception.message"), StringComparison.Ordinal);
        Assert.DoesNotContain("secret", Header(answer, "__connect.errors.exception.message"), StringComparison.Ordinal);
    }

    [Fact]
    public void A_setting_that_names_no_generator_is_refused()
    {
        using var model = new EchoModel();

        var refusal = Assert.Throws<UsageException>(() => model.Generators("ekho"));

        Assert.Contains("did you mean echo?", refusal.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_broken_device_ends_the_run_and_rejects_nothing()
    {
        var sink = new RecordingSink();
        using var model = new EchoModel { Refuse = _ => new InferenceException("device lost") };
        using var generators = model.Generators("echo");
        var source = new InMemorySource([Event("good"), Event("good")], endless: true);

        var failure = await Assert.ThrowsAsync<PipelineException>(
            () => Make.Pipeline(source, sink, generators: generators).RunAsync(CancellationToken.None).WaitAsync(s_deadline));

        Assert.Equal("generate", failure.Stage);
        Assert.Empty(sink.Published);
        Assert.Empty(source.Acknowledged);
    }

    [Fact]
    public async Task What_is_half_written_when_time_is_up_is_given_back()
    {
        var written = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        using var goOn = new SemaphoreSlim(0);
        using var model = new EchoModel
        {
            Stepping = () =>
            {
                written.TrySetResult();
                goOn.Wait(s_deadline);
            },
        };
        using var generators = model.Generators("echo");
        var source = new InMemorySource([Event("good"), Event("morning")], endless: true);
        var sink = new RecordingSink();
        var time = new DrainTime(new DeliveryOptions().DrainTimeout / 2);
        using var stopping = new CancellationTokenSource();

        var run = Make.Pipeline(source, sink, time: time, generators: generators, batching: new() { Linger = TimeSpan.Zero }).RunAsync(stopping.Token);
        await written.Task.WaitAsync(s_deadline);
        await stopping.CancelAsync();
        await time.Draining.Task.WaitAsync(s_deadline);
        time.Advance(new DeliveryOptions().DrainTimeout / 2);
        goOn.Release(1000);
        await run.WaitAsync(s_deadline);

        Assert.Empty(sink.Published);
        Assert.Empty(source.Acknowledged);
        Assert.True(source.Completed);
    }

    private static async Task<OutboundRecord> Answer(SourceRecord record, string always)
    {
        var sink = new RecordingSink();
        using var model = new EchoModel();
        using var generators = model.Generators(always);
        await Make.Pipeline(new OneRecord(record), sink, generators: generators).RunAsync(CancellationToken.None).WaitAsync(s_deadline);
        return Assert.Single(sink.Published);
    }

    private static string Alphabet(int first, int length) => string.Concat(Enumerable.Range(first, length).Select(i => (char)('a' + (i % 26))));

    private static string Letters(int number) => string.Concat(number.ToString(System.Globalization.CultureInfo.InvariantCulture).Select(digit => (char)('a' + (digit - '0'))));

    private static JsonElement Tasks(OutboundRecord record) => JsonDocument.Parse(record.Payload).RootElement.GetProperty("analysis").GetProperty("tasks");

    private static string Header(OutboundRecord record, string name) => Encoding.UTF8.GetString(record.Headers.Single(h => h.Key == name).Value!);

    private sealed class OneRecord(SourceRecord record) : IEventSource
    {
        public async Task ReceiveAsync(System.Threading.Channels.ChannelWriter<IReadOnlyList<SourceRecord>> received, CancellationToken stopping) =>
            await received.WriteAsync([record], stopping);

        public void Acknowledge(SourcePosition position)
        {
        }

        public ValueTask CompleteAsync(CancellationToken abort) => ValueTask.CompletedTask;
    }
}
