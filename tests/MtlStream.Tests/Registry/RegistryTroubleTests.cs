using System.Text;
using Microsoft.Extensions.Time.Testing;
using MtlStream.Events;
using MtlStream.Registry;
using MtlStream.Registry.Schemas;
using MtlStream.Tests.Doubles;

namespace MtlStream.Tests.Registry;

/// <summary>A registry by Confluent's own client, and what becomes of events while it does not answer as one.</summary>
public sealed class RegistryTroubleTests
{
    private const string Review = """{"type":"record","name":"Review","fields":[{"name":"text","type":"string"}]}""";

    private static readonly byte[] s_good = RegistryRun.Framed(1, [8, .. "good"u8]);

    [Fact]
    public async Task A_schema_is_asked_for_once_however_many_events_carry_it()
    {
        await using var registry = await StandInRegistry.StartAsync();
        registry.Add("in-value", Review);
        using var run = Run(registry);

        await Task.WhenAll(Enumerable.Range(0, 200).Select(_ => Task.Run(() => run.TextAsync(s_good))));

        Assert.Single(registry.Requests, r => r == "GET /schemas/ids/1");
        Assert.Single(registry.Requests, r => r == "POST /subjects/out-value/versions");
        Assert.Equal(["in-value", "out-value"], registry.Subjects);
    }

    [Fact]
    public async Task References_are_fetched_with_their_schema()
    {
        await using var registry = await StandInRegistry.StartAsync();
        registry.Add("note", """{"type":"record","name":"Note","fields":[{"name":"text","type":"string"}]}""");
        var id = registry.Add("order", """{"type":"record","name":"Order","fields":[{"name":"note","type":"Note"}]}""", "AVRO", ("Note", "note", 1));
        using var run = Run(registry, new() { TextPointer = "/note/text" });

        Assert.Equal("good", await run.TextAsync(RegistryRun.Framed(id, [8, .. "good"u8])));
    }

    public static TheoryData<string, string> Troubles => new()
    {
        { "401", "refuses the worker with status 401" },
        { "403", "refuses the worker with status 403" },
        { "404 without a number", "answers with status 404" },
        { "408", "answers with status 408" },
        { "429", "answers with status 429" },
        { "500", "answers with status 500" },
        { "502", "answers with status 502" },
        { "503", "answers with status 503" },
        { "HTML", "answers what no registry says" },
        { "another page", "answers what no registry says" },
        { "an empty object", "answer holds no schema" },
        { "half an answer", "answers what no registry says" },
        { "nothing", "the schema registry" },
        { "no connection", "cannot be reached" },
        { "an answer without an end", "breaks off, or has over 64 MB" },
        { "slowly", "does not answer in time" },
    };

    [Theory]
    [MemberData(nameof(Troubles))]
    public async Task While_it_does_not_answer_as_a_registry_events_wait_and_none_is_rejected(string trouble, string said)
    {
        await using var registry = await StandInRegistry.StartAsync();
        registry.Add("in-value", Review);
        registry.Fault = FaultOf(trouble);
        var time = new FakeTimeProvider();
        var limit = TimeSpan.FromSeconds(trouble == "slowly" ? 0.5 : 60);
        using var run = Run(registry, time: time, options: new() { Timeout = limit });

        var decoding = run.TextAsync(s_good);
        await time.PassUntilAsync(TimeSpan.FromSeconds(1), Until(() => run.Registry.Trouble is not null));
        Assert.False(decoding.IsCompleted);
        Assert.Contains(said, run.Registry.Trouble, StringComparison.Ordinal);
        Assert.NotNull(run.DecodeNow(s_good).NotNow);
        registry.Fault = _ => null;
        await time.PassUntilAsync(TimeSpan.FromSeconds(1), decoding);

        Assert.Equal("good", await decoding);
        Assert.Null(run.Registry.Trouble);
    }

    [Fact]
    public async Task Of_several_registries_one_that_answers_is_enough()
    {
        await using var away = await StandInRegistry.StartAsync();
        away.Fault = StandInRegistry.Always(503);
        await using var registry = await StandInRegistry.StartAsync();
        registry.Add("in-value", Review);
        var options = new RegistryOptions { Url = $"{away.Url}, {registry.Url}", AutoRegister = true };
        using var run = new RegistryRun(_ => new RegistryClient(options), options: options);

        Assert.Equal("good", await run.TextAsync(s_good));
    }

    [Fact]
    public async Task Known_schemas_go_on_while_the_registry_is_away()
    {
        await using var registry = await StandInRegistry.StartAsync();
        registry.Add("in-value", Review);
        using var run = Run(registry);
        await run.TextAsync(s_good);

        registry.Fault = StandInRegistry.Always(500);

        Assert.NotNull(run.DecodeNow(s_good).Event);
        Assert.NotNull(run.DecodeNow(RegistryRun.Framed(2, [0])).NotNow);
    }

    [Theory]
    [InlineData(0, "There is no schema id 0")]
    [InlineData(9, "The registry has no schema id 9")]
    [InlineData(-1, "There is no schema id 4294967295")]
    public async Task An_id_that_there_is_not_is_a_dead_letter_that_names_it(int id, string message)
    {
        await using var registry = await StandInRegistry.StartAsync();
        using var run = Run(registry);

        var rejection = await run.RejectAsync(RegistryRun.Framed(id, [2, 65]));

        Assert.Equal("unknown_schema", rejection.Reason.WireName());
        Assert.Contains(message, rejection.Message, StringComparison.Ordinal);
        await run.RejectAsync(RegistryRun.Framed(id, [2, 65]));
        Assert.True(registry.Requests.Count <= 1); // asked once
    }

    [Theory]
    [InlineData("not json", "is no Avro schema")]
    [InlineData("""{"type":"record","name":"R","fields":[{"name":"a","type":"Nowhere"}]}""", "the type Nowhere is not defined")]
    [InlineData("""{"type":"record","name":"R","fields":5}""", "has no fields")]
    [InlineData("""{"type":"record"}""", "no name")]
    [InlineData("[]", "no branches")]
    [InlineData("5", "is no Avro schema")]
    [InlineData("""{"type":null}""", "is no Avro schema")]
    [InlineData("""{"type":"fixed","name":"F","size":-1}""", "size -1")]
    [InlineData("""{"type":"record","name":"R","fields":[{"name":"a","type":"int"},{"name":"a","type":"int"}]}""", "two fields a")]
    public async Task A_schema_that_does_not_parse_is_a_dead_letter_with_its_id(string schema, string message)
    {
        await using var registry = await StandInRegistry.StartAsync();
        registry.Add("in-value", schema);
        using var run = Run(registry);

        var rejection = await run.RejectAsync(s_good);

        Assert.Equal("unknown_schema", rejection.Reason.WireName());
        Assert.Contains(message, rejection.Message, StringComparison.Ordinal);
        Assert.Contains("schema id 1", rejection.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_schema_of_a_type_that_nobody_knows_is_a_dead_letter()
    {
        await using var registry = await StandInRegistry.StartAsync();
        registry.Add("in-value", "struct Review { 1: string text }", "THRIFT");
        using var run = Run(registry);

        var rejection = await run.RejectAsync(s_good);

        Assert.Equal("unknown_schema", rejection.Reason.WireName());
        Assert.Contains("of a type that is not read", rejection.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_schema_that_there_was_not_is_asked_for_again_after_a_minute()
    {
        var table = new TableRegistry();
        var time = new FakeTimeProvider();
        using var run = new RegistryRun(_ => table, time: time);
        await run.RejectAsync(s_good);

        table.Add(1, Review);
        await run.RejectAsync(s_good);
        time.Advance(TimeSpan.FromMinutes(1));

        Assert.Equal("good", await run.TextAsync(s_good));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)] // of a registry that knows no GUIDs, nothing is to be waited for
    public async Task A_frame_of_AWS_Glue_is_a_dead_letter_that_says_so_and_json_in_it_is_read(bool hasGuids)
    {
        await using var registry = await StandInRegistry.StartAsync();
        registry.HasGuids = hasGuids;
        using var run = Run(registry);
        byte[] frame = [3, 0, .. new Guid("c0ffee00-1111-2222-3333-444455556666").ToByteArray(bigEndian: true)];

        var rejection = await run.RejectAsync([.. frame, 8, .. "good"u8]);

        Assert.Equal("unknown_schema", rejection.Reason.WireName());
        Assert.Contains("c0ffee00-1111-2222-3333-444455556666 of AWS Glue's frame, whose own service is not asked", rejection.Message, StringComparison.Ordinal);
        Assert.Equal("hi", await run.TextAsync([.. frame, .. """ {"text":"hi"}"""u8]));
        Assert.Equal(RejectionReason.MalformedPayload, (await run.RejectAsync([.. frame, .. """{"text":"""u8])).Reason);
    }

    [Fact]
    public async Task A_registry_that_knows_no_GUIDs_has_none_waited_for()
    {
        await using var registry = await StandInRegistry.StartAsync();
        registry.HasGuids = false;
        using var run = Run(registry);

        var rejection = await run.RejectAsync([1, .. new byte[16], 8, .. "good"u8]);

        Assert.Equal("unknown_schema", rejection.Reason.WireName());
        Assert.Contains("gives no schemas by their GUID", rejection.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task References_that_lead_in_a_circle_or_nowhere_end()
    {
        await using var registry = await StandInRegistry.StartAsync();
        registry.Add("a", """{"type":"record","name":"A","fields":[{"name":"b","type":["null","B"]}]}""", "AVRO", ("B", "b", 1));
        registry.Add("b", """{"type":"record","name":"B","fields":[{"name":"a","type":["null","A"]},{"name":"text","type":"string"}]}""", "AVRO", ("A", "a", 1));
        registry.Add("c", Review, "AVRO", ("D", "d", 1));
        using var run = Run(registry);

        Assert.Equal("good", await run.TextAsync(RegistryRun.Framed(2, [0, 8, .. "good"u8])));
        var rejection = await run.RejectAsync(RegistryRun.Framed(3, [8, .. "good"u8]));
        Assert.Equal("unknown_schema", rejection.Reason.WireName());
        Assert.Contains("version 1 of the subject d, which there is not", rejection.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Without_leave_to_register_events_wait_until_somebody_does()
    {
        await using var registry = await StandInRegistry.StartAsync();
        registry.Add("in-value", Review);
        var time = new FakeTimeProvider();
        using var run = Run(registry, time: time, auto: false);

        var decoding = run.TextAsync(s_good);
        await time.PassUntilAsync(TimeSpan.FromSeconds(1), Until(() => run.Registry.Trouble is not null));
        Assert.Contains("mtlstream schema register", run.Registry.Trouble, StringComparison.Ordinal);
        Assert.DoesNotContain("out-value", registry.Subjects);
        using (var operators = Run(registry)) await operators.TextAsync(s_good);
        await time.PassUntilAsync(TimeSpan.FromSeconds(1), decoding);

        Assert.Equal("good", await decoding);
    }

    [Fact]
    public async Task A_registry_that_finds_the_answers_incompatible_has_events_wait()
    {
        await using var registry = await StandInRegistry.StartAsync();
        registry.Add("in-value", Review);
        registry.IsCompatible = false;
        var time = new FakeTimeProvider();
        using var run = Run(registry, time: time);

        var decoding = run.TextAsync(s_good);
        await time.PassUntilAsync(TimeSpan.FromSeconds(1), Until(() => run.Registry.Trouble is not null));
        Assert.Contains("409", run.Registry.Trouble, StringComparison.Ordinal);
        registry.IsCompatible = true;
        await time.PassUntilAsync(TimeSpan.FromSeconds(1), decoding);

        Assert.Equal("good", await decoding);
    }

    [Fact]
    public async Task The_schemas_that_are_kept_are_bounded()
    {
        var table = new TableRegistry();
        for (var id = 1; id <= 50; id++) table.Add(id, Review);
        using var run = new RegistryRun(table, options: new() { Url = "http://registry", AutoRegister = true, MaxSchemas = 10 });

        for (var id = 1; id <= 50; id++) await run.TextAsync(RegistryRun.Framed(id, [8, .. "good"u8]));
        for (var id = 41; id <= 50; id++) await run.TextAsync(RegistryRun.Framed(id, [8, .. "good"u8]));
        Assert.Equal(50, table.Asked.Count);
        await run.TextAsync(s_good);

        Assert.Equal(51, table.Asked.Count);
    }

    [Fact]
    public async Task Another_type_under_the_same_id_is_what_the_registry_says_it_is()
    {
        await using var registry = await StandInRegistry.StartAsync();
        registry.Add("in-value", Review, "JSON");
        using var run = Run(registry);

        Assert.Equal(RejectionReason.UnsupportedEncoding, (await run.RejectAsync(s_good)).Reason);
        Assert.Equal("hi", await run.TextAsync(RegistryRun.Framed(1, """{"text":"hi"}"""u8)));
    }

    [Fact]
    public async Task Through_the_pipeline_nothing_is_lost_while_the_registry_is_away()
    {
        var table = new TableRegistry { Trouble = before => { if (before < 3) throw new RegistryTroubleException("the schema registry is away"); } };
        table.Add(1, Review);
        var time = new FakeTimeProvider();
        using var run = new RegistryRun(_ => table, time: time);
        var payloads = Enumerable.Range(0, 100).Select(i => i % 2 == 0 ? """{"text":"good"}""" : Encoding.Latin1.GetString(s_good));
        var sink = new RecordingSink();

        var running = Make.Pipeline(new InMemorySource(payloads), sink, codecs: [run.Registry]).RunAsync(CancellationToken.None);
        await time.PassUntilAsync(TimeSpan.FromSeconds(1), running);
        await running;

        Assert.Equal(100, sink.To(Destination.Results).Count());
        Assert.Equal(4, table.Asked.Count);
    }

    private static Func<Microsoft.AspNetCore.Http.HttpContext, Task?> FaultOf(string trouble) => trouble switch
    {
        "404 without a number" => StandInRegistry.Always(404, "<html>not here</html>", "text/html"),
        "HTML" => StandInRegistry.Always(200, "<html>please log in</html>", "text/html"),
        "another page" => context =>
        {
            if (context.Request.Path == "/login") return StandInRegistry.Always(200, "<html>please log in</html>", "text/html")(context);
            context.Response.Redirect("/login");
            return Task.CompletedTask;
        },
        "an answer without an end" => async context =>
        {
            var block = new byte[1 << 20];
            Array.Fill(block, (byte)' ');
            while (!context.RequestAborted.IsCancellationRequested) await context.Response.Body.WriteAsync(block, context.RequestAborted);
        },
        "slowly" => context => Task.Delay(Timeout.Infinite, context.RequestAborted),
        "an empty object" => StandInRegistry.Always(200, "{}"),
        "half an answer" => StandInRegistry.Always(200, "{\"schema\": \"{"),
        "nothing" => StandInRegistry.Always(200),
        "no connection" => context =>
        {
            context.Abort();
            return Task.CompletedTask;
        },
        _ => StandInRegistry.Always(int.Parse(trouble, System.Globalization.CultureInfo.InvariantCulture), """{"error_code":50001,"message":"Error in the backend data store"}"""),
    };

    private static async Task Until(Func<bool> condition)
    {
        while (!condition()) await Task.Delay(5);
    }

    private static RegistryRun Run(
        StandInRegistry registry, InputOptions? input = null, TimeProvider? time = null, RegistryOptions? options = null, bool auto = true)
    {
        options = (options ?? new()) with { Url = registry.Url, AutoRegister = auto };
        return new(_ => new RegistryClient(options), input, options: options, time: time);
    }
}
