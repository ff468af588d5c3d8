using System.Text.Json;
using MtlStream.Tests;

namespace MtlStream.IntegrationTests;

/// <summary>The walk-through of docs/teaching.md: 200 labelled requests, a new package, its answers.</summary>
public sealed class TeachTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("mtlstream-teach").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public async Task A_task_is_taught_from_a_file_and_no_old_output_moves_by_a_bit()
    {
        var data = Path.Combine(_folder, "refunds.csv");
        File.WriteAllLines(data, ["text,label", .. Requests()]);
        var package = Path.Combine(_folder, "taught");

        var (code, output, error) = await ProgramRun.OfMtlStreamAsync("teach", "--task", "refund", "--data", data, "--out", package, "--json");

        Assert.True(code == 0, error);
        using var report = JsonDocument.Parse(output.TrimEnd().Split('\n')[^1]);
        Assert.True(report.RootElement.GetProperty("oldOutputsIdentical").GetBoolean());
        Assert.Equal(200, report.RootElement.GetProperty("examples").GetInt32());
        Assert.True(report.RootElement.GetProperty("crossValidation").GetProperty("accuracy").GetDouble() > 0.95);
        var (verified, _, problems) = await ProgramRun.OfMtlStreamAsync("model", "verify", package);
        Assert.True(verified == 0, problems);
        File.WriteAllLines(Path.Combine(_folder, "new.txt"), ["please give me my money back for the broken kettle", "the kettle is lovely, thank you"]);
        var (annotated, labels, trouble) = await ProgramRun.OfMtlStreamAsync(
            "annotate", Path.Combine(_folder, "new.txt"), "--format", "text", "--model", package, "--tasks", "refund");
        Assert.True(annotated == 0, trouble);
        Assert.Equal(["yes", "no"], labels.TrimEnd().Split('\n').Select(LabelOf));
        await AssertTaughtAgainAsync(package);
        await AssertTaughtMoreAsync(package);
        await AssertForgottenAsync(package);
    }

    /// <summary>Another package is taught what this one was, and each label is compared.</summary>
    private async Task AssertTaughtAgainAsync(string package)
    {
        var (newer, again) = (Path.Combine(_folder, "newer"), Path.Combine(_folder, "again"));
        var (forgotten, _, trouble) = await ProgramRun.OfMtlStreamAsync("forget", "--task", "offensive", "--out", newer);
        Assert.True(forgotten == 0, trouble);

        var (code, output, error) = await ProgramRun.OfMtlStreamAsync("teach", "--again", package, "--model", newer, "--out", again, "--json");

        Assert.True(code == 0, error);
        Assert.Matches("  refund before, by mtlstream-en [0-9.]+:\n    no: F1 [0-9.]+ %, now [0-9.]+ %\n    yes: F1 [0-9.]+ %, now [0-9.]+ %\n", output);
        using var report = JsonDocument.Parse(output.TrimEnd().Split('\n')[^1]);
        var labels = report.RootElement.GetProperty("tasks")[0].GetProperty("labels").EnumerateArray().ToList();
        Assert.Equal(["no", "yes"], labels.Select(l => l.GetProperty("label").GetString()));
        Assert.All(labels, l => Assert.True(l.GetProperty("before").GetDouble() > 0.95 && l.GetProperty("after").GetDouble() > 0.95));
        var (verified, _, problems) = await ProgramRun.OfMtlStreamAsync("model", "verify", again);
        Assert.True(verified == 0, problems);
        var manifest = JsonDocument.Parse(File.ReadAllText(Path.Combine(again, "model.json"))).RootElement;
        Assert.EndsWith("+without-offensive.refund", manifest.GetProperty("version").GetString(), StringComparison.Ordinal);
        var tasks = manifest.GetProperty("tasks").EnumerateArray().Select(t => t.GetProperty("name").GetString()).ToList();
        Assert.Contains("refund", tasks);
        Assert.DoesNotContain("offensive", tasks);
    }

    /// <summary>The package keeps its examples: it is taught anew with more of them; where they are not kept, it is not.</summary>
    private async Task AssertTaughtMoreAsync(string package)
    {
        var data = Path.Combine(_folder, "more.csv");
        File.WriteAllLines(data, ["text,label", "reimburse me for the sofa,yes", "the sofa is soft,no"]);
        var (code, output, error) = await ProgramRun.OfMtlStreamAsync("teach", "--task", "refund", "--more", "--data", data, "--model", package, "--out", package + "-more", "--no-examples", "--json");
        Assert.True(code == 0, error);
        using var report = JsonDocument.Parse(output.TrimEnd().Split('\n')[^1]);
        Assert.Equal(202, report.RootElement.GetProperty("examples").GetInt32());
        Assert.Contains("+refund.2\"", File.ReadAllText(Path.Combine(package + "-more", "model.json")), StringComparison.Ordinal);
        (code, _, error) = await ProgramRun.OfMtlStreamAsync("teach", "--again", package + "-more", "--out", package + "-third");
        Assert.Equal(2, code);
        Assert.Contains("keeps no examples of refund", error, StringComparison.Ordinal);
    }

    private async Task AssertForgottenAsync(string package)
    {
        var without = Path.Combine(_folder, "without");
        var (code, _, error) = await ProgramRun.OfMtlStreamAsync("forget", "--task", "refund", "--model", package, "--out", without);
        Assert.True(code == 0, error);
        var (verified, _, problems) = await ProgramRun.OfMtlStreamAsync("model", "verify", without);
        Assert.True(verified == 0, problems);
        var (inspected, text, _) = await ProgramRun.OfMtlStreamAsync("model", "inspect", without);
        Assert.Equal(0, inspected);
        Assert.Contains("+without-refund", text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Texts_without_labels_are_tried_and_used_where_they_help()
    {
        var requests = Requests().ToList();
        var (few, rest, test) = (Path.Combine(_folder, "few.csv"), Path.Combine(_folder, "rest.txt"), Path.Combine(_folder, "test.csv"));
        File.WriteAllLines(few, ["text,label", .. requests.Take(40)]);
        File.WriteAllLines(rest, requests.Skip(40).Take(120).Select(line => line[..line.LastIndexOf(',')].Trim('"')));
        File.WriteAllLines(test, ["text,label", .. requests.Skip(160)]);

        var (code, output, error) = await ProgramRun.OfMtlStreamAsync(
            "teach", "--task", "refund", "--data", few, "--unlabelled", rest, "--test", test, "--out", Path.Combine(_folder, "few"), "--json");

        Assert.True(code == 0, error);
        Assert.Contains("  tried: with texts without labels: ", output, StringComparison.Ordinal);
        using var report = JsonDocument.Parse(output.TrimEnd().Split('\n')[^1]);
        Assert.Equal(40, report.RootElement.GetProperty("examples").GetInt32());
        Assert.True(report.RootElement.GetProperty("test").GetProperty("accuracy").GetDouble() > 0.9);
    }

    [Fact]
    public async Task Spans_are_taught_from_conll_and_served()
    {
        var data = Path.Combine(_folder, "orders.conll");
        File.WriteAllLines(data, Orders());
        var package = Path.Combine(_folder, "orders");

        var (code, output, error) = await ProgramRun.OfMtlStreamAsync("teach", "--task", "order", "--kind", "token_spans", "--data", data, "--out", package, "--json");

        Assert.True(code == 0, error);
        using var report = JsonDocument.Parse(output.TrimEnd().Split('\n')[^1]);
        Assert.True(report.RootElement.GetProperty("oldOutputsIdentical").GetBoolean());
        Assert.Equal("token_spans", report.RootElement.GetProperty("kind").GetString());
        Assert.True(report.RootElement.GetProperty("crossValidation").GetProperty("spanF1").GetDouble() > 0.9);
        var (verified, _, problems) = await ProgramRun.OfMtlStreamAsync("model", "verify", package);
        Assert.True(verified == 0, problems);
        File.WriteAllLines(Path.Combine(_folder, "new.txt"), ["I want to order seven lamps for Anna, please."]);
        var (annotated, line, trouble) = await ProgramRun.OfMtlStreamAsync(
            "annotate", Path.Combine(_folder, "new.txt"), "--format", "text", "--model", package, "--tasks", "order");
        Assert.True(annotated == 0, trouble);
        using var parsed = JsonDocument.Parse(line);
        var spans = parsed.RootElement.GetProperty("analysis").GetProperty("tasks").GetProperty("order").GetProperty("spans");
        Assert.Contains("seven count", spans.EnumerateArray().Select(s => $"{s.GetProperty("text")} {s.GetProperty("label")}"));
    }

    [Fact]
    public async Task A_name_that_the_package_has_is_refused_and_nothing_is_written()
    {
        var data = Path.Combine(_folder, "data.csv");
        File.WriteAllLines(data, ["text,label", "a,x", "b,x", "c,y", "d,y"]);

        var (code, _, error) = await ProgramRun.OfMtlStreamAsync("teach", "--task", "sentiment", "--data", data, "--out", Path.Combine(_folder, "taught"));

        Assert.Equal(2, code);
        Assert.Contains("has a task of that name", error, StringComparison.Ordinal);
        Assert.False(Directory.Exists(Path.Combine(_folder, "taught")));
    }

    private static string LabelOf(string line)
    {
        using var parsed = JsonDocument.Parse(line);
        return parsed.RootElement.GetProperty("analysis").GetProperty("tasks").GetProperty("refund").GetProperty("label").GetString()!;
    }

    private static IEnumerable<string> Requests()
    {
        string[] things = ["kettle", "lamp", "phone", "chair", "jacket", "router", "camera", "table", "printer", "bike"];
        string[] wishes = ["I want my money back for the", "please refund the", "how do I get a refund for my", "return and refund the", "give me back what I paid for the",
            "I would like to be reimbursed for the", "refund me for this broken", "my order is faulty, refund the", "can you pay me back for the", "I ask for a full refund of the"];
        string[] others = ["I love the", "when will you ship the", "what colours does it have, the", "how do I switch on the", "my friend recommended the",
            "is there a manual for the", "thank you for the beautiful", "where can I review the", "does the warranty cover the", "which batteries fit the"];
        return things.SelectMany(thing => wishes.Select(w => $"{w} {thing},yes").Concat(others.Select(o => $"\"{o} {thing}\",no")).Select(Quoted));

        static string Quoted(string line)
        {
            var text = line[..line.LastIndexOf(',')].Trim('"');
            return $"\"{text}\"{line[line.LastIndexOf(',')..]}";
        }
    }

    private static IEnumerable<string> Orders()
    {
        string[] counts = ["two", "three", "five", "ten", "twelve", "20"];
        string[] things = ["kettles", "phones", "chairs", "wooden tables", "red bikes"];
        string[] begins = ["please order", "I need", "send me"];
        foreach (var begin in begins)
        {
            foreach (var (thing, i) in things.SelectMany(thing => counts.Select((_, i) => (thing, i))))
            {
                foreach (var word in begin.Split(' ')) yield return $"{word} O";
                yield return $"{counts[i]} B-count";
                foreach (var (word, place) in thing.Split(' ').Select((word, place) => (word, place))) yield return $"{word} {(place == 0 ? "B" : "I")}-thing";
                yield return "";
            }
        }
    }
}
