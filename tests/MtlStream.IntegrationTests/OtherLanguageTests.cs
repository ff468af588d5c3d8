using System.Text.Json;
using MtlStream.IntegrationTests.Kafka;
using MtlStream.Tests;

namespace MtlStream.IntegrationTests;

/// <summary>Nothing in the wire formats needs MtlStream: Python's standard library reads every output and dead letter.</summary>
public sealed class OtherLanguageTests
{
    [PythonFact]
    public async Task Python_reads_every_output_and_dead_letter()
    {
        string[] events =
        [
            """{"id": 1, "text": "anna is in paris ."}""", """{"text": "the 😀 cat \ud83d\ude00 is 漢字 good"}""", """{"text": "lone \ud800 dog"}""",
            """{"text": 5}""", "not json", "", """{"text": "a \u0000 \"bad\" dog", "analysis": "old"}""",
        ];

        var program = Path.Combine(AppContext.BaseDirectory, "mtlstream");
        var annotated = await ProgramRun.OfAsync(
            new(program, ["annotate", "-", "--model", WorkerProcess.ToyModel, "--device", "cpu", "--all-scores"]), string.Join('\n', events));
        var read = await ProgramRun.OfAsync(
            new(OpsTools.Python!, [Path.Combine(OpsTools.Root, "tests", "read-output.py")]), annotated.Output + annotated.Error);

        Assert.Equal(3, annotated.Code);
        Assert.True(read.Code == 0, read.Error);
        var found = JsonSerializer.Deserialize<JsonElement>(read.Output);
        Assert.Equal((4, 3), (found.GetProperty("events").GetInt32(), found.GetProperty("deadLetters").GetInt32()));
        Assert.True(found.GetProperty("entries").GetInt32() > 15, read.Output);
    }
}

/// <summary>Marks a test that needs Python; skipped, with that reason, where there is none.</summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class PythonFactAttribute : FactAttribute
{
    public PythonFactAttribute()
    {
        if (OpsTools.Python is null) Skip = "There is no python3 on the PATH.";
    }
}
