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
    [InlineData("annotate", "-", "--out", "")]
    [InlineData("annotate", "-", "--rejects", "")]
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

    [Theory]
    [InlineData("anotate", "there is no command anotate; did you mean annotate?")]
    [InlineData("vershion", "there is no command vershion; did you mean version?")]
    [InlineData("model inspekt", "there is no command inspekt; did you mean inspect?")]
    [InlineData("xyzzyxyzzy", "there is no command xyzzyxyzzy; there are run, demo, ")]
    [InlineData("", "expected a command: run, demo, ")]
    [InlineData("bench", "expected a command after bench: model, ")]
    public async Task A_mistyped_command_is_told_what_was_probably_meant(string arguments, string said)
    {
        var result = await Cli.RunAsync("", arguments.Split(' ', StringSplitOptions.RemoveEmptyEntries));

        Assert.Equal(2, result.ExitCode);
        Assert.StartsWith($"mtlstream: {said}", result.Error, StringComparison.Ordinal);
        Assert.Equal(2, result.Error.TrimEnd().Split('\n').Length);
    }

    [Theory]
    [InlineData("annotate --task sentiment", "there is no option --task; did you mean --tasks?")]
    [InlineData("annotate --taks=sentiment", "there is no option --taks; did you mean --tasks?")]
    [InlineData("studio --prot 8090", "there is no option --prot; did you mean --port?")]
    [InlineData("demo --evnets 10", "there is no option --evnets; did you mean --events?")]
    [InlineData("tokenize --xyzzyxyzzy", "there is no option --xyzzyxyzzy.")]
    public async Task A_mistyped_option_is_no_name_of_a_file(string arguments, string said)
    {
        var result = await Cli.RunAsync("", arguments.Split(' '));

        Assert.Equal(2, result.ExitCode);
        Assert.StartsWith($"mtlstream: {said}\nTry: mtlstream ", result.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_setting_among_names_is_no_mistyped_option()
    {
        var result = await Cli.RunAsync("", "review", "nosuch.jsonl", "--Kafka:AnswerTopic=answers");

        Assert.Equal(2, result.ExitCode);
        Assert.Contains("nosuch.jsonl", result.Error, StringComparison.Ordinal);
        Assert.DoesNotContain("there is no option", result.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_file_whose_name_begins_like_an_option_is_named_behind_two_hyphens()
    {
        var result = await Cli.RunAsync("", "tokenize", "--", "--words");

        Assert.Contains("--words cannot be read", result.Error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("help")]
    [InlineData("help annotate")]
    [InlineData("help model inspect")]
    public void Help_is_a_command_too(string arguments)
    {
        var output = new StringWriter();

        Assert.Equal(0, CommandLine.Parse(arguments.Split(' ')).Invoke(new() { Output = output }));

        Assert.Contains("Examples:", output.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_version_names_the_commit_and_the_model()
    {
        var lines = (await Cli.RunAsync("", "version")).Lines;

        Assert.Matches("^mtlstream [0-9]+\\.[0-9]+\\.[0-9]+, commit ([0-9a-f]{40}|unknown)$", lines[0]);
        Assert.Matches("librdkafka [0-9]", lines[1]);
        Assert.Equal(3, lines.Count);
    }

    [Fact]
    public async Task A_shell_completes_commands_and_options()
    {
        var start = new System.Diagnostics.ProcessStartInfo("bash", ["-c", $$"""
            . <('{{Cli.Program}}' completion bash)
            complete_line() {
              COMP_LINE=$1 COMP_POINT=${#1}; COMP_WORDS=($1); COMP_CWORD=$((${#COMP_WORDS[@]} - 1)); _mtlstream; echo "${COMPREPLY[@]}"
            }
            complete_line '{{Cli.Program}} ann'
            complete_line '{{Cli.Program}} annotate --dev'
            complete_line '{{Cli.Program}} model ins'
            """])
        { RedirectStandardOutput = true };
        using var bash = new OwnedProcess(start);

        var output = await bash.StandardOutput.ReadToEndAsync().WaitAsync(TimeSpan.FromMinutes(2));

        Assert.Equal(["annotate", "--device", "inspect"], output.Split('\n', StringSplitOptions.RemoveEmptyEntries));
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
