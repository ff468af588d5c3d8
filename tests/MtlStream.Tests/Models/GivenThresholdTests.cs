using System.Collections;
using MtlStream.Host.Configuration;
using MtlStream.Onnx;
using Microsoft.Extensions.Logging.Abstractions;
using MtlStream.Tests.Doubles;

namespace MtlStream.Tests.Models;

/// <summary>Thresholds of the settings take the place of the package's.</summary>
public sealed class GivenThresholdTests : IDisposable
{
    private readonly ToyPackage _package = new();

    public void Dispose() => _package.Dispose();

    [Fact]
    public void A_task_has_one_and_a_label_of_several_its_own_whatever_their_order()
    {
        var found = Thresholds("--Model:Thresholds:traits:blue=0.9", "--Model:Thresholds:traits=0.2", "--Model:Thresholds:MOOD=0.75", "--Model:Thresholds:traits:GREY=1");

        Assert.Equal([0.75f], found["mood"]);
        Assert.Equal([0.2f, 0.2f, 0.9f, 1f], found["traits"]);
    }

    [Fact]
    public void What_is_not_named_stays_as_the_package_has_it()
    {
        var found = Thresholds("--Model:Thresholds:traits:blue=0.1");

        Assert.Equal([0.4f], found["mood"]);
        Assert.Equal([0.5f, 0.5f, 0.1f, 0.7f], found["traits"]);
    }

    [Fact]
    public void They_may_stand_in_a_file_and_in_the_environment()
    {
        var file = Path.GetTempFileName();
        File.WriteAllText(file, """{"Model": {"Thresholds": {"traits": {"red": 0.3}, "mood": 0.6}}}""");
        var environment = new Hashtable { ["MTLSTREAM__Model__Thresholds__traits__green"] = "0.4" };

        var found = AppSettings.From(SettingsReader.Read(file, environment, Needed()));

        Assert.Equal(
            [("mood", 0.6), ("traits/green", 0.4), ("traits/red", 0.3)],
            found.Model.Thresholds.Select(t => (t.Key, t.Value)).OrderBy(t => t.Key, StringComparer.Ordinal));
        File.Delete(file);
    }

    [Theory]
    [InlineData("mood=1.5", "Model:Thresholds:mood: found 1.5, expected a score from 0 to 1.")]
    [InlineData("mood=NaN", "Model:Thresholds:mood: found NaN, expected a score from 0 to 1.")]
    [InlineData("mood=high", "expected a number.")]
    public void What_is_no_score_is_refused(string setting, string expected)
    {
        var error = Assert.Throws<UsageException>(() => Load($"--Model:Thresholds:{setting}"));

        Assert.Contains(expected, error.Message, StringComparison.Ordinal);
    }

    private Dictionary<string, IReadOnlyList<float>> Thresholds(params string[] settings)
    {
        using var meters = new MeterFactory();
        var models = new ModelLoader(NullLoggerFactory.Instance, meters);
        using var loaded = models.Load(Load(settings).Model, new());
        return loaded.Model.Tasks.ToDictionary(t => t.Name, t => t.Thresholds);
    }

    private AppSettings Load(params string[] settings) => AppSettings.From(SettingsReader.Read(null, new Hashtable(), [.. Needed(), .. settings]));

    private string[] Needed() =>
        ["--Kafka:InputTopics:0=in", "--Kafka:OutputTopic=out", "--Kafka:DeadLetterTopic=dead", $"--Model:Path={_package.Folder}", "--Model:Device=cpu"];
}
