using System.CommandLine.Parsing;
using System.CommandLine;
using System.Globalization;
using System.Runtime.InteropServices;
using System.Text;
using System.Text.RegularExpressions;
using MtlStream.Events;
using MtlStream.Host.Configuration;
using MtlStream.Kafka;

namespace MtlStream.Host;

/// <summary><c>mtlstream dead-letters list|replay</c>: what was rejected, and giving it another try.</summary>
internal static partial class DeadLettersCommand
{
    /// <summary>How long a replay that fails or is stopped waits for what is on its way.</summary>
    private static readonly TimeSpan s_lastWait = TimeSpan.FromSeconds(5);

    /// <param name="Reasons">As the header spells them; empty for all.</param>
    /// <param name="Since">When it was rejected, which may be long after the event's own time; null for no bound.</param>
    /// <param name="From">Where to begin, by partition of the dead-letter topic.</param>
    internal sealed record Selection(
        IReadOnlyList<string> Reasons, DateTimeOffset? Since, DateTimeOffset? Until, IReadOnlyDictionary<int, long> From, int? Limit)
    {
        /// <summary>Prints how many there are for each reason, instead of them.</summary>
        public bool Counts { get; init; }

        /// <summary>One letter by its place; null for all.</summary>
        public (int Partition, long Offset)? At { get; init; }

        /// <summary>What can be replayed, instead of all; see <see cref="ReplaySelection"/>.</summary>
        public bool Replay { get; init; }

        /// <summary>Also what was replayed before.</summary>
        public bool Again { get; init; }

        public bool Takes(StoredLetter stored) => (At is null || At == (stored.Partition, stored.Offset))
            && (Reasons.Count == 0 || Reasons.Contains(stored.Letter.Reason.WireName()))
            && (Since is null || stored.Rejected >= Since.Value.ToUnixTimeMilliseconds())
            && (Until is null || stored.Rejected < Until.Value.ToUnixTimeMilliseconds());
    }

    public static Command Build() => new CliCommand(
        "dead-letters", "Lists rejected events, or sends them back to where they came from.",
        "mtlstream dead-letters list --Kafka:DeadLetterTopic=comments-rejected --reason malformed_payload",
        "mtlstream dead-letters replay --Kafka:DeadLetterTopic=comments-rejected --since 2h --dry-run")
    {
        Build(
            "list", "Prints the dead-letter topic as dead-letter.v1 lines; rejected is when each came there, in milliseconds since 1970. Settings as for run; of the topics only Kafka:DeadLetterTopic is needed.",
            replay: false, "mtlstream dead-letters list --Kafka:BootstrapServers=localhost:9092 --Kafka:DeadLetterTopic=comments-rejected --limit 10"),
        Build(
            "replay", "Produces events of the dead-letter topic again, to the topic each came from, with their original key, headers and bytes. They stay in the dead-letter topic, with a mark: another replay leaves them out unless --again is given.",
            replay: true, "mtlstream dead-letters replay --Kafka:DeadLetterTopic=comments-rejected --reason inference_failed --since 2026-01-31T08:00:00Z"),
    };

    private static CliCommand Build(string name, string description, bool replay, string example)
    {
        var reason = new Option<string[]>("--reason") { Description = "Only events rejected for this reason; may be given several times.", HelpName = "R" };
        reason.AcceptOnlyFromAmong([.. RejectionReasons.WireNames]);
        var since = Time("--since", "Only events rejected at this time or later: ISO 8601, or how long ago such as 30m, 2h or 7d.");
        var until = Time("--until", "Only events rejected before this time.");
        var from = new Option<IReadOnlyDictionary<int, long>>("--from")
        {
            Description = "Begins at these offsets of the dead-letter topic: what a replay that was cut off says, to go on from there.",
            HelpName = "PARTITION:OFFSET,...",
            Arity = ArgumentArity.ExactlyOne,
            CustomParser = ParsePlaces,
        };
        var limit = new Option<int?>("--limit") { Description = "Ends after this many events.", HelpName = "N" };
        limit.Validators.Add(given => CommonOptions.RequirePositive(given, "--limit"));
        var at = new Option<IReadOnlyDictionary<int, long>>("--at")
        {
            Description = "Only the letter at this place of the dead-letter topic, as list tells it in \"stored\".",
            HelpName = "PARTITION:OFFSET",
            Arity = ArgumentArity.ExactlyOne,
            CustomParser = ParsePlace,
        };
        var counts = new Option<bool>("--counts") { Description = "Prints how many there are for each reason, instead of them." };
        var dryRun = new Option<bool>("--dry-run") { Description = "Prints what would be replayed, and sends nothing; list never does." };
        var command = new CliCommand(name, description, example) { reason, since, until, from, at, limit, dryRun, SettingsLookup.Config, SettingsLookup.Secrets };
        var again = new Option<bool>("--again") { Description = "Also events that were replayed before." };
        command.Add(replay ? again : counts);
        command.TreatUnmatchedTokensAsErrors = false;
        command.SetAction((parsed, stopping) => RunAsync(
            AppSettings.Load(parsed, "InputTopics", "OutputTopic"),
            new(parsed.GetValue(reason) ?? [], parsed.GetValue(since), parsed.GetValue(until), parsed.GetValue(at) ?? parsed.GetValue(from) ?? new Dictionary<int, long>(), parsed.GetValue(limit))
            {
                Counts = !replay && parsed.GetValue(counts),
                At = parsed.GetValue(at)?.Select(a => ((int, long)?)(a.Key, a.Value)).Single(),
                Replay = replay,
                Again = replay && parsed.GetValue(again),
            },
            replay && !parsed.GetValue(dryRun), stopping));
        return command;
    }

    /// <param name="send">Send them back instead of printing them.</param>
    internal static async Task<int> RunAsync(AppSettings settings, Selection selection, bool send, CancellationToken stopping)
    {
        using var topic = new DeadLetterTopic(settings.KafkaClients);
        await using var output = new BufferedStream(CommonOptions.OpenOutput(1), 1 << 16);
        var skipped = new ReplaySelection(selection.Again);
        var letters = topic.Read(selection.Since, selection.From, Report, stopping).Where(selection.Takes);
        if (selection.Replay) letters = letters.Where(skipped.Takes);
        if (selection.Limit is { } limit) letters = letters.Take(limit);
        if (send) await ReplayAsync(topic, letters, selection, stopping);
        else if (selection.Counts) Count(letters, output);
        else Print(letters, output);
        foreach (var line in skipped.Lines) await Console.Error.WriteLineAsync($"mtlstream: {line}");
        return ExitCodes.Done;
    }

    private static void Print(IEnumerable<StoredLetter> letters, Stream output)
    {
        foreach (var stored in letters)
        {
            output.Write(stored.Letter.ToJson(stored.Rejected, (stored.Partition, stored.Offset), stored.Replayed));
            output.WriteByte((byte)'\n');
        }
    }

    private static void Count(IEnumerable<StoredLetter> letters, Stream output)
    {
        var counts = new Dictionary<RejectionReason, (int Letters, int Replayed)>();
        foreach (var stored in letters)
        {
            ref var count = ref CollectionsMarshal.GetValueRefOrAddDefault(counts, stored.Letter.Reason, out _);
            count.Letters++;
            if (stored.Replayed is not null) count.Replayed++;
        }

        foreach (var (reason, count) in counts.OrderByDescending(c => c.Value.Letters))
            output.Write(Encoding.UTF8.GetBytes($"{{\"reason\":\"{reason.WireName()}\",\"letters\":{count.Letters},\"replayed\":{count.Replayed}}}\n"));
    }

    private static async Task ReplayAsync(DeadLetterTopic topic, IEnumerable<StoredLetter> letters, Selection selection, CancellationToken stopping)
    {
        try
        {
            foreach (var stored in letters) topic.Replay(stored, stopping);
            topic.Flush(stopping);
        }
        catch (Exception exception) when (exception is IOException or OperationCanceledException && topic.Sent > 0)
        {
            topic.Flush(s_lastWait);
            await MarkAsync(topic);
            await Console.Error.WriteLineAsync(
                $"mtlstream: {topic.Delivered} of {topic.Sent} events were delivered. To go on: the same command with {Rest(topic, selection)}; of those delivered, few are sent again.");
            throw;
        }

        await MarkAsync(topic);
        await Console.Error.WriteLineAsync($"mtlstream: {topic.Delivered} events replayed.");
    }

    // Events that were sent stay sent: without their mark they may only be sent again.
    private static async Task MarkAsync(DeadLetterTopic topic)
    {
        try
        {
            topic.Mark(s_lastWait);
        }
        catch (IOException exception)
        {
            await Console.Error.WriteLineAsync(
                $"mtlstream: the letters could not be marked as replayed, so another replay sends them again: {exception.Message}. Expected the right to write to the dead-letter topic.");
        }
    }

    /// <summary>The options that choose what is left. Times ago would be others by then.</summary>
    private static string Rest(DeadLetterTopic topic, Selection selection)
    {
        var rest = "--from " + string.Join(',', topic.Rest.OrderBy(r => r.Key).Select(r => $"{r.Key}:{r.Value}"));
        if (selection.Since is { } since) rest += $" --since {Utc(since)}";
        if (selection.Until is { } until) rest += $" --until {Utc(until)}";
        if (selection.Again) rest += " --again";
        if (selection.Limit is { } limit) rest += $" --limit {Math.Max(1, limit - topic.Delivered)}";
        return rest;

        static string Utc(DateTimeOffset time) => time.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss.fff'Z'", CultureInfo.InvariantCulture);
    }

    private static void Report(ForeignMessage message) => Console.Error.WriteLine(
        $"mtlstream: skipped {message.Topic} [{message.Partition}] at offset {message.Offset}: {message.Problem}");

    private static Option<DateTimeOffset?> Time(string name, string description) => new(name)
    {
        Description = description,
        HelpName = "T",
        CustomParser = given => ParseTime(given, TimeProvider.System),
    };

    private static Dictionary<int, long>? ParsePlace(ArgumentResult given)
    {
        var place = ParsePlaces(given);
        if (place is not { Count: > 1 }) return place;
        given.AddError($"found {place.Count} places, expected one such as 0:1200.");
        return null;
    }

    private static Dictionary<int, long>? ParsePlaces(ArgumentResult given)
    {
        var places = new Dictionary<int, long>();
        var text = given.Tokens.Single().Value;
        foreach (var place in text.Split(','))
        {
            if (place.Split(':') is [var partition, var offset] && int.TryParse(partition, NumberStyles.None, CultureInfo.InvariantCulture, out var number)
                && long.TryParse(offset, NumberStyles.None, CultureInfo.InvariantCulture, out var start) && places.TryAdd(number, start)) continue;
            given.AddError($"'{text}' names no places: expected a partition and an offset each, such as 0:1200,1:0.");
            return null;
        }

        return places;
    }

    /// <summary>ISO 8601 (UTC unless it says otherwise), or a time ago.</summary>
    private static DateTimeOffset? ParseTime(ArgumentResult given, TimeProvider time)
    {
        var text = given.Tokens.Single().Value;
        if (AgoPattern().Match(text) is { Success: true } ago)
        {
            var number = int.Parse(ago.Groups[1].Value, CultureInfo.InvariantCulture);
            var back = ago.Groups[2].Value switch
            {
                "s" => TimeSpan.FromSeconds(number),
                "m" => TimeSpan.FromMinutes(number),
                "h" => TimeSpan.FromHours(number),
                _ => TimeSpan.FromDays(number),
            };
            var now = time.GetUtcNow();
            return back < now - DateTimeOffset.UnixEpoch ? now - back : DateTimeOffset.UnixEpoch; // no message is older
        }

        if (DateTimeOffset.TryParse(text, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out var absolute)) return absolute;
        given.AddError($"'{text}' is no time: expected 2026-01-31T08:00:00Z, or how long ago such as 30m, 2h or 7d.");
        return null;
    }

    [GeneratedRegex("^([0-9]{1,6})([smhd])$")]
    private static partial Regex AgoPattern();
}
