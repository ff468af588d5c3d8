using System.Globalization;
using System.Text.RegularExpressions;

namespace MtlStream.Tests.Host;

/// <summary>Figures of the documents are those of the files that they were measured into.</summary>
public sealed class FiguresTests
{
    private const string Results = "tests/MtlStream.Benchmarks/results";

    /// <summary>Where a figure stands: a document and a file, and in each the words before it, as a regular expression whose first group it is.</summary>
    public static TheoryData<string, string, string, string> Figures => new()
    {
        { "docs/speed.md", @"EPYC\].*? \| ([\d,.]+) events/s", $"{Results}/epyc-2-cores/kafka.md", @"\| at-least-once \| ([\d,.]+)" },
        { "docs/speed.md", @"EPYC\].*? events/s \| ([\d,.]+) \|", $"{Results}/epyc-2-cores/kafka.md", @"\| exactly-once \| ([\d,.]+)" },
        { "docs/speed.md", @"EPYC\].*? events/s \| .*? \| ([\d,.]+) %", $"{Results}/epyc-2-cores/kafka.md", @"\| at-least-once \| [\d,.]+ \| ([\d,.]+) %" },
        { "docs/speed.md", @"Xeon\].*? \| ([\d,.]+) events/s", $"{Results}/xeon-2-cores/kafka.md", @"\| at-least-once \| ([\d,.]+)" },
        { "docs/speed.md", @"Xeon\].*? events/s \| ([\d,.]+) \|", $"{Results}/xeon-2-cores/kafka.md", @"\| exactly-once \| ([\d,.]+)" },
        { "docs/speed.md", @"Xeon\].*? events/s \| .*? \| ([\d,.]+) %", $"{Results}/xeon-2-cores/kafka.md", @"\| at-least-once \| [\d,.]+ \| ([\d,.]+) %" },
        { "docs/speed.md", @"Without a model the worker passes ([\d,.]+) events", $"{Results}/xeon-2-cores/null.md", @"\| 1 \| ([\d,.]+) \|" },
        { "docs/speed.md", @"That is ([\d,.]+) % of what a bare", $"{Results}/xeon-2-cores/null.md", @"same client \| \*\*([\d,.]+) %" },
        { "docs/speed.md", @"It allocates ([\d,.]+) B per event", $"{Results}/xeon-2-cores/null.md", @"own bytes \| \*\*([\d,.]+) B" },
        { "docs/speed.md", @"topic to topic, at least once \| ([\d.]+) x", $"{Results}/xeon-2-cores/releases.md", @"topic to topic, at least once, events/s \| [\d,.]+ \| [\d,.]+ \| ([\d.]+) x" },
        { "docs/speed.md", @"topic to topic, exactly once \| ([\d.]+) x", $"{Results}/xeon-2-cores/releases.md", @"topic to topic, exactly once, events/s \| [\d,.]+ \| [\d,.]+ \| ([\d.]+) x" },
        { "docs/speed.md", @"in memory, all tasks \| ([\d.]+) x", $"{Results}/xeon-2-cores/releases.md", @"in memory, all tasks, events/s \| [\d,.]+ \| [\d,.]+ \| ([\d.]+) x" },
        { "docs/speed.md", @"topic to topic, without a model \| ([\d.]+) x", $"{Results}/xeon-2-cores/releases.md", @"without the model, events/s \| [\d,.]+ \| [\d,.]+ \| ([\d.]+) x" },
        { "docs/speed.md", @"all tasks \| ([\d,.]+) ms a text", "training/REPORT.md", @"All tasks in one pass: \*\*([\d,.]+)\*\*" },
        { "docs/speed.md", @"one model per task takes ([\d.]+)", "training/REPORT.md", @"one model per task: \*\*([\d,.]+)\*\*" },
        { "docs/speed.md", @"one thread: ([\d.]+) texts/s", $"{Results}/xeon-2-cores/generate.md", @"captions \| ([\d.]+)" },
        { "docs/speed.md", @"\| ([\d.]+) to [\d.]+ times fp32", $"{Results}/epyc-2-cores/precision.md", @"32 tokens \| \*\*([\d,.]+) x" },
        { "docs/speed.md", @"\| [\d.]+ to ([\d.]+) times fp32", $"{Results}/xeon-2-cores/precision.md", @"32 tokens \| \*\*([\d,.]+) x" },
        { "docs/speed.md", @"\| ([\d.]+) to [\d.]+ % padding", $"{Results}/xeon-2-cores/ceiling.md", @"padding share.*? \*\*([\d,.]+) %" },
        { "docs/speed.md", @"\| [\d.]+ to ([\d.]+) % padding", $"{Results}/epyc-2-cores/ceiling.md", @"padding share.*? \*\*([\d,.]+) %" },
        { "docs/speed.md", @"\| ([\d.]+) to [\d.]+ times Hugging", $"{Results}/xeon-2-cores/tokenizer.md", @"words first.*? \*\*([\d,.]+) x" },
        { "docs/speed.md", @"\| [\d.]+ to ([\d.]+) times Hugging", $"{Results}/xeon-2-cores/tokenizer.md", @"plain.*? \*\*([\d,.]+) x" },
        { "docs/operations.md", @"EPYC\].*?at least once \| ([\d,.]+)", $"{Results}/epyc-2-cores/kafka.md", @"\| at-least-once \| ([\d,.]+)" },
        { "docs/operations.md", @"EPYC\].*? \| ([\d.]+) s \|", $"{Results}/epyc-2-cores/startup.md", @"/health/ready.*? \| ([\d.]+) s" },
        { "docs/operations.md", @"Xeon\].*?at least once \| ([\d,.]+)", $"{Results}/xeon-2-cores/kafka.md", @"\| at-least-once \| ([\d,.]+)" },
        { "docs/operations.md", @"Xeon\].*? \| ([\d.]+) s \|", $"{Results}/xeon-2-cores/startup.md", @"/health/ready.*? \| ([\d.]+) s" },
        { "docs/operations.md", @"\| memory \| ([\d,.]+) MB", $"{Results}/xeon-2-cores/worker.md", @"AtLeastOnce \| \d+ \| (\d+)" },
        { "docs/operations.md", @"program and model add ([\d,.]+) MB", $"{Results}/xeon-2-cores/image.md", @"together \| ([\d,.]+)" },
        { "docs/operations.md", @"results are ([\d,.]+) B larger", $"{Results}/xeon-2-cores/null.md", @"Results are ([\d,.]+) B larger" },
        { "README.md", @"labels ([\d,.]+) to [\d,.]+ events", $"{Results}/xeon-2-cores/kafka.md", @"\| at-least-once \| ([\d,.]+)" },
        { "README.md", @"labels [\d,.]+ to ([\d,.]+) events", $"{Results}/epyc-2-cores/kafka.md", @"\| at-least-once \| ([\d,.]+)" },
        { "README.md", @"That is ([\d.]+) to [\d.]+ % of what the model", $"{Results}/xeon-2-cores/kafka.md", @"\| at-least-once \| [\d,.]+ \| ([\d,.]+) %" },
        { "README.md", @"That is [\d.]+ to ([\d.]+) % of what the model", $"{Results}/epyc-2-cores/kafka.md", @"\| at-least-once \| [\d,.]+ \| ([\d,.]+) %" },
        { "README.md", @"weighs ([\d.]+) MB", "models/mtlstream-en/README.md", @"int8, ([\d.]+) MB" },
        { "README.md", @"`language` \| .*? \| ([\d.]+) %", "models/mtlstream-en/README.md", @"`language` \| ([\d.]+) accuracy" },
        { "docs/model.md", @"take ([\d.]+) MB with all", "models/mtlstream-en/README.md", @"int8, ([\d.]+) MB" },
    };

    [Theory]
    [MemberData(nameof(Figures))]
    public void A_figure_is_that_of_its_file(string document, string said, string file, string measured)
    {
        var (figure, decimals) = Find(document, said);
        var (value, _) = Find(file, measured);

        Assert.Equal(figure, Math.Round(value, decimals, MidpointRounding.AwayFromZero));
    }

    /// <summary>The figure, and how many decimals it is given with.</summary>
    private static (decimal Value, int Decimals) Find(string document, string pattern)
    {
        var match = Regex.Match(File.ReadAllText(Path.Combine(Repository.Root, document)), pattern);
        Assert.True(match.Success, $"{document} has nothing like {pattern}");
        var figure = match.Groups[1].Value;
        var point = figure.IndexOf('.', StringComparison.Ordinal);
        return (decimal.Parse(figure, CultureInfo.InvariantCulture), point < 0 ? 0 : figure.Length - point - 1);
    }
}
