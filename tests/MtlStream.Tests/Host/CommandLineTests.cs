using System.CommandLine;
using System.CommandLine.Invocation;
using MtlStream.Host;
using MtlStream.Host.Configuration;

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
            // What comes without a part of the environment has every setting that is required.
            if (example.StartsWith("mtlstream run ", StringComparison.Ordinal) || example.StartsWith("mtlstream doctor ", StringComparison.Ordinal))
                AppSettings.From(SettingsReader.Read(null, new Dictionary<string, string>(), parsed.UnmatchedTokens));
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

    /// <summary>What the shell would pass: the words after the program, up to a redirection.</summary>
    internal static string[] CommandOf(string line)
    {
        var words = System.CommandLine.Parsing.CommandLineParser.SplitCommandLine(line).ToList();
        var command = words.FindIndex(w => w is "mtlstream" or "./mtlstream");
        return [.. words.Skip(command + 1).TakeWhile(w => w is not ("<" or ">" or "|"))];
    }

    private static IEnumerable<(string Path, Command Command)> All(Command command, string path) =>
        command.Subcommands.SelectMany(c => All(c, $"{path} {c.Name}")).Prepend((path, command));
}
