using MtlStream.Events;

namespace MtlStream.Bench;

/// <summary>The lines that a measurement runs over, in memory.</summary>
internal static class BenchInput
{
    /// <param name="name">What messages call the input.</param>
    /// <param name="input">Lines, plain or gzipped; disposed.</param>
    /// <exception cref="UsageException">It has no lines, or none with a text.</exception>
    public static async Task<IReadOnlyList<byte[]>> ReadAsync(string name, Stream input, InputOptions options, CancellationToken stopping)
    {
        var lines = new List<byte[]>();
        await using var reader = new LineReader(input);
        while (await reader.ReadAsync(stopping) is { Count: > 0 } some) lines.AddRange(some.Where(l => l.Length > 0));
        if (lines.Count == 0) throw new UsageException($"{name} has no lines to measure with.");
        RequireText(name, lines, new(options));
        return lines;
    }

    private static void RequireText(string name, List<byte[]> lines, EventDecoder decoder)
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

        throw new UsageException($"{name}: none of its {lines.Count} lines has a text to measure with; the first: {first!.Message}");
    }

    /// <summary>A line by its number, from the start again where there are fewer.</summary>
    public static byte[] At(this IReadOnlyList<byte[]> lines, long number)
    {
        return lines[(int)(number % lines.Count)];
    }

    /// <summary>So many lines, counted from the one with a number, from the start again where there are fewer.</summary>
    public static IEnumerable<byte[]> Range(this IReadOnlyList<byte[]> lines, long first, long count)
    {
        for (var number = first; number < first + count; number++) yield return lines.At(number);
    }

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

    /// <summary>The middle value, or the mean of the two in the middle.</summary>
    public static double Median(IEnumerable<double> values)
    {
        var sorted = values.Order().ToList();
        return sorted.Count % 2 == 1 ? sorted[sorted.Count / 2] : (sorted[(sorted.Count / 2) - 1] + sorted[sorted.Count / 2]) / 2;
    }
}
