using System.Text;
using System.Text.Json.Nodes;
using MtlStream.IntegrationTests.Kafka;
using MtlStream.Kafka;

namespace MtlStream.IntegrationTests.Pages;

/// <summary>A candidate and a shadow model on the page: watched, promoted and taken back in a real browser.</summary>
public sealed class TrialsPageTests : IDisposable
{
    private const string Token = "a-token-of-the-test";

    private readonly string _folder = Directory.CreateTempSubdirectory("mtlstream-trials-").FullName;
    private readonly MockCluster _cluster = new();
    private WorkerProcess? _worker;

    public void Dispose()
    {
        _worker?.Dispose();
        _cluster.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    [ChromiumFact]
    public async Task A_candidate_is_watched_promoted_and_taken_back_by_who_has_the_token()
    {
        foreach (var topic in new[] { "in", "out", "dead" }) _cluster.CreateTopic(topic, 1);
        var worker = _worker = WorkerProcess.Start(Settings(), model: Package("1.0.0"));
        await Wait.Until(worker.IsReady, TimeSpan.FromMinutes(3), () => worker.Log);
        using var browser = new Browser();
        browser.Look(1280, dark: false);
        browser.Open(new(worker.Address!, "#models"));
        browser.Find("#token").SendKeys(Token + OpenQA.Selenium.Keys.Enter);
        browser.WaitForText("h2", text => text == "Candidate 2.0.0 on trial");
        browser.WaitForText("h2", text => text == "3.0.0 in the shadow");
        Assert.False(browser.Find("[aria-label=Candidate] button").Enabled); // nothing was scored yet

        Produce(400);
        browser.WaitForText("h2", text => text == "Candidate 2.0.0 has passed its gates");
        browser.WaitForText("[aria-label=Shadow] td", text => text == "100 %");
        Screenshots.Take(browser, "trials");
        browser.Find("[aria-label=Candidate] button:nth-of-type(1)").Click();
        browser.WaitForText("h2", text => text == "Candidate 2.0.0 serves everything");
        browser.WaitForText("[role=status]", text => text.StartsWith("Version 2.0.0 serves now.", StringComparison.Ordinal));

        browser.Find("[aria-label=Candidate] button:nth-of-type(2)").Click();
        browser.WaitForText("h2", text => text == "Candidate 2.0.0 was rolled back");

        Assert.DoesNotContain(browser.Complaints, c => !c.Contains("401", StringComparison.Ordinal)); // that of the first ask, without the token
        await Wait.Until(() => worker.Log.Contains("taken back by hand", StringComparison.Ordinal), log: () => worker.Log);
        await worker.StopAsync();
    }

    private Dictionary<string, string> Settings() => new()
    {
        ["Kafka:BootstrapServers"] = _cluster.BootstrapServers,
        ["Kafka:GroupId"] = "trials",
        ["Kafka:InputTopics:0"] = "in",
        ["Kafka:OutputTopic"] = "out",
        ["Kafka:DeadLetterTopic"] = "dead",
        ["Model:Device"] = "cpu",
        ["Model:ReloadInterval"] = "00:00:01",
        ["Model:Canary"] = Package("2.0.0"),
        ["Model:CanaryShare"] = "0.5",
        ["Model:CanaryEvents"] = "100",
        ["Model:CanarySlowdown"] = "1000", // a few batches on a busy machine
        ["Model:Shadow"] = Package("3.0.0"),
        ["Model:ShadowShare"] = "1",
        ["Batching:MaxRows"] = "4",
        ["Http:Page"] = "true",
        ["Http:Token"] = Token,
    };

    private string Package(string version)
    {
        var package = Directory.CreateDirectory(Path.Combine(_folder, version)).FullName;
        foreach (var file in Directory.GetFiles(WorkerProcess.ToyModel)) File.Copy(file, Path.Combine(package, Path.GetFileName(file)));
        var manifest = Path.Combine(package, "model.json");
        var json = JsonNode.Parse(File.ReadAllText(manifest))!;
        json["version"] = version;
        File.WriteAllText(manifest, json.ToJsonString());
        return package;
    }

    private void Produce(int events)
    {
        using var writer = new EventWriter(
            new(new() { BootstrapServers = _cluster.BootstrapServers, GroupId = "trials", InputTopics = ["in"], OutputTopic = "out", DeadLetterTopic = "dead" }, new()), lingerMs: 1);
        for (var number = 0; number < events; number++)
            writer.TryWrite("in", Encoding.UTF8.GetBytes($"{number}"), Encoding.UTF8.GetBytes($$"""{"text": "the cat {{number}} is good"}"""), () => { });
        writer.Flush(CancellationToken.None);
    }
}
