using System.CommandLine.Help;
using System.CommandLine.Invocation;
using System.CommandLine.Parsing;
using System.CommandLine;
using MtlStream.Models;
using MtlStream.Onnx;
using MtlStream.Text;

namespace MtlStream.Host;

/// <summary>The command tree, and what happens around every command: parsing, signals, errors, exit code.</summary>
internal static class CommandLine
{
    /// <summary>Shown below the help of the root command.</summary>
    internal static readonly string[] RootExamples =
    [
        "mtlstream demo --events 200",
        "mtlstream annotate comments.jsonl.gz --out enriched.jsonl --rejects rejected.jsonl",
        "mtlstream run --Kafka:InputTopics:0=comments --Kafka:OutputTopic=comments-enriched --Kafka:DeadLetterTopic=comments-rejected",
    ];

    public static RootCommand Build()
    {
        var root = new RootCommand("Streaming text analytics: text events in, every task's labels out, one multitask model.")
        {
            RunCommand.Build(),
            DemoCommand.Build(),
            AnnotateCommand.Build(),
            StudioCommand.Build(),
            TokenizeCommand.Build(),
            TeachCommand.Build(),
            ForgetCommand.Build(),
            ReviewCommand.Build(),
            PromoteCommand.Build(),
            ModelCommands.Build(),
            BenchCommand.Build(),
            DeadLettersCommand.Build(),
            DoctorCommand.Build(),
            SchemaCommands.Build(),
            StatusCommand.Build(),
            VersionCommand.Build(),
            CompletionCommand.Build(),
        };
        var help = root.Options.OfType<HelpOption>().Single();
        help.Action = new HelpWithExamples((HelpAction)help.Action!);
        return root;
    }

    /// <summary>Parses and runs one command line.</summary>
    /// <returns>The exit code, see <see cref="ExitCodes"/>.</returns>
    public static async Task<int> RunAsync(string[] args, CancellationToken stopping)
    {
        var parsed = Parse(args);
        var mistyped = MistypedOption(parsed);
        if (mistyped is not null || parsed.Action is ParseErrorAction)
        {
            foreach (var error in mistyped is null ? Errors(parsed) : [mistyped]) await Console.Error.WriteLineAsync($"mtlstream: {error}");
            await Console.Error.WriteLineAsync($"Try: {HelpOf(parsed)}");
            return ExitCodes.Usage;
        }

        try
        {
            // The commands end themselves when the token is cancelled, so the library's own handling of signals and exceptions is off.
            var running = Task.Run(
                () => parsed.InvokeAsync(new() { EnableDefaultExceptionHandler = false, ProcessTerminationTimeout = null }, stopping), CancellationToken.None);
            var code = await Interruption.ExitCodeAsync(running, parsed.CommandResult.Command.Name, stopping);
            return code ?? throw new OperationCanceledException(stopping);
        }
#pragma warning disable CA1031 // the last place that can turn an exception into an exit code
        catch (Exception exception)
#pragma warning restore CA1031
        {
            await Console.Error.WriteLineAsync($"mtlstream: {Describe(exception, stopping)}");
            return exception is UsageException ? ExitCodes.Usage : ExitCodes.Failed;
        }
    }

    /// <summary>A leading <c>@</c> is nothing special: response files are off.</summary>
    internal static ParseResult Parse(IReadOnlyList<string> args)
    {
        // As git, docker and dotnet have it: "help annotate" is "annotate --help".
        if (args.Count > 0 && args[0] == "help") args = [.. args.Skip(1), "--help"];
        return Build().Parse(args, new() { ResponseFileTokenReplacer = null });
    }

    /// <summary>What is said of an option that the command does not have, which the parser takes for a file; null where there is none.</summary>
    /// <remarks>A file whose name begins like an option is given behind <c>--</c>.</remarks>
    private static string? MistypedOption(ParseResult parsed)
    {
        var command = parsed.CommandResult.Command;
        if (!command.TreatUnmatchedTokensAsErrors || parsed.Tokens.Any(t => t.Type == TokenType.DoubleDash)) return null;
        var taken = parsed.CommandResult.Tokens.Select(t => t.Value).Concat(parsed.UnmatchedTokens).Select(v => v.Split('=')[0]);
        var wrong = taken.FirstOrDefault(v => v.Length > 2 && v.StartsWith("--", StringComparison.Ordinal) && !v.Contains(':', StringComparison.Ordinal)); // a setting has one
        if (wrong is null) return null;
        var options = command.Options.Where(o => !o.Hidden).Select(o => o.Name);
        return Nearest.Of(wrong, options) is { } meant ? $"there is no option {wrong}; did you mean {meant}?" : $"there is no option {wrong}.";
    }

    private static IEnumerable<string> Errors(ParseResult parsed)
    {
        var commands = parsed.CommandResult.Command.Subcommands.Where(c => !c.Hidden).Select(c => c.Name).ToList();
        if (commands.Count == 0) return parsed.Errors.Select(e => e.Message);
        var after = parsed.CommandResult.Command is RootCommand ? "" : $" after {parsed.CommandResult.Command.Name}";
        var known = string.Join(", ", commands);
        if (parsed.UnmatchedTokens.Count == 0) return [$"expected a command{after}: {known}."];
        var wrong = parsed.UnmatchedTokens[0];
        return [Nearest.Of(wrong, commands) is { } meant ? $"there is no command {wrong}; did you mean {meant}?" : $"there is no command {wrong}; there are {known}."];
    }

    /// <summary>The message alone where it says what to do; everything where the program is to blame.</summary>
    private static string Describe(Exception exception, CancellationToken stopping) => exception switch
    {
        OperationCanceledException when stopping.IsCancellationRequested => "stopped by a signal before the work was done.",
        UsageException or PipelineException or InferenceException or DeviceUnavailableException or InvalidDataException or IOException
            or UnauthorizedAccessException or TimeoutException => exception.Message,
        _ => exception.ToString(),
    };

    private static string HelpOf(ParseResult parsed)
    {
        var names = new List<string>();
        for (var result = parsed.CommandResult; result is not null; result = result.Parent as System.CommandLine.Parsing.CommandResult)
            names.Insert(0, result.Command is RootCommand ? "mtlstream" : result.Command.Name);
        return string.Join(' ', names) + " --help";
    }

    private sealed class HelpWithExamples(HelpAction help) : SynchronousCommandLineAction
    {
        public override bool Terminating => true;

        public override int Invoke(ParseResult parseResult)
        {
            help.Invoke(parseResult);
            var examples = parseResult.CommandResult.Command is CliCommand command ? command.Examples : RootExamples;
            var output = parseResult.InvocationConfiguration.Output;
            output.WriteLine("Examples:");
            foreach (var example in examples) output.WriteLine($"  {example}");
            return ExitCodes.Done;
        }
    }
}
