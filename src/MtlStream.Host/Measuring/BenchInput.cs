using System.CommandLine;
using System.Text;
using MtlStream.Events;
using MtlStream.Host.Configuration;
using MtlStream.Host.Lines;

namespace MtlStream.Host.Measuring;

/// <summary>The lines that a measurement runs over, in memory.</summary>
internal static class BenchInput
{
    /// <exception cref="UsageException">The file cannot be read, has no lines, or none with a text.</exception>
    public static async Task<IReadOnlyList<byte[]>> ReadAsync(string path, InputOptions options, CancellationToken stopping)
    {
        var lines = new List<byte[]>();
        await using var reader = new LineReader(CommonOptions.OpenInput(path));
        while (await reader.ReadAsync(stopping) is { Count: > 0 } some) lines.AddRange(some.Where(l => l.Length > 0));
        if (lines.Count == 0) throw new UsageException($"{path} has no lines to measure with.");
        RequireText(path, lines, new(options));
        return lines;
    }

    private static void RequireText(string path, List<byte[]> lines, EventDecoder decoder)
    {
        Rejection? first = null;
        foreach (var line in lines)
        {
            if (decoder.TryDecode(new(default, null, line, [], -1, 0), out var decoded, out var rejection))
            {
                decoded.Dispose();
                return;
            }

            first ??= rejection;
        }

        throw new UsageException($"{path}: none of its {lines.Count} lines has a text to measure with; the first: {first!.Message}");
    }

    /// <summary>A line by its number, from the start again where there are fewer.</summary>
    public static byte[] At(this IReadOnlyList<byte[]> lines, long number) => lines[(int)(number % lines.Count)];

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

    public static long Utf8Bytes(TextEvent text) => Encoding.UTF8.GetByteCount(text.Text);

    public static Option<double> Seconds(double otherwise) => Positive(new Option<double>("--seconds")
    {
        Description = "About how long each measurement takes.",
        HelpName = "S",
        DefaultValueFactory = _ => otherwise,
    });

    public static Option<long> Events() => Positive(new Option<long>("--events")
    {
        Description = "Events of each measurement, in place of --seconds.",
        HelpName = "N",
    });

    public static Option<int> Repetitions() => Positive(new Option<int>("--repetitions")
    {
        Description = "Measurements of each figure, in turn with what it is compared with; their median is reported.",
        HelpName = "N",
        DefaultValueFactory = _ => 3,
    });

    private static Option<T> Positive<T>(Option<T> option)
    {
        option.Validators.Add(given => CommonOptions.RequirePositive(given, option.Name));
        return option;
    }

    /// <summary>Settings of a measurement: those of the command line over the defaults; files and environment are left out.</summary>
    public static AppSettings Settings(IEnumerable<string> arguments) => AppSettings.From(
        SettingsReader.Read(null, new Dictionary<string, string>(), arguments), "InputTopics", "OutputTopic", "DeadLetterTopic");

    /// <summary>Settings of a measurement of the worker: <c>--model</c> and <c>--device</c> where they are given.</summary>
    public static AppSettings Settings(IEnumerable<string> arguments, string model, string device) => Settings(
    [
        .. arguments, .. model.Length > 0 ? [$"--Model:Path={model}"] : Array.Empty<string>(),
        .. device != "auto" ? [$"--Model:Device={device}"] : Array.Empty<string>(),
    ]);

    /// <summary>The middle value, or the mean of the two in the middle.</summary>
    public static double Median(IEnumerable<double> values)
    {
        var sorted = values.Order().ToList();
        return sorted.Count % 2 == 1 ? sorted[sorted.Count / 2] : (sorted[(sorted.Count / 2) - 1] + sorted[sorted.Count / 2]) / 2;
    }
}
