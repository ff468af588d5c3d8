using System.Text.Json;
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
        Assert.All(results, r => Assert.True(TextOf(r.Message.Value!).ValueKind == JsonValueKind.String));
        Directory.Delete(_folder, recursive: true);
    }

    private static JsonElement TextOf(byte[] value) =>
        JsonDocument.Parse(value).RootElement.GetProperty("analysis").GetProperty("tasks").GetProperty("german").GetProperty("text");
}
