using System.Text.Json;
using MtlStream.Events;

namespace MtlStream.Host.Pictures;

/// <summary>Finds texts and their analyses in results, whatever the form of the event.</summary>
/// <param name="input">As the pipeline reads it, so that ranges count in the same text.</param>
internal sealed class AnnotatedRecords(InputOptions input)
{
    private static readonly JsonDocumentOptions s_deep = new() { MaxDepth = 1000 };

    private readonly EventDecoder _decoder = new(input);

    /// <summary>The texts of a result in their order; none where the event had no text and was passed on.</summary>
    public IReadOnlyList<AnnotatedText> Of(OutboundRecord result)
    {
        if (result.WithoutText || result.Payload is null || result.Source.Payload is null) return [];
        var decoded = _decoder.Decode(result.Source);
        using var document = JsonDocument.Parse(result.Payload, s_deep);
        if (decoded.Event is { } one) return Read(one, document.RootElement) is { } text ? [text] : [];
        var texts = new List<AnnotatedText>();
        foreach (var part in decoded.Events ?? [])
        {
            if (Read(part, document.RootElement[part.Part!.Index]) is { } read) texts.Add(read);
        }

        return texts;
    }

    private static AnnotatedText? Read(TextEvent decoded, JsonElement answer)
    {
        using (decoded) return Analysis(answer) is { } analysis ? AnnotatedText.Of(decoded.Text.ToString(), analysis) : null;
    }

    /// <summary>The analysis that is nearest to the root: an event may carry older ones of other events inside.</summary>
    private static JsonElement? Analysis(JsonElement root)
    {
        var waiting = new Queue<JsonElement>([root]);
        while (waiting.TryDequeue(out var at))
        {
            if (at.ValueKind != JsonValueKind.Object) continue;
            if (at.TryGetProperty("analysis", out var found) && IsOurs(found)) return found;
            foreach (var member in at.EnumerateObject()) waiting.Enqueue(member.Value);
        }

        return null;
    }

    private static bool IsOurs(JsonElement found) =>
        found.ValueKind == JsonValueKind.Object && found.TryGetProperty("schema", out var schema) && schema.ValueEquals("enriched-event.v1");
}
