using System.Collections;
using MtlStream.Delivery;
using MtlStream.Host.Configuration;
using MtlStream.Host.Diagnosis;
using MtlStream.Host;
using MtlStream.Onnx;
using MtlStream.Tests.Models;

namespace MtlStream.Tests.Host;

public sealed class ModelSettingsTests : IDisposable
{
    private readonly ToyPackage _package = new();
    private readonly ToyPackage _other = new();

    public void Dispose()
    {
        _package.Dispose();
        _other.Dispose();
    }

    [Theory]
    [InlineData("Model:Path={0}", "{0}: found no model.json, expected a model package (model-manifest.v1).")]
    [InlineData("Model:Tasks=mod", "Model:Tasks: found mod, expected some of mood")]
    [InlineData("Model:Thresholds:mod=0.5", "Model:Thresholds:mod: there is no task mod; did you mean mood?")]
    [InlineData("Model:Thresholds:tags=0.5", "Model:Thresholds:tags: labels of the kind token_tags have no thresholds.")]
    [InlineData("Model:Thresholds:mood:low=0.5", "Model:Thresholds:mood:low: a text has one label of this task, expected Model:Thresholds:mood for all of them.")]
    [InlineData("Model:Thresholds:traits:gren=0.5", "Model:Thresholds:traits:gren: there is no label gren; did you mean green?")]
    [InlineData("Model:Device=cuda", "{2}/model.json: graphs: found cpu, expected cuda for device cuda.")]
    [InlineData("Watch:LowConfidenceOf:mod=0.6", "Watch: found a limit for mod, expected some of mood")]
    [InlineData("Watch:Reference={0}/none.json", "Watch:Reference: {0}/none.json cannot be read: ")]
    [InlineData("Watch:Reference={0}/number.json", "Watch:Reference: {0}/number.json: reference: ")]
    [InlineData("Watch:SaveReference={0}/none/seen.json", "Watch:SaveReference: {0}/none/seen.json cannot be written: ")]
    [InlineData("Watch:SaveReference={0}", "Watch:SaveReference: {0} cannot be written: ")]
    [InlineData("Model:Shadow={0}/none", "Model:Shadow: the model folder {0}/none does not exist.")]
    [InlineData("Model:Shadow={1}", "Model:Shadow: toy 1.0.0 has another tokenizer than toy 1.0.0, which serves")]
    public async Task What_does_not_fit_is_wrong_usage_before_anything_starts_and_a_finding(string setting, string expected)
    {
        var folder = Directory.CreateTempSubdirectory("mtlstream-settings-").FullName;
        File.WriteAllText(Path.Combine(folder, "number.json"), """{"tasks": {"mood": {"labels": {"low": -1, "level": 0, "high": 0}}}}""");
        File.WriteAllText(_other.At("vocab.txt"), File.ReadAllText(_package.At("vocab.txt")).Replace("anna", "emma", StringComparison.Ordinal));
        _other.Edit(_ => { });
        var settings = Load("--" + Filled(setting));

        var error = await Assert.ThrowsAsync<UsageException>(() => RunCommand.RunAsync(settings, new(canceled: true)));
        var findings = ModelDiagnosis.Find(settings.Serving).ToList();

        Assert.StartsWith(Filled(expected), error.Message, StringComparison.Ordinal);
        Assert.Equal((Severity.Failure, error.Message), (Assert.Single(findings).Severity, findings[0].Found));
        Directory.Delete(folder, recursive: true);

        string Filled(string text) => text.Replace("{0}", folder, StringComparison.Ordinal).Replace("{1}", _other.Folder, StringComparison.Ordinal)
            .Replace("{2}", _package.Folder, StringComparison.Ordinal);
    }

    [Fact]
    public void Everything_that_does_not_fit_is_in_one_message()
    {
        var error = Assert.Throws<UsageException>(() => ModelSettings.Check(Load("--Watch:Review:mod=1", "--Kafka:ReviewTopic=review", "--Watch:Reference=none.json", "--Model:Shadow=none").Serving));

        Assert.Equal(3, error.Message.Split(Environment.NewLine).Length);
    }

    [Fact]
    public void Whether_the_reference_can_be_saved_is_tried_without_a_trace()
    {
        var file = _other.At("seen.json");

        ModelSettings.Check(Load($"--Watch:SaveReference={file}").Serving);
        Assert.False(File.Exists(file));

        File.WriteAllText(file, "kept");
        ModelSettings.Check(Load($"--Watch:SaveReference={file}").Serving);
        Assert.Equal("kept", File.ReadAllText(file));
    }

    [Fact]
    public void A_shadow_package_without_checksums_is_compared_by_its_files()
    {
        _other.Edit(manifest => manifest["checksums"] = new System.Text.Json.Nodes.JsonObject());

        ModelSettings.Check(Load($"--Model:Shadow={_other.Folder}").Serving);
    }

    [Fact]
    public void A_model_that_would_be_refused_at_start_is_a_finding()
    {
        _package.Expect(tolerance: 0.0001);

        var finding = Assert.Single(ModelDiagnosis.Find(Load().Serving));

        Assert.Equal(Severity.Failure, finding.Severity);
        Assert.Contains("task mood, label ", finding.Found, StringComparison.Ordinal);
    }

    [Fact]
    public void Why_the_cpu_serves_is_a_warning_where_there_is_a_gpu_and_nothing_otherwise()
    {
        var finding = ModelDiagnosis.Find(Load("--Model:Device=auto").Serving).Single(f => f.Subject == "device");

        var hoped = SessionFactory.HasGpuDriver;
        Assert.Equal(hoped ? Severity.Warning : Severity.Ok, finding.Severity);
        Assert.Equal(hoped, finding.Found.Contains("the package toy has no graph for one", StringComparison.Ordinal));
    }

    private AppSettings Load(params string[] arguments) => AppSettings.From(SettingsReader.Read(null, new Hashtable(),
    [
        "--Kafka:InputTopics:0=in", "--Kafka:OutputTopic=out", "--Kafka:DeadLetterTopic=dead", $"--Model:Path={_package.Folder}", "--Model:Device=cpu", .. arguments,
    ]));
}
