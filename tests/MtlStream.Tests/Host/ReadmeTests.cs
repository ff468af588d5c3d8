using System.CommandLine.Invocation;
using System.Text.RegularExpressions;
using MtlStream.Host.Configuration;
using MtlStream.Host;
using MtlStream.Tests.Models;

namespace MtlStream.Tests.Host;

public sealed partial class ReadmeTests : IDisposable
{
    private static readonly string s_root = Repository.Root;
    private static readonly string s_commands = File.ReadAllText(Path.Combine(s_root, "docs", "commands.md"));
    private static readonly string s_text = File.ReadAllText(Path.Combine(s_root, "README.md"));

    private readonly string _folder = Directory.CreateTempSubdirectory("mtlstream-readme").FullName;
    private readonly ToyPackage _package = new();

    public static TheoryData<string> RunnableLines => [.. Lines("sh")];

    public static TheoryData<string> CommandsOfTheTable =>
        [.. TableRow().Matches(s_commands).SelectMany(m => Code().Matches(m.Value.Split('|')[1])).Select(c => c.Groups[1].Value).Where(c => c.StartsWith("mtlstream", StringComparison.Ordinal))];

    public void Dispose()
    {
        Directory.Delete(_folder, recursive: true);
        _package.Dispose();
    }

    [Theory]
    [MemberData(nameof(RunnableLines))]
    public async Task Examples_run(string line)
    {
        // Where the repository has no trained package yet, the toy package stands in; its tasks have other names.
        var shipped = File.Exists(Path.Combine(s_root, "models", "mtlstream-en", "model.json"));
        var stand = shipped ? "" : $" --model '{_package.Folder}'";
        if (!shipped) line = TasksOption().Replace(line, "");
        File.WriteAllText(Path.Combine(_folder, "mtlstream"), $"#!/bin/sh\nexec '{Cli.Program}' \"$@\"{stand}\n");
        File.SetUnixFileMode(Path.Combine(_folder, "mtlstream"), UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);

        using var bash = new OwnedProcess(new("bash", ["-o", "pipefail", "-c", line])
        {
            WorkingDirectory = _folder,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        });
        var (output, error) = (bash.StandardOutput.ReadToEndAsync(), bash.StandardError.ReadToEndAsync());
        await bash.WaitForExitAsync().WaitAsync(TimeSpan.FromMinutes(2));

        Assert.True(bash.ExitCode == 0, $"{line}\n{await error}");
        Assert.NotEmpty(await output);
    }

    [Fact]
    public void Lines_that_need_a_broker_are_good_command_lines()
    {
        var lines = Lines("text").Where(l => l.StartsWith("./mtlstream", StringComparison.Ordinal)).ToList();

        Assert.NotEmpty(lines);
        foreach (var line in lines)
        {
            var parsed = CommandLine.Parse(CommandLineTests.CommandOf(line));
            Assert.False(parsed.Action is ParseErrorAction, line);
            AppSettings.From(SettingsReader.Read(null, new Dictionary<string, string>(), parsed.UnmatchedTokens));
        }
    }

    [Theory]
    [MemberData(nameof(CommandsOfTheTable))]
    public void Commands_of_the_table_exist(string command) =>
        Assert.Equal(0, CommandLine.Parse([.. command.Split(' ').Skip(1), "--help"]).Invoke(new() { Output = TextWriter.Null }));

    [Fact]
    public void The_table_of_commands_is_complete()
    {
        var commands = Values(CommandLineTests.Commands);
        var leaves = commands.Where(c => !commands.Any(o => o.StartsWith(c + " ", StringComparison.Ordinal)));

        Assert.Equal(leaves.Order(), Values(CommandsOfTheTable).Order());
    }

    private static List<string> Values(IEnumerable<object[]> data) => [.. data.Select(row => (string)row[0])];

    private static IEnumerable<string> Lines(string language) =>
        Block().Matches(s_text).Where(b => b.Groups[1].Value == language).SelectMany(b => b.Groups[2].Value.Split('\n', StringSplitOptions.RemoveEmptyEntries));

    [GeneratedRegex("^```([a-z]+)\n(.*?)^```$", RegexOptions.Multiline | RegexOptions.Singleline)]
    private static partial Regex Block();

    [GeneratedRegex(@"^\|.*\|$", RegexOptions.Multiline)]
    private static partial Regex TableRow();

    [GeneratedRegex("`([^`]+)`")]
    private static partial Regex Code();

    [GeneratedRegex(" --tasks [a-z,]+")]
    private static partial Regex TasksOption();
}
