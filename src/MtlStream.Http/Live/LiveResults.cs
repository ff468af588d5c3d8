using System.Text.Json;
using MtlStream.Events;

namespace MtlStream.Http.Live;

/// <summary>The newest results of the stream: as they are, or their shape where texts are hidden. Thread-safe.</summary>
/// <param name="pointer">Where the text of an event is.</param>
internal sealed class LiveResults(bool showTexts, string pointer)
{
    private const int Most = 4;
    private const int MostBytes = 64 << 10;
    private const int MostCharacters = 2000;

    private readonly Queue<byte[]> _newest = new(Most + 1);
    private readonly Lock _gate = new();

    /// <summary>Takes note of a result. Never waits for anything.</summary>
    public void Take(OutboundRecord result)
    {
        if (result.WithoutText || result.Payload is not { Length: <= MostBytes } payload) return;
        lock (_gate)
        {
            _newest.Enqueue(payload);
            if (_newest.Count > Most) _newest.Dequeue();
        }
    }

    /// <summary>The last ones that <see cref="Look"/> gave.</summary>
    public IReadOnlyList<object> Kept { get; private set; } = [];

    /// <summary>What came since the last call, newest last, ready to be written as JSON.</summary>
    public IReadOnlyList<object> Look()
    {
        byte[][] taken;
        lock (_gate)
        {
            taken = [.. _newest];
            _newest.Clear();
        }

        IReadOnlyList<object> found = [.. taken.Select(Read).OfType<object>()];
        Kept = [.. Kept.Concat(found).TakeLast(Most)];
        return found;
    }

    private object? Read(byte[] payload)
    {
        try
        {
            var root = JsonSerializer.Deserialize<JsonElement>(payload);
            if (!root.TryGetProperty("analysis", out var analysis) || !analysis.TryGetProperty("tasks", out var tasks)) return null; // in an envelope
            if (showTexts && TextOf(root) is { } text) return new { text, tasks };
            return new { shape = tasks.EnumerateObject().ToDictionary(task => task.Name, task => Shape(task.Value)) };
        }
        catch (Exception exception) when (exception is JsonException or InvalidOperationException)
        {
            return null; // one of several events in a message, for instance
        }
    }

    private string? TextOf(JsonElement root)
    {
        var at = root;
        foreach (var step in pointer.Split('/').Skip(1))
        {
            if (at.ValueKind != JsonValueKind.Object || !at.TryGetProperty(step, out at)) return null;
        }

        return at.ValueKind == JsonValueKind.String && at.GetString() is { Length: <= MostCharacters } text ? text : null;
    }

    /// <summary>Labels without a word of the text.</summary>
    private static string[] Shape(JsonElement answer)
    {
        foreach (var several in new[] { "labels", "spans", "tags" })
        {
            if (answer.TryGetProperty(several, out var found))
                return [.. found.EnumerateArray().Select(l => l.GetProperty("label").GetString()!).CountBy(l => l).Select(l => l.Value == 1 ? l.Key : $"{l.Key} × {l.Value}")];
        }

        return answer.TryGetProperty("label", out var label) ? [label.GetString() ?? "none"] : [];
    }
}
