using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using MtlStream.Events;
using MtlStream.Results;

namespace MtlStream.Learning.Review;

/// <summary>Reads questions from copies for review: messages of the review topic, or lines of a file.</summary>
public sealed class QuestionReader
{
    /// <summary>Members in which an envelope holds the object with the analysis.</summary>
    private static readonly string[] s_envelopes = ["data", "payload"];

    private readonly EventDecoder _decoder;

    /// <param name="input">How the worker reads its events: it says where the text is.</param>
    public QuestionReader(InputOptions input)
    {
        ArgumentNullException.ThrowIfNull(input);
        // A text by itself has become an object with a text.
        _decoder = new(input.Format == InputFormat.Text ? new InputOptions() : input);
    }

    /// <summary>The question that a copy asks.</summary>
    /// <param name="problem">Why there is none, without text of the event; null when there is one.</param>
    public ReviewQuestion? Read(SourceRecord copy, out string? problem)
    {
        ArgumentNullException.ThrowIfNull(copy);
        problem = "it has no value, expected a copy of a result.";
        if (copy.Payload is not { } payload) return null;
        if (!_decoder.TryDecode(copy, out var decoded, out var rejection))
        {
            problem = rejection.Message;
            return null;
        }

        problem = null;
        using (decoded)
        {
            using var parsed = Parse(payload);
            var analysis = parsed is null ? default : AnalysisOf(parsed.RootElement);
            return new(Header(copy, EventEncoder.ReviewEventHeader) ?? HashOf(payload), decoded.Text.ToString(), GivenIn(analysis))
            {
                Model = ModelOf(analysis),
                Unsure = [.. Parts(Header(copy, EventEncoder.ReviewHeader)).Select(p => p.Split('=')[0])],
                Reasons = Parts(Header(copy, EventEncoder.ReviewReasonsHeader)),
                Probability = ProbabilityIn(Header(copy, EventEncoder.ReviewProbabilityHeader)),
                Time = copy.Timestamp >= 0 ? DateTimeOffset.FromUnixTimeMilliseconds(copy.Timestamp) : null,
            };
        }
    }

    private static string HashOf(byte[] payload) => "sha256:" + Convert.ToHexStringLower(SHA256.HashData(payload))[..32];

    private static string? Header(SourceRecord copy, string name)
    {
        var value = copy.Headers.LastOrDefault(h => h.Key == name).Value;
        return value is null ? null : Encoding.UTF8.GetString(value);
    }

    private static string[] Parts(string? header) => header?.Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries) ?? [];

    private static double? ProbabilityIn(string? header) =>
        double.TryParse(header, NumberStyles.Float, CultureInfo.InvariantCulture, out var probability) && probability is > 0 and <= 1 ? probability : null;

    private static JsonDocument? Parse(byte[] payload)
    {
        try
        {
            return JsonDocument.Parse(payload);
        }
        catch (JsonException)
        {
            return null; // in a schema registry's frame, say: the text is known all the same
        }
    }

    /// <summary>The object <c>analysis</c>; undefined where there is none.</summary>
    private static JsonElement AnalysisOf(JsonElement root)
    {
        if (root.ValueKind != JsonValueKind.Object) return default;
        if (root.TryGetProperty("analysis", out var analysis)) return analysis;
        foreach (var envelope in s_envelopes)
        {
            if (root.TryGetProperty(envelope, out var inner) && inner.ValueKind == JsonValueKind.Object && inner.TryGetProperty("analysis", out analysis)) return analysis;
        }

        return default;
    }

    private static ModelName? ModelOf(JsonElement analysis)
    {
        if (analysis.ValueKind != JsonValueKind.Object || !analysis.TryGetProperty("model", out var model)) return null;
        return new(model.GetProperty("name").GetString()!, model.GetProperty("version").GetString()!);
    }

    private static Dictionary<string, IReadOnlyList<string>> GivenIn(JsonElement analysis)
    {
        var given = new Dictionary<string, IReadOnlyList<string>>();
        if (analysis.ValueKind != JsonValueKind.Object || !analysis.TryGetProperty("tasks", out var tasks)) return given;
        foreach (var task in tasks.EnumerateObject())
        {
            if (LabelsIn(task.Value) is { } labels) given[task.Name] = labels;
        }

        return given;
    }

    /// <summary>Null for a task that is neither about whole texts nor about spans.</summary>
    private static List<string>? LabelsIn(JsonElement said)
    {
        if (said.ValueKind != JsonValueKind.Object) return null;
        if (said.TryGetProperty("spans", out var spans) && spans.ValueKind == JsonValueKind.Array) return [.. spans.EnumerateArray().Select(SpanIn).OfType<string>()];
        if (said.TryGetProperty("label", out var label)) return label.ValueKind == JsonValueKind.String ? [label.GetString()!] : [];
        if (!said.TryGetProperty("labels", out var labels) || labels.ValueKind != JsonValueKind.Array) return null;
        return [.. labels.EnumerateArray().Select(l => l.GetProperty("label").GetString()!)];
    }

    /// <summary>Null for what is no span: the topic may be anybody's.</summary>
    private static string? SpanIn(JsonElement span)
    {
        if (span.ValueKind != JsonValueKind.Object || !span.TryGetProperty("label", out var label) || label.ValueKind != JsonValueKind.String) return null;
        if (!span.TryGetProperty("start", out var first) || first.ValueKind != JsonValueKind.Number || !first.TryGetInt32(out var start)) return null;
        if (!span.TryGetProperty("end", out var last) || last.ValueKind != JsonValueKind.Number || !last.TryGetInt32(out var end)) return null;
        return SpanLabel.Of(new(start, end, label.GetString()!));
    }
}
