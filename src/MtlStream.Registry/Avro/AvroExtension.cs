using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;
using MtlStream.Registry.Answers;
using MtlStream.Registry.Schemas;

namespace MtlStream.Registry.Avro;

/// <summary>A schema with one field more: what answers to its events have.</summary>
internal static class AvroExtension
{
    private static readonly JsonSerializerOptions s_writing = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping, MaxDepth = 1000 };

    /// <summary>The schema of the answers; its records get the field <c>analysis</c> as their last one, or in place of one that was there.</summary>
    /// <exception cref="UnusableSchemaException">A value of it is no record.</exception>
    public static SchemaText Of(AvroSchema schema, AnalysisForm form)
    {
        var names = schema.Records.Select(r => r.Name).ToHashSet();
        if (names.Count == 0) throw new UnusableSchemaException($"The schema is {schema.Root}, which cannot get a field; expected a record, or Output:Format=Json");
        var document = schema.Document.DeepClone();
        var declared = false;
        Extend(document, "", names, form, ref declared);
        return new(SchemaType.Avro, document.ToJsonString(s_writing), []);
    }

    private static void Extend(JsonNode? node, string enclosing, HashSet<string> names, AnalysisForm form, ref bool declared)
    {
        if (node is JsonArray branches)
            foreach (var branch in branches) Extend(branch, enclosing, names, form, ref declared);
        if (node is not JsonObject definition) return;
        if (definition["type"] is JsonValue type && (string?)type is "record" or "error")
        {
            ExtendRecord(definition, AvroSchema.FullName(definition, enclosing), names, form, ref declared);
            return;
        }
        Extend(definition["type"], enclosing, names, form, ref declared);
        Extend(definition["items"], enclosing, names, form, ref declared);
        Extend(definition["values"], enclosing, names, form, ref declared);
    }

    // In the order of the document, for a type is declared where it is used first.
    private static void ExtendRecord(JsonObject definition, string name, HashSet<string> names, AnalysisForm form, ref bool declared)
    {
        var fields = (JsonArray)definition["fields"]!;
        var left = names.Contains(name);
        for (var i = 0; i < fields.Count; i++)
        {
            if (left && (string?)fields[i]!["name"] == AvroSchema.Analysis)
            {
                fields[i] = Field(form, ref declared);
                left = false;
                continue;
            }
            Extend(fields[i]!["type"], AvroSchema.NamespaceOf(name), names, form, ref declared);
        }
        if (left) fields.Add(Field(form, ref declared));
    }

    private static JsonObject Field(AnalysisForm form, ref bool declared)
    {
        var field = declared ? AvroAnalysis.FieldAgain(form) : AvroAnalysis.Field(form);
        declared = true;
        return field;
    }
}
