using System.CommandLine;
using System.Text;
using MtlStream.Events;
using MtlStream.Host.Configuration;
using MtlStream.Host.Lines;
using MtlStream.Tokenization;

namespace MtlStream.Host.Measuring;

/// <summary>The lines that a measurement runs over, in memory.</summary>
internal static class BenchInput
{
    /// <exception cref="UsageException">The file cannot be read or has no lines.</exception>
    public static async Task<IReadOnlyList<byte[]>> ReadAsync(string path, CancellationToken stopping)
    {
        var lines = new List<byte[]>();
        await using var reader = new LineReader(CommonOptions.OpenInput(path));
        while (await reader.ReadAsync(stopping) is { Count: > 0 } some) lines.AddRange(some);
        return lines.Count > 0 ? lines : throw new UsageException($"{path} has no lines to measure with.");
    }

    /// <summary>As many lines as asked for, from the start again when there are fewer.</summary>
    public static IReadOnlyList<byte[]> Take(IReadOnlyList<byte[]> lines, int count) => [.. Enumerable.Range(0, count).Select(i => lines[i % lines.Count])];

    /// <summary>The texts of those lines that have one.</summary>
    public static List<TextEvent> Decode(IEnumerable<byte[]> lines, InputOptions options)
    {
        var decoder = new EventDecoder(options);
        var events = new List<TextEvent>();
        foreach (var line in lines)
        {
            if (decoder.TryDecode(new(default, null, line, [], -1, 0), out var decoded, out _)) events.Add(decoded);
        }

        return events;
    }

    /// <summary>Those lines as rows of the model, windows of long texts included.</summary>
    public static List<TokenizedEvent> Tokenize(IEnumerable<byte[]> lines, InputOptions options, TextTokenizer tokenizer) =>
        [.. Decode(lines, options).Select(e => new TokenizedEvent(e, tokenizer.Tokenize(e.Text)))];

    public static long Utf8Bytes(TextEvent text) => Encoding.UTF8.GetByteCount(text.Text);

    public static Option<double> Seconds(double otherwise) => new("--seconds")
    {
        Description = "About how long each measurement takes.", HelpName = "S", DefaultValueFactory = _ => otherwise,
    };

    public static Option<int> Repetitions() => new("--repetitions")
    {
        Description = "Measurements of each figure; their median is reported.", HelpName = "N", DefaultValueFactory = _ => 3,
    };

    /// <summary>Settings of a measurement: those of the command line over the defaults; files and environment are left out.</summary>
    public static AppSettings Settings(IEnumerable<string> arguments) => AppSettings.From(
        SettingsReader.Read(null, new Dictionary<string, string>(), arguments), "InputTopics", "OutputTopic", "DeadLetterTopic");

    public static double Median(IEnumerable<double> values)
    {
        var sorted = values.Order().ToList();
        return sorted.Count % 2 == 1 ? sorted[sorted.Count / 2] : (sorted[(sorted.Count / 2) - 1] + sorted[sorted.Count / 2]) / 2;
    }
}
