using System.Diagnostics;
using System.Text.Json;

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

        var (code, output, error) = await RunAsync("teach", "--task", "refund", "--data", data, "--out", package, "--json");

        Assert.True(code == 0, error);
        using var report = JsonDocument.Parse(output.TrimEnd().Split('\n')[^1]);
        Assert.True(report.RootElement.GetProperty("oldOutputsIdentical").GetBoolean());
        Assert.Equal(200, report.RootElement.GetProperty("examples").GetInt32());
        Assert.True(report.RootElement.GetProperty("crossValidation").GetProperty("accuracy").GetDouble() > 0.95);
        var (verified, _, problems) = await RunAsync("model", "verify", package);
        Assert.True(verified == 0, problems);
        File.WriteAllLines(Path.Combine(_folder, "new.txt"), ["please give me my money back for the broken kettle", "the kettle is lovely, thank you"]);
        var (annotated, labels, trouble) = await RunAsync(
            "annotate", Path.Combine(_folder, "new.txt"), "--format", "text", "--model", package, "--tasks", "refund");
        Assert.True(annotated == 0, trouble);
        Assert.Equal(["yes", "no"], labels.TrimEnd().Split('\n').Select(LabelOf));
        await AssertForgottenAsync(package);
    }

    private async Task AssertForgottenAsync(string package)
    {
        var without = Path.Combine(_folder, "without");
        var (code, _, error) = await RunAsync("forget", "--task", "refund", "--model", package, "--out", without);
        Assert.True(code == 0, error);
        var (verified, _, problems) = await RunAsync("model", "verify", without);
        Assert.True(verified == 0, problems);
        var (inspected, text, _) = await RunAsync("model", "inspect", without);
        Assert.Equal(0, inspected);
        Assert.Contains("+refund.without-refund", text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_name_that_the_package_has_is_refused_and_nothing_is_written()
    {
        var data = Path.Combine(_folder, "data.csv");
        File.WriteAllLines(data, ["text,label", "a,x", "b,x", "c,y", "d,y"]);

        var (code, _, error) = await RunAsync("teach", "--task", "sentiment", "--data", data, "--out", Path.Combine(_folder, "taught"));

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

    private static async Task<(int Code, string Output, string Error)> RunAsync(params string[] arguments)
    {
        using var process = Process.Start(new ProcessStartInfo(Path.Combine(AppContext.BaseDirectory, "mtlstream"), arguments)
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        })!;
        var output = process.StandardOutput.ReadToEndAsync();
        var error = process.StandardError.ReadToEndAsync();
        await process.WaitForExitAsync().WaitAsync(TimeSpan.FromMinutes(5));
        return (process.ExitCode, await output, await error);
    }
}
