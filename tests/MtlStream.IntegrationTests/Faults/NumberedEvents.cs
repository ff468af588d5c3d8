using System.Globalization;
using System.Security.Cryptography;
using System.Text.Json;
using System.Text;
using Confluent.Kafka;
using MtlStream.IntegrationTests.Kafka;

namespace MtlStream.IntegrationTests.Faults;

/// <summary>Numbered events with checksums, and the account of what became of every number.</summary>
/// <remarks>Event n goes to partition n modulo the partitions, keyless, so that its result goes to the partition of the same number.</remarks>
internal static class NumberedEvents
{
    /// <summary>Every so many events one is poisonous: no JSON at all. Its dead letter must carry its bytes.</summary>
    private const int PoisonEvery = 397;

    /// <summary>Every so many events the text is one that a model under test refuses.</summary>
    private const int RefusedEvery = 613;

    /// <summary>Whether a model that refuses texts with this word refuses the event.</summary>
    public const string RefusedWord = "indigestible";

    private static bool IsRefusedByModel(int number) => number % RefusedEvery == RefusedEvery - 1;

    public static bool IsPoison(int number) => number % PoisonEvery == PoisonEvery - 1;

    public static byte[] Payload(int number)
    {
        if (IsPoison(number)) return Encoding.UTF8.GetBytes($"poison {number}");
        var text = Text(number);
        return Encoding.UTF8.GetBytes($"{{\"id\":{number},\"sum\":\"{Sum(number, text)}\",\"text\":\"{text}\"}}");
    }

    /// <summary>Writes numbers [from, to) evenly over a time; returns when all of them are acknowledged.</summary>
    public static async Task WriteAsync(string bootstrapServers, string topic, int partitions, int count, TimeSpan over, CancellationToken stopping)
    {
        using var topics = new Topics(bootstrapServers);
        var started = TimeProvider.System.GetTimestamp();
        for (var number = 0; number < count; number++)
        {
            topics.Write(new(topic, number % partitions), new() { Value = Payload(number) });
            if (number % 100 != 0) continue;
            var ahead = over * ((double)number / count) - TimeProvider.System.GetElapsedTime(started);
            if (ahead > TimeSpan.FromMilliseconds(5)) await Task.Delay(ahead, stopping);
        }

        topics.Flush();
    }

    /// <summary>Reads both output topics, committed data only, and accounts for every number.</summary>
    /// <param name="modelRefuses">True when the model refused the texts with <see cref="RefusedWord"/>: they must be dead letters.</param>
    public static Account Verify(string bootstrapServers, string output, string letters, int count, bool modelRefuses = false)
    {
        using var topics = new Topics(bootstrapServers);
        var seen = new byte[count];
        var account = new Account();
        bool IsLetter(int number) => IsPoison(number) || (modelRefuses && IsRefusedByModel(number));
        Take(topics, output, count, seen, account, (number, message) => IsLetter(number) || AlteredResult(number, message));
        Take(topics, letters, count, seen, account, (number, message) => !IsLetter(number) || AlteredLetter(number, message));
        account.Lost = seen.Count(s => s == 0);
        account.FirstLost = [.. Enumerable.Range(0, count).Where(n => seen[n] == 0).Take(10)];
        account.Duplicated = seen.Count(s => s > 1);
        return account;
    }

    private static void Take(Topics topics, string topic, int count, byte[] seen, Account account, Func<int, ConsumeResult<byte[]?, byte[]?>, bool> altered)
    {
        var newest = new Dictionary<int, int>(); // highest number so far, per partition
        topics.ReadEach(topic, message =>
        {
            account.Messages++;
            if (NumberOf(message.Message.Value) is not { } number || number < 0 || number >= count || altered(number, message))
            {
                account.Altered++;
                return;
            }

            var before = newest.GetValueOrDefault(message.Partition.Value, -1);
            // Out of order only if it is new: what comes again behind a redelivery is a duplicate.
            if (seen[number] == 0 && number < before) account.Reordered++;
            newest[message.Partition.Value] = Math.Max(before, number);
            if (seen[number] < byte.MaxValue) seen[number]++;
        });
    }

    private static bool AlteredResult(int number, ConsumeResult<byte[]?, byte[]?> message)
    {
        var value = message.Message.Value!;
        var original = Payload(number);
        if (value.Length < original.Length || !value.AsSpan(0, original.Length - 1).SequenceEqual(original.AsSpan(0, original.Length - 1))) return true;
        using var json = JsonDocument.Parse(value);
        return json.RootElement.GetProperty("sum").GetString() != Sum(number, Text(number))
            || !json.RootElement.TryGetProperty("analysis", out _);
    }

    private static bool AlteredLetter(int number, ConsumeResult<byte[]?, byte[]?> message) =>
        !message.Message.Value.AsSpan().SequenceEqual(Payload(number));

    private static int? NumberOf(byte[]? value)
    {
        try
        {
            var text = Encoding.UTF8.GetString(value ?? []);
            if (text.StartsWith("poison ", StringComparison.Ordinal)) return int.Parse(text.AsSpan(7), CultureInfo.InvariantCulture);
            using var json = JsonDocument.Parse(text);
            return json.RootElement.GetProperty("id").GetInt32();
        }
        catch (Exception exception) when (exception is JsonException or FormatException or InvalidOperationException or KeyNotFoundException)
        {
            return null;
        }
    }

    private static string Text(int number) => $"Event {number} of the campaign, {(number * 2654435761L % 9973).ToString(CultureInfo.InvariantCulture)} {(IsRefusedByModel(number) ? RefusedWord : "words")} later.";

    private static string Sum(int number, string text) => Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes($"{number}:{text}")).AsSpan(0, 8));
}

/// <summary>What became of the events.</summary>
internal sealed class Account
{
    public long Messages { get; set; }
    public int Lost { get; set; }
    public IReadOnlyList<int> FirstLost { get; set; } = [];
    public int Duplicated { get; set; }
    public int Altered { get; set; }

    /// <summary>Numbers that first came after a higher one of their partition.</summary>
    public int Reordered { get; set; }
}
