using System.Text.Json;
using System.Text.Json.Nodes;
using MtlStream.Registry.Answers;
using MtlStream.Registry.Values;

namespace MtlStream.Registry.Avro;

/// <summary>The field <c>analysis</c> in Avro: its type, and values of it.</summary>
internal static class AvroAnalysis
{
    private const string Namespace = "mtlstream";

    /// <summary>The field as a schema declares it: null by default, so that each schema reads what the other wrote.</summary>
    public static JsonObject Field(AnalysisForm form) => new()
    {
        ["name"] = AvroSchema.Analysis,
        ["type"] = new JsonArray("null", Type(form)),
        ["default"] = null,
    };

    /// <summary>The same where the type is declared already.</summary>
    public static JsonObject FieldAgain(AnalysisForm form) => new()
    {
        ["name"] = AvroSchema.Analysis,
        ["type"] = new JsonArray("null", $"{Namespace}.{form.TypeName}"),
        ["default"] = null,
    };

    /// <summary>Writes the field of a value: the branch, and the record.</summary>
    public static void Write(AnalysisForm form, ReadOnlySpan<byte> json, ByteWriter output)
    {
        var reader = new Utf8JsonReader(json);
        reader.Read();
        output.WriteZigZag(1);
        WriteValue(form, reader, output);
    }

    private static JsonNode Type(AnalysisForm form) => form.Kind switch
    {
        FormKind.Text => "string",
        FormKind.Whole => "int",
        FormKind.Number => "double",
        FormKind.Flag => "boolean",
        FormKind.List => new JsonObject { ["type"] = "array", ["items"] = Type(form.Element!) },
        FormKind.Map => new JsonObject { ["type"] = "map", ["values"] = Type(form.Element!) },
        _ => new JsonObject
        {
            ["type"] = "record",
            ["name"] = form.TypeName,
            ["namespace"] = Namespace,
            ["fields"] = new JsonArray([.. form.Members.Select(Field)]),
        },
    };

    private static JsonNode Field(FormMember member)
    {
        var field = new JsonObject { ["name"] = member.Name };
        field["type"] = member.Optional ? new JsonArray("null", Type(member.Form)) : Type(member.Form);
        if (member.Optional) field["default"] = null;
        return field;
    }

    // A value of another kind than the form's is from a model that came since; it is read as missing.
    private static void WriteValue(AnalysisForm form, Utf8JsonReader json, ByteWriter output)
    {
        switch (form.Kind)
        {
            case FormKind.Text:
                WriteText(json, output);
                break;
            case FormKind.Whole:
                output.WriteZigZag(json.TokenType == JsonTokenType.Number && json.TryGetInt32(out var whole) ? whole : 0);
                break;
            case FormKind.Number:
                output.WriteDouble(json.TokenType == JsonTokenType.Number ? json.GetDouble() : 0);
                break;
            case FormKind.Flag:
                output.Write(json.TokenType == JsonTokenType.True ? (byte)1 : (byte)0);
                break;
            case FormKind.List:
                WriteItems(form, json, JsonTokenType.StartArray, output);
                break;
            case FormKind.Map:
                WriteItems(form, json, JsonTokenType.StartObject, output);
                break;
            default:
                WriteFields(form, json, output);
                break;
        }
    }

    private static void WriteFields(AnalysisForm form, Utf8JsonReader json, ByteWriter output)
    {
        var isObject = json.TokenType == JsonTokenType.StartObject;
        var members = isObject ? new JsonMembers(json) : default;
        foreach (var member in form.Members)
        {
            Utf8JsonReader value = default;
            var found = isObject && members.TryTake(member.Json, out value);
            if (member.Optional)
            {
                found &= value.TokenType != JsonTokenType.Null;
                output.WriteZigZag(found ? 1 : 0);
                if (!found) continue;
            }
            WriteValue(member.Form, found ? value : default, output);
        }
    }

    private static void WriteItems(AnalysisForm form, Utf8JsonReader json, JsonTokenType start, ByteWriter output)
    {
        var at = output.Length;
        var count = 0;
        if (json.TokenType == start)
        {
            json.Read();
            while (json.TokenType is not (JsonTokenType.EndArray or JsonTokenType.EndObject))
            {
                if (start == JsonTokenType.StartObject)
                {
                    WriteText(json, output);
                    json.Read();
                }
                WriteValue(form.Element!, json, output);
                json.Skip();
                json.Read();
                count++;
            }
        }
        if (count > 0) output.InsertVarint(at, 2 * (ulong)count); // zigzag of a number above zero
        output.Write((byte)0);
    }

    private static void WriteText(Utf8JsonReader json, ByteWriter output)
    {
        var at = output.Length;
        if (json.TokenType is JsonTokenType.String or JsonTokenType.PropertyName)
            output.Advance(json.CopyString(output.Room(json.ValueSpan.Length)));
        output.InsertVarint(at, 2 * (ulong)(output.Length - at));
    }
}
