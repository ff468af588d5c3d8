using MtlStream.IntegrationTests.Kafka;
using MtlStream.Kafka;

namespace MtlStream.IntegrationTests.Pages;

/// <summary>The page while its worker goes away and comes back.</summary>
public sealed class LiveConnectionTests
{
    [ChromiumFact]
    public async Task A_connection_that_breaks_is_said_and_made_again()
    {
        using var cluster = new MockCluster();
        foreach (var topic in new[] { "in", "out", "dead" }) cluster.CreateTopic(topic, 1);
        var settings = new Dictionary<string, string>
        {
            ["Kafka:BootstrapServers"] = cluster.BootstrapServers, ["Kafka:GroupId"] = "page", ["Kafka:InputTopics:0"] = "in", ["Kafka:OutputTopic"] = "out",
            ["Kafka:DeadLetterTopic"] = "dead", ["Http:Page"] = "true",
        };
        var listen = $"http://127.0.0.1:{OpsTools.FreePort()}";
        using var browser = new Browser();

        using (var first = WorkerProcess.Start(settings, listen: listen))
        {
            await Wait.Until(first.IsReady, log: () => first.Log);
            browser.Open(new(first.Address!, "#live"));
            browser.WaitForText(".chip.dot.good", text => text == "live");
        }

        browser.WaitForText(".chip.dot.bad", text => text == "connection lost, trying again");
        using var second = WorkerProcess.Start(settings, listen: listen);
        browser.WaitForText(".chip.dot.good", text => text == "live");
    }
}
