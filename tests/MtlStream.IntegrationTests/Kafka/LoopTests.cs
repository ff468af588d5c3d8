using System.Text.Json.Nodes;
using MtlStream.Host.Configuration;
using MtlStream.Host.Review;
using MtlStream.Learning.Review;
using MtlStream.Tests;

namespace MtlStream.IntegrationTests.Kafka;

/// <summary>
/// The loop on a real Kafka: a worker asks, people answer, a task is taught from the answers, a bad candidate is refused, the good one
/// is promoted and served, and a worse canary is rolled back. No event is lost on the way.
/// </summary>
public sealed class LoopTests : IDisposable
{
    private const string Input = "loop-in", Output = "loop-out", Letters = "loop-dead", Copies = "loop-review", Answers = "loop-answers";
    private const int Round = 120; // events
    private const int Refunds = 3; // of the wishes

    private static readonly string[] s_things = ["kettle", "lamp", "phone", "chair", "jacket", "router", "camera", "table", "printer", "bike", "watch", "sofa"];
    private static readonly string[] s_wishes =
    [
        "I want my money back for the", "please refund the", "how do I get a refund for my", "my friend recommended the", "how do I switch on the",
        "I love the", "when will you ship the", "what colours does it have, the", "thank you for the beautiful", "which batteries fit the",
    ];

    private readonly string _folder = Directory.CreateTempSubdirectory("mtlstream-loop").FullName;
    private WorkerProcess? _worker;
    private int _sent;

    public void Dispose()
    {
        _worker?.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    [RealKafkaFact]
    public async Task Answers_teach_a_task_that_is_promoted_and_served_and_worse_ones_are_refused_or_rolled_back()
    {
        var kafka = RealKafka.Shared;
        using var topics = new Topics(kafka.BootstrapServers);
        topics.Create([Input, Output, Letters, Copies, Answers], 1);
        var (current, candidate, taught) = (At("current"), At("candidate"), At("refund"));
        ServedLink.Point(current, Path.Combine(OpsTools.Root, "models", "mtlstream-en"));
        _worker = WorkerProcess.Start(Settings(kafka.BootstrapServers, candidate), current);
        await Wait.Until(_worker.IsReady, log: () => _worker.Log);
        Send(topics);
        await Answered(topics);

        Answer(kafka.BootstrapServers);
        string[] fromTopic = ["--from-topic", $"--Kafka:BootstrapServers={kafka.BootstrapServers}", $"--Kafka:ReviewTopic={Copies}", $"--Kafka:AnswerTopic={Answers}"];
        await Done(0, ["teach", "--task", "refund", "--model", current, "--out", taught, .. fromTopic]);
        var bad = Spoil(taught, At("bad"));
        File.WriteAllText(At("key"), "a secret of the team that promotes");

        var refused = await Done(1, ["promote", bad, "--to", current, "--key", At("key"), .. fromTopic]);
        Assert.Contains("refund from", refused, StringComparison.Ordinal);
        Assert.EndsWith("mtlstream-en", new DirectoryInfo(current).LinkTarget, StringComparison.Ordinal);
        await Done(0, ["promote", taught, "--to", current, "--key", At("key"), .. fromTopic]);
        await Done(0, ["promote", taught, "--verify", "--key", At("key")]);
        await Wait.Until(() => _worker.Log.Contains("refund added", StringComparison.Ordinal), log: () => _worker.Log);
        Send(topics);
        await Answered(topics);
        ServedLink.Point(candidate, bad);
        await Wait.Until(() => _worker.Log.Contains("is tried on a share", StringComparison.Ordinal), log: () => _worker.Log);
        while (!_worker.Log.Contains("is rolled back", StringComparison.Ordinal))
        {
            Assert.True(_sent < 40 * Round, _worker.Log);
            Send(topics);
            await Answered(topics);
        }

        Send(topics);
        var results = await Answered(topics);

        Assert.Equal(_sent, results.Count);
        Assert.Equal(_sent, results.Select(r => r["n"]!.GetValue<int>()).Distinct().Count());
        Assert.Empty(topics.ReadAll(Letters));
        Assert.All(results.TakeLast(Round), r => Assert.EndsWith("+refund", Version(r), StringComparison.Ordinal));
        Assert.Contains(results, r => Version(r) == "bad");
        var last = results.TakeLast(Round).ToList();
        Assert.InRange(last.Count(r => Refund(r) == (IsRefund(r["text"]!.GetValue<string>()) ? "yes" : "no")), Round * 9 / 10, Round);
        _worker.SendTerminate();
        Assert.Equal(0, await _worker.EndedAsync());
    }

    private static Dictionary<string, string> Settings(string bootstrapServers, string candidate) => new()
    {
        ["Kafka:BootstrapServers"] = bootstrapServers,
        ["Kafka:GroupId"] = "loop",
        ["Kafka:InputTopics:0"] = Input,
        ["Kafka:OutputTopic"] = Output,
        ["Kafka:DeadLetterTopic"] = Letters,
        ["Kafka:ReviewTopic"] = Copies,
        ["Kafka:AnswerTopic"] = Answers,
        ["Delivery:Guarantee"] = "ExactlyOnce",
        ["Delivery:CommitInterval"] = "00:00:00.1",
        ["Watch:ReviewRandom"] = "1",
        ["Model:ReloadInterval"] = "00:00:01",
        ["Model:Canary"] = candidate,
        ["Model:CanaryShare"] = "0.5",
        ["Model:CanaryEvents"] = "100",
        ["Model:CanarySlowdown"] = "1000",
    };

    private void Send(Topics topics)
    {
        for (var i = 0; i < Round; i++, _sent++)
        {
            var text = $"{s_wishes[i % s_wishes.Length]} {s_things[i / s_wishes.Length]}";
            topics.Write(new(Input, 0), new() { Value = Topics.Bytes($$"""{"n": {{_sent}}, "text": "{{text}}"}""") });
        }

        topics.Flush();
    }

    /// <summary>Waits for an answer to every event so far.</summary>
    private async Task<List<JsonNode>> Answered(Topics topics)
    {
        List<JsonNode> results = [];
        await Wait.Until(() => (results = Results(topics)).Count >= _sent, log: () => _worker!.Log);
        return results;
    }

    private static List<JsonNode> Results(Topics topics) => [.. topics.ReadAll(Output).Select(r => JsonNode.Parse(r.Message.Value)!)];

    /// <summary>One person who is always right, and another who is asked some questions too.</summary>
    private static void Answer(string bootstrapServers)
    {
        var settings = AppSettings.From(
            [
                new("Kafka:BootstrapServers", bootstrapServers, "test"), new("Kafka:ReviewTopic", Copies, "test"), new("Kafka:AnswerTopic", Answers, "test"),
            ],
            ReviewStore.Unused);
        foreach (var person in new[] { "anna", "ben" })
        {
            using var store = ReviewStore.FromTopics(settings, answers: null, default);
            Assert.Equal(Round, store.Questions.Count);
            var session = new ReviewSession(store.Questions, store.Book, "refund", person, overlap: 0.1, TimeProvider.System);
            while (session.Next is { } question) store.Write(session.Answer(question, [IsRefund(question.Text) ? "yes" : "no"]));
        }

        using var all = ReviewStore.FromTopics(settings, answers: null, default);
        Assert.Equal(1, Agreement.Alpha(all.Book, "refund"));
        Assert.All(all.Book.All, answer => Assert.Equal(1, answer.Probability));
    }

    private static bool IsRefund(string text) => Array.FindIndex(s_wishes, wish => text.StartsWith(wish, StringComparison.Ordinal)) < Refunds;

    /// <summary>A package that says the opposite of a taught one: its labels are turned round, and nothing in it is damaged.</summary>
    private static string Spoil(string package, string to)
    {
        Directory.CreateDirectory(to);
        foreach (var file in Directory.GetFiles(package, "*", SearchOption.AllDirectories))
        {
            var copy = Path.Combine(to, Path.GetRelativePath(package, file));
            Directory.CreateDirectory(Path.GetDirectoryName(copy)!);
            File.Copy(file, copy);
        }

        var manifest = JsonNode.Parse(File.ReadAllText(Path.Combine(to, "model.json")))!;
        manifest["version"] = "bad";
        var task = manifest["tasks"]!.AsArray().Single(t => t!["name"]!.GetValue<string>() == "refund")!;
        task["labels"] = new JsonArray([.. task["labels"]!.AsArray().Select(l => l!.DeepClone()).Reverse()]);
        File.WriteAllText(Path.Combine(to, "model.json"), manifest.ToJsonString());
        return to;
    }

    private static string Version(JsonNode result) => result["analysis"]!["model"]!["version"]!.GetValue<string>();

    private static string? Refund(JsonNode result) => result["analysis"]!["tasks"]!["refund"]!["label"]?.GetValue<string>();

    private string At(string name) => Path.Combine(_folder, name);

    /// <summary>Runs a command to its end and gives back what it printed.</summary>
    private static async Task<string> Done(int code, string[] arguments)
    {
        var run = await ProgramRun.OfMtlStreamAsync(arguments);
        Assert.True(run.Code == code, $"{arguments[0]} ended with {run.Code}:\n{run.Output}\n{run.Error}");
        return run.Output;
    }
}
