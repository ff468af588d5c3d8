using System.Text.Json;
using Confluent.Kafka;
using MtlStream.Models;
using MtlStream.Onnx.Generation;

namespace MtlStream.IntegrationTests.Kafka;

/// <summary>Texts that a worker writes about events, on a real Kafka.</summary>
public sealed class GenerationOnRealKafkaTests() : OnRealKafka(Partitions)
{
    private const int Partitions = 3;
    private const int Round = 1500; // events

    private readonly string _folder = Directory.CreateTempSubdirectory("mtlstream-generate").FullName;

    [RealKafkaFact]
    public async Task Killed_while_texts_are_half_written_every_event_has_its_text_once_and_in_order()
    {
        var package = Path.Combine(_folder, "package");
        GeneratorImport.Run(Path.Combine(OpsTools.Root, "tests", "MtlStream.Tests", "Generation", "exports", "marian"), package, "tiny");
        var settings = Settings("ExactlyOnce");
        settings["Kafka:Consumer:session.timeout.ms"] = "6000"; // a killed worker is missed soon
        settings["Generation:Models:german"] = package;
        settings["Generation:MaxRows"] = "4"; // so that most of what is read waits, and some is half written
        settings["Model:Generate"] = "german";
        for (var i = 0; i < 2; i++)
        {
            WriteEvents(_input, i * Round, Round, Partitions);
            var doomed = Start(settings);
            var before = Committed(Partitions);
            await Wait.Until(() => Committed(Partitions) > before, TimeSpan.FromMinutes(3), () => doomed.Log);
            doomed.SendKill();
            await doomed.EndedAsync();
            Assert.True(Committed(Partitions) < (i + 1) * Round, "everything was written before the worker was killed");
        }

        var last = Start(settings);
        await Wait.Until(() => Committed(Partitions) >= 2 * Round, TimeSpan.FromMinutes(5), () => last.Log);
        await last.StopAsync();

        AssertEvents(2 * Round, exact: true);
        var results = _topics.ReadAll(_output);
        Assert.All(results, r => Assert.True(WrittenIn(r.Message.Value!, "german").GetProperty("text").ValueKind == JsonValueKind.String));
        Directory.Delete(_folder, recursive: true);
    }

    [RealKafkaFact]
    public async Task The_shipped_package_writes_what_a_setting_names_and_what_a_header_names()
    {
        const int events = 60;
        var settings = Settings("ExactlyOnce");
        settings["Model:Generate"] = "translate_de"; // by name alone
        settings["Generation:Models:title"] = ModelManifest.Locate("");
        settings["Model:Device"] = "cpu";
        WriteEvents(_input, 0, events, Partitions);
        var headers = new Headers { { "mtlstream.generate", "title"u8.ToArray() } };
        _topics.Write(new(_input, 0), new() { Value = Event(events), Headers = headers });
        _topics.Flush();

        var worker = Start(settings, ModelManifest.Locate(""));
        await Wait.Until(() => Committed(Partitions) > events, TimeSpan.FromMinutes(3), () => worker.Log);
        await worker.StopAsync();

        AssertEvents(events + 1, exact: true);
        var results = _topics.ReadAll(_output).ToDictionary(IdOf, r => r.Message.Value!);
        Assert.All(Enumerable.Range(0, events), id => Assert.True(WrittenIn(results[id], "translate_de").GetProperty("experimental").GetBoolean()));
        Assert.NotEmpty(WrittenIn(results[events], "title").GetProperty("text").GetString()!);
        Assert.False(TasksIn(results[events]).TryGetProperty("translate_de", out _));
    }

    private static JsonElement WrittenIn(byte[] value, string name) => TasksIn(value).GetProperty(name);

    private static JsonElement TasksIn(byte[] value) => JsonDocument.Parse(value).RootElement.GetProperty("analysis").GetProperty("tasks");
}
