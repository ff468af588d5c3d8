using System.Globalization;
using System.Text;
using System.Text.Json;
using MtlStream.Registry.Answers;
using MtlStream.Registry.Values;

namespace MtlStream.Registry.Protobuf;

/// <summary>The field <c>analysis</c> in Protobuf: its message, and values of it.</summary>
internal static class ProtoAnalysis
{
    /// <summary>Of the message, inside the one that gets the field.</summary>
    public const string TypeName = "MtlStreamAnalysis";

    /// <summary>The message as a .proto file declares it.</summary>
    /// <param name="isEdition">Whether fields have no labels.</param>
    public static string Declaration(AnalysisForm form, bool isEdition)
    {
        var text = new StringBuilder();
        Declare(form, TypeName, isEdition ? "" : "optional ", "  ", text);
        return text.ToString();
    }

    /// <summary>Writes the field of a message: its tag, its length, its value.</summary>
    public static void Write(AnalysisForm form, int number, ReadOnlySpan<byte> json, ByteWriter output)
    {
        var reader = new Utf8JsonReader(json);
        reader.Read();
        WriteMember(number, form, ref reader, output);
    }

    private static void Declare(AnalysisForm form, string name, string label, string indent, StringBuilder text)
    {
        text.Append(CultureInfo.InvariantCulture, $"{indent}message {name} {{\n");
        foreach (var member in form.Members)
        {
            var inner = InnerOf(member.Form);
            if (inner is not null) Declare(inner, Camel(member.Name), label, indent + "  ", text);
            var type = inner is null ? Scalar(member.Form.Element ?? member.Form) : Camel(member.Name);
            var declared = member.Form.Kind switch
            {
                FormKind.List => $"repeated {type}",
                FormKind.Map => $"map<string, {type}>",
                _ => label + type,
            };
            text.Append(CultureInfo.InvariantCulture, $"{indent}  {declared} {member.Name} = {member.Number};\n");
        }
        text.Append(CultureInfo.InvariantCulture, $"{indent}}}\n");
    }

    /// <summary>What a message is declared for: one with members, or items of lists, which cannot be lists themselves.</summary>
    private static AnalysisForm? InnerOf(AnalysisForm form) => form.Kind switch
    {
        FormKind.Fields => form,
        FormKind.List or FormKind.Map when form.Element!.Kind == FormKind.Fields => form.Element,
        FormKind.List or FormKind.Map when form.Element!.Kind is FormKind.List or FormKind.Map => Wrapped(form.Element),
        _ => null,
    };

    private static AnalysisForm Wrapped(AnalysisForm items) =>
        new(FormKind.Fields, items.TypeName, [new("items"u8.ToArray(), "items", items, Optional: false, 1)], null);

    private static string Scalar(AnalysisForm form) => form.Kind switch
    {
        FormKind.Text => "string",
        FormKind.Whole => "int32",
        FormKind.Number => "double",
        _ => "bool",
    };

    private static string Camel(string name) => string.Concat(name.Split('_').Where(p => p.Length > 0).Select(p => char.ToUpperInvariant(p[0]) + p[1..])) + "Value";

    private static void WriteFields(AnalysisForm form, ref Utf8JsonReader json, ByteWriter output)
    {
        if (json.TokenType != JsonTokenType.StartObject) return;
        var start = json;
        json.Read();
        foreach (var member in form.Members)
        {
            var place = JsonMembers.Find(member.Json, start, ref json, out var elsewhere);
            if (place == MemberPlace.Elsewhere && elsewhere.TokenType != JsonTokenType.Null) WriteMember(member.Number, member.Form, ref elsewhere, output);
            if (place != MemberPlace.Next) continue;
            if (json.TokenType != JsonTokenType.Null) WriteMember(member.Number, member.Form, ref json, output);
            json.Read();
        }
        JsonMembers.SkipRest(ref json);
    }

    // The reader stands at the value's end then.
    private static void WriteMember(int number, AnalysisForm form, ref Utf8JsonReader json, ByteWriter output)
    {
        switch (form.Kind)
        {
            case FormKind.List:
                WriteList(number, form.Element!, ref json, output);
                break;
            case FormKind.Map:
                WriteMap(number, form.Element!, ref json, output);
                break;
            case FormKind.Fields:
                output.WriteVarint(((ulong)number << 3) | 2);
                var at = output.Length;
                WriteFields(form, ref json, output);
                output.InsertVarint(at, (ulong)(output.Length - at));
                break;
            default:
                output.WriteVarint(((ulong)number << 3) | WireOf(form.Kind));
                WriteScalar(form.Kind, ref json, output);
                break;
        }
        JsonMembers.SkipValue(ref json);
    }

    private static ulong WireOf(FormKind kind) => kind switch
    {
        FormKind.Text => 2,
        FormKind.Number => 1,
        _ => 0,
    };

    // A value of another kind than the form's is from a model that came since; it is read as none.
    private static void WriteScalar(FormKind kind, ref Utf8JsonReader json, ByteWriter output)
    {
        switch (kind)
        {
            case FormKind.Text:
                WriteText(ref json, output);
                break;
            case FormKind.Whole:
                output.WriteVarint(json.TokenType == JsonTokenType.Number && json.TryGetInt32(out var whole) ? (ulong)(long)whole : 0);
                break;
            case FormKind.Number:
                output.WriteDouble(json.TokenType == JsonTokenType.Number ? json.GetDouble() : 0);
                break;
            default:
                output.Write(json.TokenType == JsonTokenType.True ? (byte)1 : (byte)0);
                break;
        }
    }

    private static void WriteText(ref Utf8JsonReader json, ByteWriter output)
    {
        var isText = json.TokenType is JsonTokenType.String or JsonTokenType.PropertyName;
        if (isText && !json.ValueIsEscaped)
        {
            output.WriteVarint((ulong)json.ValueSpan.Length);
            output.Write(json.ValueSpan);
            return;
        }
        var at = output.Length;
        if (isText) output.Advance(json.CopyString(output.Room(json.ValueSpan.Length)));
        output.InsertVarint(at, (ulong)(output.Length - at));
    }

    private static void WriteList(int number, AnalysisForm element, ref Utf8JsonReader json, ByteWriter output)
    {
        if (json.TokenType != JsonTokenType.StartArray) return;
        var packed = element.Kind is FormKind.Whole or FormKind.Number or FormKind.Flag;
        if (packed) output.WriteVarint(((ulong)number << 3) | 2);
        var at = output.Length;
        json.Read();
        while (json.TokenType != JsonTokenType.EndArray)
        {
            if (packed) WriteScalar(element.Kind, ref json, output);
            else WriteItem(number, element, ref json, output);
            JsonMembers.SkipValue(ref json);
            json.Read();
        }
        if (packed) output.InsertVarint(at, (ulong)(output.Length - at));
    }

    private static void WriteMap(int number, AnalysisForm element, ref Utf8JsonReader json, ByteWriter output)
    {
        if (json.TokenType != JsonTokenType.StartObject) return;
        json.Read();
        while (json.TokenType != JsonTokenType.EndObject)
        {
            output.WriteVarint(((ulong)number << 3) | 2);
            var at = output.Length;
            output.Write((byte)10); // the key: field 1, a string
            WriteText(ref json, output);
            json.Read();
            WriteItem(2, element, ref json, output);
            output.InsertVarint(at, (ulong)(output.Length - at));
            json.Read();
        }
    }

    // Lists in lists and maps are in a message of their own.
    private static void WriteItem(int number, AnalysisForm element, ref Utf8JsonReader json, ByteWriter output)
    {
        if (element.Kind is not (FormKind.List or FormKind.Map))
        {
            WriteMember(number, element, ref json, output);
            return;
        }
        output.WriteVarint(((ulong)number << 3) | 2);
        var at = output.Length;
        WriteMember(1, element, ref json, output);
        output.InsertVarint(at, (ulong)(output.Length - at));
    }
}
