using System.Text.Json;
using System.Text.RegularExpressions;

namespace MtlStream.Tests.Schemas;

/// <summary>Checks values against JSON Schema 2020-12, as far as the project's schemas use it.</summary>
/// <remarks>A keyword that it does not know makes loading fail, so that no rule is passed over in silence.</remarks>
internal sealed class JsonSchema
{
    private const string Dialect = "https://json-schema.org/draft/2020-12/schema";

    private static readonly string[] Annotations = ["$schema", "$id", "$defs", "title", "description", "contentEncoding"];

    private static readonly string[] Assertions =
    [
        "$ref", "type", "const", "enum", "required", "properties", "additionalProperties", "minProperties", "items", "minItems", "maxItems", "uniqueItems",
        "minLength", "pattern", "minimum", "maximum", "exclusiveMinimum", "oneOf", "allOf", "if", "then", "else",
    ];

    private readonly JsonElement _root;

    /// <exception cref="InvalidDataException">The schema is of another dialect, or uses what is not known here.</exception>
    public JsonSchema(JsonElement root)
    {
        _root = root;
        if (!root.TryGetProperty("$schema", out var dialect) || dialect.GetString() != Dialect)
            throw new InvalidDataException($"Expected \"$schema\": \"{Dialect}\".");
        CheckKeywords(root);
    }

    /// <summary>What is wrong with a value, each problem with its place; empty when it is valid.</summary>
    public IReadOnlyList<string> Problems(JsonElement value) => [.. Check(_root, value, "")];

    private void CheckKeywords(JsonElement schema)
    {
        if (schema.ValueKind is JsonValueKind.True or JsonValueKind.False) return;
        foreach (var keyword in schema.EnumerateObject())
        {
            if (!Annotations.Contains(keyword.Name) && !Assertions.Contains(keyword.Name))
                throw new InvalidDataException($"Unknown keyword \"{keyword.Name}\".");
            switch (keyword.Name)
            {
                case "$ref": _ = Resolve(keyword.Value.GetString()!); break;
                case "properties" or "$defs":
                    foreach (var inner in keyword.Value.EnumerateObject()) CheckKeywords(inner.Value);
                    break;
                case "oneOf" or "allOf":
                    foreach (var inner in keyword.Value.EnumerateArray()) CheckKeywords(inner);
                    break;
                case "additionalProperties" or "items" or "if" or "then" or "else": CheckKeywords(keyword.Value); break;
                default: break;
            }
        }
    }

    private IEnumerable<string> Check(JsonElement schema, JsonElement value, string at)
    {
        if (schema.ValueKind == JsonValueKind.True) return [];
        if (schema.ValueKind == JsonValueKind.False) return [$"{at}: not allowed"];
        return schema.EnumerateObject().SelectMany(keyword => Check(schema, keyword.Name, keyword.Value, value, at));
    }

    private IEnumerable<string> Check(JsonElement schema, string keyword, JsonElement rule, JsonElement value, string at)
    {
        switch (keyword)
        {
            case "$ref": return Check(Resolve(rule.GetString()!), value, at);
            case "const": return Require(JsonElement.DeepEquals(rule, value), at, $"is not {rule}");
            case "enum": return Require(rule.EnumerateArray().Any(r => JsonElement.DeepEquals(r, value)), at, $"is none of {rule}");
            case "type":
                var isOfType = rule.ValueKind == JsonValueKind.Array ? rule.EnumerateArray().Any(r => HasType(value, r)) : HasType(value, rule);
                return Require(isOfType, at, $"is not of type {rule}");
            case "allOf": return rule.EnumerateArray().SelectMany(r => Check(r, value, at));
            case "oneOf":
                var matches = rule.EnumerateArray().Count(r => !Check(r, value, at).Any());
                return Require(matches == 1, at, $"matches {matches} of oneOf");
            case "if":
                var then = Check(rule, value, at).Any() ? "else" : "then";
                return schema.TryGetProperty(then, out var next) ? Check(next, value, at) : [];
            default: break;
        }
        return value.ValueKind switch
        {
            JsonValueKind.Object => CheckObject(schema, keyword, rule, value, at),
            JsonValueKind.Array => CheckArray(keyword, rule, value, at),
            JsonValueKind.String => CheckString(keyword, rule, Text(value), at),
            JsonValueKind.Number => CheckNumber(keyword, rule, value, at),
            _ => [],
        };
    }

    private IEnumerable<string> CheckObject(JsonElement schema, string keyword, JsonElement rule, JsonElement value, string at) => keyword switch
    {
        "required" => rule.EnumerateArray().Where(r => !value.TryGetProperty(r.GetString()!, out _)).Select(r => $"{at}: lacks {r}"),
        "minProperties" => Require(Members(value).Count >= rule.GetInt32(), at, $"has fewer than {rule} members"),
        "properties" => Members(value).Where(m => rule.TryGetProperty(m.Key, out _))
            .SelectMany(m => Check(rule.GetProperty(m.Key), m.Value, $"{at}/{m.Key}")),
        "additionalProperties" => Members(value)
            .Where(m => !(schema.TryGetProperty("properties", out var named) && named.TryGetProperty(m.Key, out _)))
            .SelectMany(m => Check(rule, m.Value, $"{at}/{m.Key}")),
        _ => [],
    };

    private IEnumerable<string> CheckArray(string keyword, JsonElement rule, JsonElement value, string at)
    {
        var items = value.EnumerateArray().ToList();
        return keyword switch
        {
            "items" => items.SelectMany((item, index) => Check(rule, item, $"{at}/{index}")),
            "minItems" => Require(items.Count >= rule.GetInt32(), at, $"has fewer than {rule} items"),
            "maxItems" => Require(items.Count <= rule.GetInt32(), at, $"has more than {rule} items"),
            "uniqueItems" => Require(!rule.GetBoolean() || AreUnique(items), at, "has equal items"),
            _ => [],
        };
    }

    private static string[] CheckString(string keyword, JsonElement rule, string value, string at) => keyword switch
    {
        "minLength" => Require(value.EnumerateRunes().Count() >= rule.GetInt32(), at, $"is shorter than {rule}"),
        "pattern" => Require(Regex.IsMatch(value, rule.GetString()!, RegexOptions.CultureInvariant), at, $"does not match {rule}"),
        _ => [],
    };

    private static string[] CheckNumber(string keyword, JsonElement rule, JsonElement value, string at) => keyword switch
    {
        "minimum" => Require(value.GetDouble() >= rule.GetDouble(), at, $"is below {rule}"),
        "maximum" => Require(value.GetDouble() <= rule.GetDouble(), at, $"is above {rule}"),
        "exclusiveMinimum" => Require(value.GetDouble() > rule.GetDouble(), at, $"is not above {rule}"),
        _ => [],
    };

    // Of members with the same name the last one counts, as in the events.
    private static Dictionary<string, JsonElement> Members(JsonElement value)
    {
        var members = new Dictionary<string, JsonElement>();
        foreach (var member in value.EnumerateObject()) members[member.Name] = member.Value;
        return members;
    }

    private static bool HasType(JsonElement value, JsonElement type) => type.GetString() switch
    {
        "object" => value.ValueKind == JsonValueKind.Object,
        "array" => value.ValueKind == JsonValueKind.Array,
        "string" => value.ValueKind == JsonValueKind.String,
        "number" => value.ValueKind == JsonValueKind.Number,
        "integer" => value.ValueKind == JsonValueKind.Number && Math.Floor(value.GetDouble()) == value.GetDouble(),
        "boolean" => value.ValueKind is JsonValueKind.True or JsonValueKind.False,
        "null" => value.ValueKind == JsonValueKind.Null,
        var other => throw new InvalidDataException($"Unknown type \"{other}\"."),
    };

    private static bool AreUnique(List<JsonElement> items) =>
        !items.Where((a, i) => items.Take(i).Any(b => JsonElement.DeepEquals(a, b))).Any();

    private static string[] Require(bool holds, string at, string otherwise) => holds ? [] : [$"{at}: {otherwise}"];

    // A string with an unpaired surrogate is valid JSON, yet no .NET string is made of it; its raw form does for length and pattern.
    private static string Text(JsonElement value)
    {
        try
        {
            return value.GetString()!;
        }
        catch (InvalidOperationException)
        {
            return value.GetRawText()[1..^1];
        }
    }

    private JsonElement Resolve(string reference)
    {
        const string Local = "#/$defs/";
        return reference.StartsWith(Local, StringComparison.Ordinal) && _root.GetProperty("$defs").TryGetProperty(reference[Local.Length..], out var found)
            ? found
            : throw new InvalidDataException($"Unknown reference \"{reference}\".");
    }
}
