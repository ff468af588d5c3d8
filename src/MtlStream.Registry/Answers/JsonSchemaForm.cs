using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;
using MtlStream.Registry.Schemas;

namespace MtlStream.Registry.Answers;

/// <summary>JSON Schema of answers in JSON: the schema of the events, and the member <c>analysis</c>.</summary>
internal static class JsonSchemaForm
{
    private const string Member = "analysis";

    private static readonly JsonSerializerOptions s_writing = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping, MaxDepth = 1000 };

    /// <exception cref="UnusableSchemaException">It is no schema of JSON.</exception>
    public static SchemaText Of(SchemaText schema, AnalysisForm form)
    {
        var document = Read(schema.Text);
        if (document is JsonObject root && root["$ref"] is null && root["properties"] is JsonObject or null && IsObject(root["type"]))
        {
            var properties = root["properties"] as JsonObject ?? [];
            properties[Member] = Type(form);
            root["properties"] = properties;
            return schema with { Text = root.ToJsonString(s_writing) };
        }
        var both = new JsonObject { ["allOf"] = new JsonArray(document, new JsonObject { ["properties"] = new JsonObject { [Member] = Type(form) } }) };
        return schema with { Text = both.ToJsonString(s_writing) };
    }

    private static JsonNode Read(string text)
    {
        try
        {
            return JsonNode.Parse(text, null, new() { MaxDepth = 500 }) ?? throw new UnusableSchemaException("The schema is null");
        }
        catch (JsonException wrong)
        {
            throw new UnusableSchemaException($"The schema is no JSON: {wrong.Message.TrimEnd('.')}");
        }
    }

    private static bool IsObject(JsonNode? type) => type is null || (type is JsonValue value && value.TryGetValue<string>(out var name) && name == "object");

    private static JsonObject Type(AnalysisForm form) => form.Kind switch
    {
        FormKind.Text => new() { ["type"] = "string" },
        FormKind.Whole => new() { ["type"] = "integer" },
        FormKind.Number => new() { ["type"] = "number" },
        FormKind.Flag => new() { ["type"] = "boolean" },
        FormKind.List => new() { ["type"] = "array", ["items"] = Type(form.Element!) },
        FormKind.Map => new() { ["type"] = "object", ["additionalProperties"] = Type(form.Element!) },
        _ => Fields(form),
    };

    private static JsonObject Fields(AnalysisForm form)
    {
        var properties = new JsonObject();
        foreach (var member in form.Members)
        {
            JsonNode type = Type(member.Form);
            if (member.Optional) type = new JsonObject { ["anyOf"] = new JsonArray(type, new JsonObject { ["type"] = "null" }) };
            properties[NameOf(member)] = type;
        }
        var required = new JsonArray([.. form.Members.Where(m => !m.Optional).Select(m => JsonValue.Create(NameOf(m)))]);
        var fields = new JsonObject { ["type"] = "object", ["properties"] = properties };
        if (required.Count > 0) fields["required"] = required;
        return fields;
    }

    private static string NameOf(FormMember member) => Encoding.UTF8.GetString(member.Json);
}
