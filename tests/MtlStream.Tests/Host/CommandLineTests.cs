using System.CommandLine.Invocation;
using System.CommandLine;
using MtlStream.Host.Configuration;
using MtlStream.Host;
using MtlStream.Tests.Schemas;

namespace MtlStream.Tests.Host;

public sealed class CommandLineTests
{
    public static TheoryData<string> Commands => [.. All(CommandLine.Build(), "mtlstream").Select(c => c.Path)];

    [Theory]
    [MemberData(nameof(Commands))]
    public void The_help_of_every_command_ends_with_examples_that_parse(string path)
    {
        var output = new StringWriter();
        var arguments = path.Split(' ').Skip(1).Append("--help").ToArray();

        Assert.Equal(0, CommandLine.Parse(arguments).Invoke(new() { Output = output }));

        var examples = output.ToString().Split('\n').SkipWhile(l => !l.StartsWith("Examples:", StringComparison.Ordinal)).Skip(1)
            .Select(l => l.Trim()).Where(l => l.Length > 0).ToList();
        Assert.NotEmpty(examples);
        foreach (var example in examples)
        {
            var parsed = CommandLine.Parse(CommandOf(example));
            Assert.False(parsed.Action is ParseErrorAction, $"{example}: {string.Join(" ", parsed.Errors.Select(e => e.Message))}");
            Assert.All(parsed.UnmatchedTokens, t => Assert.StartsWith("--", t, StringComparison.Ordinal));
            if (parsed.CommandResult.Command.Name is "run" or "doctor") // every setting that is required is there
                AppSettings.From(SettingsReader.Read(null, EnvironmentOf(example), parsed.UnmatchedTokens));
        }
    }

    [Theory]
    [InlineData("")]
    [InlineData("nothing")]
    [InlineData("annotate a b")]
    [InlineData("annotate --format xml")]
    [InlineData("annotate --device gpu")]
    [InlineData("demo --events 0")]
    [InlineData("demo --events many")]
    [InlineData("demo --rate -1")]
    [InlineData("run --Kafka:Nothing=1")]
    [InlineData("run topic")]
    [InlineData("run --Kafka:InputTopics:0=a --Kafka:OutputTopic=b --Kafka:DeadLetterTopic=c --Model:Path=no-such-folder --Http:Url=off")]
    [InlineData("annotate no-such-file")]
    [InlineData("annotate - --model no-such-folder")]
    [InlineData("annotate - --text-field text")]
    [InlineData("tokenize no-such-file")]
    public async Task Wrong_usage_ends_with_code_2_and_says_something_on_stderr(string arguments)
    {
        var result = await Cli.RunAsync("", arguments.Split(' ', StringSplitOptions.RemoveEmptyEntries));

        Assert.Equal(2, result.ExitCode);
        Assert.StartsWith("mtlstream: ", result.Error, StringComparison.Ordinal);
        Assert.DoesNotContain("   at ", result.Error, StringComparison.Ordinal);
        Assert.Empty(result.Output);
    }

    [Theory]
    [InlineData("annotate", "")]
    [InlineData("annotate", "-", "--model", "null", "--out", "")]
    [InlineData("annotate", "-", "--model", "null", "--rejects", "")]
    [InlineData("tokenize", "")]
    [InlineData("bench", "tokenizer", "--input", "")]
    [InlineData("model", "eval", "--data", "")]
    public async Task An_empty_name_of_a_file_is_wrong_usage(params string[] arguments)
    {
        var result = await Cli.RunAsync("", arguments);

        Assert.Equal(2, result.ExitCode);
        Assert.Matches("^mtlstream: [^\n]*empty[^\n]*\n$", result.Error);
    }

    [Fact]
    public async Task The_version_is_that_of_the_chart_and_of_the_newest_entry_of_the_changelog()
    {
        var deploy = Path.Combine(SchemaFiles.Folder, "..", "deploy");
        var chart = await File.ReadAllLinesAsync(Path.Combine(deploy, "kubernetes", "mtlstream", "Chart.yaml"));
        var changes = await File.ReadAllLinesAsync(Path.Combine(deploy, "CHANGELOG.md"));

        var version = Assert.Single((await Cli.RunAsync("", "--version")).Lines);

        Assert.Contains($"version: {version}", chart);
        Assert.Contains($"appVersion: \"{version}\"", chart);
        Assert.Equal($"## {version}", changes.First(l => l.StartsWith("## ", StringComparison.Ordinal)));
    }

    /// <summary>What the shell would pass: the words after the program, up to a redirection.</summary>
    internal static string[] CommandOf(string line)
    {
        var words = System.CommandLine.Parsing.CommandLineParser.SplitCommandLine(line).ToList();
        var command = words.FindIndex(w => w is "mtlstream" or "./mtlstream");
        return [.. words.Skip(command + 1).TakeWhile(w => w is not ("<" or ">" or "|"))];
    }

    /// <summary>The variables that a line sets before the program.</summary>
    private static Dictionary<string, string> EnvironmentOf(string line) => line.Split(' ').TakeWhile(w => w.Contains('=', StringComparison.Ordinal))
        .Select(w => w.Split('=', 2)).ToDictionary(v => v[0], v => v[1]);

    private static IEnumerable<(string Path, Command Command)> All(Command command, string path) =>
        command.Subcommands.SelectMany(c => All(c, $"{path} {c.Name}")).Prepend((path, command));
}
