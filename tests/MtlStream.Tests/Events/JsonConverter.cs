using System.Text.Json;

namespace MtlStream.Tests.Events;

/// <summary>The rules by which Kafka Connect's JsonConverter reads an envelope with <c>schemas.enable</c>, in our own words.</summary>
/// <remarks>Written after the converter's source; the converter itself has not read what the worker writes.</remarks>
internal static class JsonConverter
{
    /// <summary>The payload as a struct: its fields by name, in the schema's order.</summary>
    /// <exception cref="InvalidDataException">The converter would refuse it.</exception>
    public static Dictionary<string, object?> ToConnectData(byte[] value)
    {
        var envelope = JsonDocument.Parse(value).RootElement;
        var members = envelope.EnumerateObject().Select(m => m.Name).Distinct().ToList();
        if (members.Count != 2 || !members.Contains("schema") || !members.Contains("payload"))
            throw new InvalidDataException("An envelope has a schema and a payload, and nothing else.");
        var schema = envelope.GetProperty("schema");
        var payload = envelope.GetProperty("payload");
        return (Dictionary<string, object?>)(schema.ValueKind == JsonValueKind.Null ? Schemaless(payload) : Convert(schema, payload))!;
    }

    private static object? Convert(JsonElement schema, JsonElement value)
    {
        if (schema.ValueKind != JsonValueKind.Object || !schema.TryGetProperty("type", out var type) || type.ValueKind != JsonValueKind.String)
            throw new InvalidDataException("A schema has a type.");
        var optional = schema.TryGetProperty("optional", out var given) && given.ValueKind == JsonValueKind.True;
        if (value.ValueKind is JsonValueKind.Null or JsonValueKind.Undefined)
            return optional ? null : throw new InvalidDataException($"null for {type} that is not optional.");
        return type.GetString() switch
        {
            "struct" => Struct(schema, value),
            "array" => value.EnumerateArray().Select(e => Convert(schema.GetProperty("items"), e)).ToList(),
            "map" => Map(schema, value),
            "string" => value.GetString(),
            "boolean" => value.GetBoolean(),
            "int32" => value.GetInt32(),
            "int64" => value.GetInt64(),
            "double" => value.GetDouble(),
            var other => throw new InvalidDataException($"The type {other} is not used here."),
        };
    }

    private static Dictionary<string, object?> Struct(JsonElement schema, JsonElement value)
    {
        if (value.ValueKind != JsonValueKind.Object) throw new InvalidDataException("A struct is an object.");
        var result = new Dictionary<string, object?>();
        foreach (var field in schema.GetProperty("fields").EnumerateArray())
        {
            // Members without a field are left out in silence; a field without a member is null.
            var name = field.GetProperty("field").GetString() ?? throw new InvalidDataException("A field has a name.");
            value.TryGetProperty(name, out var member);
            if (!result.TryAdd(name, Convert(field, member))) throw new InvalidDataException($"Two fields {name}.");
        }
        return result;
    }

    private static Dictionary<string, object?> Map(JsonElement schema, JsonElement value)
    {
        if (schema.GetProperty("keys").GetProperty("type").GetString() != "string") throw new InvalidDataException("Other maps are arrays of pairs.");
        return value.EnumerateObject().ToDictionary(m => m.Name, m => Convert(schema.GetProperty("values"), m.Value));
    }

    private static object? Schemaless(JsonElement value) => value.ValueKind switch
    {
        JsonValueKind.Object => value.EnumerateObject().ToDictionary(m => m.Name, m => Schemaless(m.Value)),
        JsonValueKind.Array => value.EnumerateArray().Select(Schemaless).ToList(),
        JsonValueKind.String => value.GetString(),
        JsonValueKind.Number => value.GetDouble(),
        JsonValueKind.True or JsonValueKind.False => value.GetBoolean(),
        _ => null,
    };
}
