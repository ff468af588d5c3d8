using System.Globalization;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace MtlStream.Learning.Review;

/// <summary>What a person said of a text, and when: <c>schemas/review-answer.v1.json</c>. It holds no text.</summary>
/// <param name="Question">Id of the question.</param>
/// <param name="Labels">The true labels, none where none fits; null where the person could not tell. Of spans as <see cref="SpanLabel"/> writes them.</param>
/// <param name="By">Who.</param>
public sealed record ReviewAnswer(string Question, string Task, IReadOnlyList<string>? Labels, string By, DateTimeOffset At)
{
    private const string Schema = "review-answer.v1";

    private static readonly JsonSerializerOptions s_line = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <summary>The labels that the model gave; null where it gave none, as for a task that it does not have yet.</summary>
    public IReadOnlyList<string>? Given { get; init; }

    public ModelName? Model { get; init; }

    /// <summary>As <see cref="ReviewQuestion.Probability"/>.</summary>
    public double? Probability { get; init; }

    /// <summary>As <see cref="ReviewQuestion.Time"/>.</summary>
    public DateTimeOffset? EventTime { get; init; }

    /// <summary>True when the person took the answer before back.</summary>
    public bool Withdrawn { get; init; }

    /// <summary>Share of rightness of what the model gave: all labels right, or not. Null where that cannot be told.</summary>
    public bool? ModelIsRight => Given is null || Labels is null ? null : Given.Order(StringComparer.Ordinal).SequenceEqual(Labels.Order(StringComparer.Ordinal));

    /// <summary>Key of the message: a later answer of the same person to the same question takes the earlier one's place.</summary>
    public string Key => $"{Question}|{Task}|{By}";

    /// <summary>One line of JSON, without its end.</summary>
    public string ToJson()
    {
        var json = new JsonObject
        {
            ["schema"] = Schema,
            ["question"] = Question,
            ["task"] = Task,
            ["labels"] = Array(Labels),
            ["by"] = By,
            ["at"] = Text(At),
        };
        if (Given is not null) json["given"] = Array(Given);
        if (Model is { } model) json["model"] = new JsonObject { ["name"] = model.Name, ["version"] = model.Version };
        if (Probability is { } probability) json["probability"] = probability;
        if (EventTime is { } time) json["eventTime"] = Text(time);
        if (Withdrawn) json["withdrawn"] = true;
        return json.ToJsonString(s_line);

        static JsonArray? Array(IReadOnlyList<string>? labels) => labels is null ? null : [.. labels.Select(l => JsonValue.Create(l))];

        static string Text(DateTimeOffset time) => time.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss.fff'Z'", CultureInfo.InvariantCulture);
    }

    /// <exception cref="FormatException">It is no answer; says which member is missing or wrong.</exception>
    public static ReviewAnswer Parse(ReadOnlySpan<byte> json)
    {
        var reader = new Utf8JsonReader(json);
        try
        {
            using var parsed = JsonDocument.ParseValue(ref reader);
            var root = parsed.RootElement;
            if (root.ValueKind != JsonValueKind.Object) throw new FormatException("found no JSON object, expected an answer.");
            if (Text(root, "schema") != Schema) throw new FormatException($"schema: expected {Schema}.");
            var model = root.TryGetProperty("model", out var named) ? named : default;
            return new(Text(root, "question"), Text(root, "task"), LabelList(root, "labels"), Text(root, "by"), Time(root, "at"))
            {
                Given = root.TryGetProperty("given", out _) ? LabelList(root, "given") : null,
                Model = model.ValueKind == JsonValueKind.Object ? new(Text(model, "name"), Text(model, "version")) : null,
                Probability = root.TryGetProperty("probability", out _) ? Share(root, "probability") : null,
                EventTime = root.TryGetProperty("eventTime", out _) ? Time(root, "eventTime") : null,
                Withdrawn = root.TryGetProperty("withdrawn", out var withdrawn) && withdrawn.ValueKind == JsonValueKind.True,
            };
        }
        catch (JsonException exception)
        {
            throw new FormatException($"it is not JSON, at byte {exception.BytePositionInLine + 1}.", exception);
        }
    }

    private static string Text(JsonElement parent, string name) =>
        parent.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.String && value.GetString() is { Length: > 0 } text
            ? text : throw new FormatException($"{name}: expected a text.");

    private static List<string>? LabelList(JsonElement parent, string name)
    {
        if (!parent.TryGetProperty(name, out var labels)) throw new FormatException($"{name}: expected a list of labels, or null.");
        if (labels.ValueKind == JsonValueKind.Null) return null;
        if (labels.ValueKind != JsonValueKind.Array || labels.EnumerateArray().Any(l => l.ValueKind != JsonValueKind.String))
            throw new FormatException($"{name}: expected a list of labels, or null.");
        return [.. labels.EnumerateArray().Select(l => l.GetString()!)];
    }

    private static DateTimeOffset Time(JsonElement parent, string name) =>
        DateTimeOffset.TryParse(Text(parent, name), CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out var time)
            ? time : throw new FormatException($"{name}: expected a time such as 2026-01-31T08:00:00Z.");

    private static double Share(JsonElement parent, string name) =>
        parent.GetProperty(name) is { ValueKind: JsonValueKind.Number } value && value.GetDouble() is > 0 and <= 1 and var share
            ? share : throw new FormatException($"{name}: expected a number above 0 to 1.");
}
