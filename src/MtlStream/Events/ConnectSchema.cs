using System.Text.Json;
using MtlStream.Json;

namespace MtlStream.Events;

/// <summary>Kafka Connect's schemas, as its JsonConverter reads and writes them.</summary>
internal static class ConnectSchema
{
    /// <summary>The element of a struct's <c>fields</c> that declares the member <c>analysis</c>.</summary>
    public static byte[] FieldOf(Shape analysis)
    {
        using var stream = new MemoryStream();
        using (var json = new Utf8JsonWriter(stream)) Write(json, analysis, "analysis", optional: true);
        return stream.ToArray();
    }

    /// <summary>Where a schema takes one more field.</summary>
    /// <param name="schema">The schema, in valid JSON.</param>
    /// <param name="shift">Where it begins in the body; the places count from there.</param>
    public static bool TryFindFields(ReadOnlySpan<byte> schema, int shift, out ConnectFields fields, out string found)
    {
        fields = default;
        found = "";
        var reader = new Utf8JsonReader(schema, new JsonReaderOptions { MaxDepth = JsonTextScan.MaxDepth });
        reader.Read();
        var hasFields = false;
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            var isType = reader.ValueTextEquals("type"u8);
            var isFields = reader.ValueTextEquals("fields"u8);
            reader.Read();
            if (isType && reader.TokenType == JsonTokenType.String) found = TypeName(ref reader);
            if (isFields && reader.TokenType == JsonTokenType.StartArray)
            {
                fields = ReadFields(ref reader, schema, shift);
                hasFields = true;
            }
            else
            {
                reader.Skip();
            }
        }
        return found == "struct" && hasFields;
    }

    // Names that Connect knows; what else is there is nobody's business.
    private static string TypeName(ref Utf8JsonReader reader)
    {
        foreach (var name in (string[])["struct", "map", "array", "string", "bytes", "boolean", "int8", "int16", "int32", "int64", "float", "double"])
            if (reader.ValueTextEquals(name)) return name;
        return "of an unknown type";
    }

    private static ConnectFields ReadFields(ref Utf8JsonReader reader, ReadOnlySpan<byte> schema, int shift)
    {
        var removeStart = -1;
        var removeEnd = -1;
        var kept = false;
        var previousEnd = (int)reader.BytesConsumed;
        var takesNextComma = false;
        while (reader.Read() && reader.TokenType != JsonTokenType.EndArray)
        {
            var start = (int)reader.TokenStartIndex;
            if (takesNextComma)
            {
                removeEnd = start;
                takesNextComma = false;
            }
            var isAnalysis = IsAnalysis(ref reader);
            var end = (int)reader.BytesConsumed;
            if (isAnalysis)
            {
                removeStart = kept ? previousEnd : start;
                removeEnd = end;
                takesNextComma = !kept;
            }
            kept |= !isAnalysis;
            previousEnd = end;
        }
        var insertAt = (int)reader.TokenStartIndex;
        return new(insertAt + shift, kept, removeStart < 0 ? -1 : removeStart + shift, removeStart < 0 ? -1 : removeEnd + shift);
    }

    // Leaves the reader at the end of the element.
    private static bool IsAnalysis(ref Utf8JsonReader reader)
    {
        if (reader.TokenType != JsonTokenType.StartObject)
        {
            reader.Skip();
            return false;
        }
        var found = false;
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            var isName = reader.ValueTextEquals("field"u8);
            reader.Read();
            if (isName) found = reader.TokenType == JsonTokenType.String && reader.ValueTextEquals("analysis"u8);
            reader.Skip();
        }
        return found;
    }

    private static void Write(Utf8JsonWriter json, Shape shape, string? field, bool optional)
    {
        json.WriteStartObject();
        json.WriteString("type"u8, TypeOf(shape));
        switch (shape)
        {
            case Shape.Fields fields:
                json.WriteStartArray("fields"u8);
                foreach (var (name, inner, mayLack) in fields.All) Write(json, inner, name, mayLack);
                json.WriteEndArray();
                break;
            case Shape.ListOf list:
                json.WritePropertyName("items"u8);
                Write(json, list.Element, field: null, optional: false);
                break;
            case Shape.MapOf map:
                json.WritePropertyName("keys"u8);
                Write(json, Shape.Text, field: null, optional: false);
                json.WritePropertyName("values"u8);
                Write(json, map.Value, field: null, optional: false);
                break;
        }
        json.WriteBoolean("optional"u8, optional);
        if (field is not null) json.WriteString("field"u8, field);
        json.WriteEndObject();
    }

    private static string TypeOf(Shape shape) => shape switch
    {
        Shape.Fields => "struct",
        Shape.ListOf => "array",
        Shape.MapOf => "map",
        Shape.Scalar { Kind: Shape.ScalarKind.Whole } => "int32",
        Shape.Scalar { Kind: Shape.ScalarKind.Number } => "double",
        Shape.Scalar { Kind: Shape.ScalarKind.Flag } => "boolean",
        _ => "string",
    };
}

/// <summary>Where a schema takes one more field; places are bytes of the body that it is in.</summary>
/// <param name="InsertAt">Index of the bracket that closes the fields.</param>
/// <param name="NeedsComma">True when there is another field before it.</param>
/// <param name="RemoveStart">Start of a field <c>analysis</c> that is already there, its comma included; -1 when there is none.</param>
/// <param name="RemoveEnd">Exclusive end of that field.</param>
internal readonly record struct ConnectFields(int InsertAt, bool NeedsComma, int RemoveStart, int RemoveEnd);
