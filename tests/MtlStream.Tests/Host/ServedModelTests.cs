using System.Collections;
using System.Text.Json.Nodes;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Testing;
using MtlStream.Host.Configuration;
using MtlStream.Host.Worker;
using MtlStream.Onnx;
using MtlStream.Tests.Diagnostics;
using MtlStream.Tests.Models;

namespace MtlStream.Tests.Host;

public sealed class ServedModelTests : IDisposable
{
    private readonly ToyPackage _package = new();
    private readonly MeterRecorder _meters = new();
    private readonly FakeLoggerProvider _log = new();
    private readonly ILoggerFactory _loggers;
    private readonly PipelineAssembly _assembly;

    public ServedModelTests()
    {
        _loggers = LoggerFactory.Create(logging => logging.AddProvider(_log));
        _assembly = new(_loggers, _meters, TimeProvider.System);
    }

    public void Dispose()
    {
        _loggers.Dispose();
        _log.Dispose();
        _package.Dispose();
        _meters.Dispose();
    }

    [Theory]
    [InlineData("00:00:00")]
    [InlineData("00:00:10")]
    public void A_package_that_says_something_else_than_when_it_was_made_is_refused_at_start_with_every_difference(string reloadInterval)
    {
        _package.Expect(tolerance: 0.0001, golden => golden["texts"]![0]!["input_ids"]![1] = 50);

        var message = Assert.Throws<InvalidDataException>(() => Start($"--Model:ReloadInterval={reloadInterval}")).Message;

        Assert.StartsWith($"{_package.Folder}: ", message, StringComparison.Ordinal);
        foreach (var difference in (string[])["texts[0]: column 1: found token 42", "task mood, label ", "task tags: found 0 of 2", "task names: found 0 of 2"])
            Assert.Contains(difference, message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_package_that_says_what_it_said_serves_also_where_long_texts_are_cut()
    {
        _package.Expect(tolerance: 1, golden =>
        {
            var text = golden["texts"]![0]!;
            text["text"] = string.Join(' ', Enumerable.Repeat("a", 30));
            text["input_ids"] = new JsonArray([2, .. Enumerable.Repeat(5, 30), 3]);
            text["token_type_ids"] = new JsonArray([.. Enumerable.Repeat(0, 32)]);
            foreach (var name in new[] { "tags.tags", "names.tags" }) text["outputs"]![name] = new JsonArray([.. Enumerable.Repeat(0, 32)]);
        });

        await using var served = Start("--Tokenization:MaxTextTokens=16");

        Assert.Equal("1.0.0", served.Loaded.Model.Identity.Version);
    }

    [Fact]
    public async Task A_model_whose_scores_are_not_finite_is_refused_at_start_and_the_null_model_in_its_place_is_not()
    {
        _package.Break();

        var message = Assert.Throws<InvalidDataException>(() => Start()).Message;

        Assert.StartsWith($"{_package.Folder}: ", message, StringComparison.Ordinal);
        Assert.Contains("scores that are not finite", message, StringComparison.Ordinal);
        await using var served = Start("--Model:ConstantLabels=true");
    }

    [Fact]
    public async Task Constant_labels_take_a_setting_of_their_own_and_the_log_warns_of_them()
    {
        var message = Assert.Throws<UsageException>(() => Start("--Model:Path=null")).Message;
        Assert.Contains("null does not exist", message, StringComparison.Ordinal);
        Assert.DoesNotContain(_log.Collector.GetSnapshot(), l => l.Id.Name == "LabelsAreConstant");

        await using var served = Start("--Model:ConstantLabels=true");

        Assert.Equal("null", served.Loaded.Model.Identity.Name);
        Assert.Contains(_log.Collector.GetSnapshot(), l => l.Id.Name == "LabelsAreConstant" && l.Level == LogLevel.Warning);
    }

    [Fact]
    public void A_package_that_cannot_be_loaded_is_named_by_its_own_folder()
    {
        File.AppendAllText(_package.At("weights.bin"), "x");

        var failure = Assert.Throws<InvalidDataException>(() => Start()).ToString();

        Assert.Contains($"{_package.Folder}: 1 problem(s):", failure, StringComparison.Ordinal);
        Assert.DoesNotContain("mtlstream-model-", failure, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_new_version_whose_scores_are_not_finite_is_refused_by_the_name_of_its_folder()
    {
        await using var served = Start();

        _package.Break().Edit(manifest => manifest["version"] = "2.0.0");
        await ModelSwapTests.Until(() => Lines().Any(l => l.Contains("scores that are not finite", StringComparison.Ordinal)));

        Assert.Equal("1.0.0", served.Loaded.Model.Identity.Version);
        Assert.Contains(Lines(), l => l.Contains($"goes on serving: {_package.Folder}: ", StringComparison.Ordinal));
    }

    [Fact]
    public async Task The_shadow_model_keeps_nothing_of_its_folder_mapped()
    {
        using var shadow = new ToyPackage();

        await using var served = Start("--Model:ReloadInterval=00:00:00", $"--Model:Shadow={shadow.Folder}");

        var mapped = await File.ReadAllTextAsync("/proc/self/maps");
        Assert.Contains(_package.Folder, mapped, StringComparison.Ordinal); // where nothing is to be reloaded, the package itself serves
        Assert.DoesNotContain(shadow.Folder, mapped, StringComparison.Ordinal);
    }

    [Fact]
    public void A_shadow_model_that_cannot_be_loaded_leaves_nothing_of_the_model_that_was_to_serve()
    {
        using var shadow = new ToyPackage();
        File.AppendAllText(shadow.At("weights.bin"), "x");

        var message = Assert.Throws<InvalidDataException>(() => Start("--Model:ReloadInterval=00:00:00", $"--Model:Shadow={shadow.Folder}")).Message;

        Assert.StartsWith($"{shadow.Folder}: ", message, StringComparison.Ordinal);
        Assert.DoesNotContain(_package.Folder, File.ReadAllText("/proc/self/maps"), StringComparison.Ordinal);
    }

    [Fact]
    public void A_watch_that_does_not_fit_leaves_nothing_of_the_model_that_was_to_serve()
    {
        Assert.Throws<InvalidDataException>(() => Start("--Model:ReloadInterval=00:00:00", "--Watch:LowConfidenceOf:mod=0.6"));

        Assert.DoesNotContain(_package.Folder, File.ReadAllText("/proc/self/maps"), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(0, 0)]
    [InlineData(0, 1)]
    [InlineData(1, 0)]
    public async Task A_new_version_takes_the_workers_and_threads_of_the_one_that_serves_without_a_trial_beside_it(int threadsPerLane, int lanesAskedFor)
    {
        await using var served = Start($"--Model:ThreadsPerLane={threadsPerLane}", $"--Model:Lanes={lanesAskedFor}");
        var (tried, workers) = (Tried(), served.Loaded.Model.Workers);
        _package.Edit(manifest => manifest["version"] = "2.0.0");
        await ModelSwapTests.Until(() => served.Loaded.Model.Identity.Version == "2.0.0");

        Assert.Equal(threadsPerLane == 0, tried > 0);
        Assert.Equal(tried, Tried());
        Assert.Equal(workers, served.Loaded.Model.Workers);
        var ready = Lines().Where(l => l.StartsWith("Model toy ", StringComparison.Ordinal)).Select(l => l[l.IndexOf(" with ", StringComparison.Ordinal)..l.IndexOf(", warmed", StringComparison.Ordinal)]);
        Assert.Single(ready.Distinct());

        int Tried() => Lines().Count(l => l.StartsWith("Tried ", StringComparison.Ordinal));
    }

    [Fact]
    public void The_shadow_model_gets_one_core_whatever_the_model_that_serves_has()
    {
        var shadow = ServedModel.ShadowOptions(new() { Lanes = 4, ThreadsPerLane = 0 }, "cpu");

        Assert.Equal((1, 1), (shadow.Lanes, shadow.ThreadsPerLane));
    }

    private ServedModel Start(params string[] settings) => ServedModel.Start(
        AppSettings.From(SettingsReader.Read(null, new Hashtable(),
        [
            "--Kafka:InputTopics:0=in", "--Kafka:OutputTopic=out", "--Kafka:DeadLetterTopic=dead", $"--Model:Path={_package.Folder}",
            "--Model:Device=cpu", "--Model:ReloadInterval=00:00:01", .. settings,
        ])).Serving, _assembly, new ModelLoader(_loggers, _meters));

    private IEnumerable<string> Lines() => _log.Collector.GetSnapshot().Select(l => l.Message);
}
