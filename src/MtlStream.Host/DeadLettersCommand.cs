using System.CommandLine;
using System.CommandLine.Parsing;
using System.Globalization;
using System.Text.RegularExpressions;
using MtlStream.Events;
using MtlStream.Host.Configuration;
using MtlStream.Kafka;

namespace MtlStream.Host;

/// <summary><c>mtlstream dead-letters list|replay</c>: what was rejected, and giving it another try.</summary>
internal static partial class DeadLettersCommand
{
    /// <param name="Reasons">As the header spells them; empty for all.</param>
    /// <param name="Since">Event time; null for no bound.</param>
    internal sealed record Selection(IReadOnlyList<string> Reasons, DateTimeOffset? Since, DateTimeOffset? Until, int? Limit)
    {
        public bool Takes(DeadLetter letter)
        {
            // An event without a time cannot be told to be inside the bounds; one of a far future, which producers write, is no DateTimeOffset.
            var time = letter.Timestamp < 0 ? (long?)null : letter.Timestamp;
            return (Reasons.Count == 0 || Reasons.Contains(letter.Reason.WireName()))
                && (Since is null || time >= Since.Value.ToUnixTimeMilliseconds()) && (Until is null || time < Until.Value.ToUnixTimeMilliseconds());
        }
    }

    public static Command Build() => new CliCommand(
        "dead-letters", "Lists rejected events, or sends them back to where they came from.",
        "mtlstream dead-letters list --Kafka:DeadLetterTopic=comments-rejected --reason malformed_payload",
        "mtlstream dead-letters replay --Kafka:DeadLetterTopic=comments-rejected --since 2h --dry-run")
    {
        Build(
            "list", "Prints the dead-letter topic as dead-letter.v1 lines. Settings as for run; of the topics only Kafka:DeadLetterTopic is needed.",
            replay: false, "mtlstream dead-letters list --Kafka:BootstrapServers=localhost:9092 --Kafka:DeadLetterTopic=comments-rejected --limit 10"),
        Build(
            "replay", "Produces events of the dead-letter topic again, to the topic each came from, with their original key, headers and bytes. They stay in the dead-letter topic: a second replay sends them again.",
            replay: true, "mtlstream dead-letters replay --Kafka:DeadLetterTopic=comments-rejected --reason inference_failed --since 2026-01-31T08:00:00Z"),
    };

    private static CliCommand Build(string name, string description, bool replay, string example)
    {
        var reason = new Option<string[]>("--reason") { Description = "Only events rejected for this reason; may be given several times.", HelpName = "R" };
        reason.AcceptOnlyFromAmong([.. RejectionReasons.WireNames]);
        var since = Time("--since", "Only events of this time or later: ISO 8601, or how long ago such as 30m, 2h or 7d.");
        var until = Time("--until", "Only events before this time.");
        var limit = new Option<int?>("--limit") { Description = "Ends after this many events.", HelpName = "N" };
        limit.Validators.Add(given => CommonOptions.RequirePositive(given, "--limit"));
        var dryRun = new Option<bool>("--dry-run") { Description = "Prints what would be replayed, and sends nothing; list never does." };
        var command = new CliCommand(name, description, example) { reason, since, until, limit, dryRun };
        command.TreatUnmatchedTokensAsErrors = false;
        command.SetAction((parsed, stopping) => RunAsync(
            AppSettings.Load(parsed.UnmatchedTokens, "InputTopics", "OutputTopic"),
            new(parsed.GetValue(reason) ?? [], parsed.GetValue(since), parsed.GetValue(until), parsed.GetValue(limit)),
            replay && !parsed.GetValue(dryRun), stopping));
        return command;
    }

    /// <param name="replay">Send them back instead of printing them.</param>
    internal static async Task<int> RunAsync(AppSettings settings, Selection selection, bool replay, CancellationToken stopping)
    {
        using var topic = new DeadLetterTopic(settings.KafkaClients);
        await using var output = new BufferedStream(CommonOptions.OpenOutput(1), 1 << 16);
        var letters = topic.Read(Report, stopping).Where(selection.Takes);
        if (selection.Limit is { } limit) letters = letters.Take(limit);
        var count = 0;
        foreach (var letter in letters)
        {
            count++;
            if (replay)
            {
                topic.Replay(letter);
            }
            else
            {
                output.Write(letter.ToJson());
                output.WriteByte((byte)'\n');
            }
        }

        topic.Flush(stopping);
        if (replay) await Console.Error.WriteLineAsync($"mtlstream: {count} events replayed.");
        return ExitCodes.Done;
    }

    private static void Report(ForeignMessage message) => Console.Error.WriteLine(
        $"mtlstream: skipped {message.Topic} [{message.Partition}] at offset {message.Offset}: {message.Problem}");

    private static Option<DateTimeOffset?> Time(string name, string description) => new(name)
    {
        Description = description,
        HelpName = "T",
        CustomParser = given => ParseTime(given, TimeProvider.System),
    };

    /// <summary>ISO 8601 (UTC unless it says otherwise), or a time ago.</summary>
    private static DateTimeOffset? ParseTime(ArgumentResult given, TimeProvider time)
    {
        var text = given.Tokens.Single().Value;
        if (AgoPattern().Match(text) is { Success: true } ago)
        {
            var number = int.Parse(ago.Groups[1].Value, CultureInfo.InvariantCulture);
            return time.GetUtcNow() - (ago.Groups[2].Value switch
            {
                "s" => TimeSpan.FromSeconds(number),
                "m" => TimeSpan.FromMinutes(number),
                "h" => TimeSpan.FromHours(number),
                _ => TimeSpan.FromDays(number),
            });
        }

        if (DateTimeOffset.TryParse(text, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out var absolute)) return absolute;
        given.AddError($"'{text}' is no time: expected 2026-01-31T08:00:00Z, or how long ago such as 30m, 2h or 7d.");
        return null;
    }

    [GeneratedRegex("^([0-9]{1,6})([smhd])$")]
    private static partial Regex AgoPattern();
}
