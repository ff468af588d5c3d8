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
        WriteValue(form, ref reader, output);
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

    // A value of another kind than the form's is from a model that came since; it is read as missing. The reader stands at its end then.
    private static void WriteValue(AnalysisForm form, ref Utf8JsonReader json, ByteWriter output)
    {
        switch (form.Kind)
        {
            case FormKind.Text:
                WriteText(ref json, output);
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
                WriteItems(form, ref json, JsonTokenType.StartArray, output);
                break;
            case FormKind.Map:
                WriteItems(form, ref json, JsonTokenType.StartObject, output);
                break;
            default:
                WriteFields(form, ref json, output);
                break;
        }
        JsonMembers.SkipValue(ref json);
    }

    private static void WriteFields(AnalysisForm form, ref Utf8JsonReader json, ByteWriter output)
    {
        var start = json;
        if (json.TokenType == JsonTokenType.StartObject) json.Read();
        foreach (var member in form.Members)
        {
            var place = JsonMembers.Find(member.Json, start, ref json, out var elsewhere);
            if (place == MemberPlace.Next) WriteMember(member, ref json, output);
            else WriteMember(member, ref elsewhere, output);
            if (place == MemberPlace.Next) json.Read();
        }
        JsonMembers.SkipRest(ref json);
    }

    private static void WriteMember(FormMember member, ref Utf8JsonReader json, ByteWriter output)
    {
        if (member.Optional)
        {
            var isNull = json.TokenType is JsonTokenType.None or JsonTokenType.Null;
            output.WriteZigZag(isNull ? 0 : 1);
            if (isNull) return;
        }
        WriteValue(member.Form, ref json, output);
    }

    private static void WriteItems(AnalysisForm form, ref Utf8JsonReader json, JsonTokenType start, ByteWriter output)
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
                    WriteText(ref json, output);
                    json.Read();
                }
                WriteValue(form.Element!, ref json, output);
                json.Read();
                count++;
            }
        }
        if (count > 0) output.InsertVarint(at, 2 * (ulong)count); // zigzag of a number above zero
        output.Write((byte)0);
    }

    private static void WriteText(ref Utf8JsonReader json, ByteWriter output)
    {
        var isText = json.TokenType is JsonTokenType.String or JsonTokenType.PropertyName;
        if (isText && !json.ValueIsEscaped)
        {
            output.WriteZigZag(json.ValueSpan.Length);
            output.Write(json.ValueSpan);
            return;
        }
        var at = output.Length;
        if (isText) output.Advance(json.CopyString(output.Room(json.ValueSpan.Length)));
        output.InsertVarint(at, 2 * (ulong)(output.Length - at));
    }
}
