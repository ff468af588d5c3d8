using System.Globalization;
using System.Runtime.CompilerServices;
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

    private const string Tasks = "tasks";

    private static readonly ConditionalWeakTable<AnalysisForm, (FormMember Member, int Number)[]> s_numbered = [];

    /// <summary>The message as a .proto file declares it.</summary>
    /// <param name="isEdition">Whether fields have no labels.</param>
    public static string Declaration(AnalysisForm form, bool isEdition)
    {
        var text = new StringBuilder();
        Declare(form, TypeName, isEdition ? "" : "optional ", "  ", numbered: false, text);
        return text.ToString();
    }

    /// <summary>Writes the field of a message: its tag, its length, its value.</summary>
    public static void Write(AnalysisForm form, int number, ReadOnlySpan<byte> json, ByteWriter output)
    {
        var reader = new Utf8JsonReader(json);
        reader.Read();
        WriteMember(number, form, reader, output);
    }

    private static void Declare(AnalysisForm form, string name, string label, string indent, bool numbered, StringBuilder text)
    {
        text.Append(CultureInfo.InvariantCulture, $"{indent}message {name} {{\n");
        var members = Members(form, numbered);
        foreach (var (member, number) in members)
        {
            var inner = InnerOf(member.Form);
            if (inner is not null) Declare(inner, Camel(member.Name), label, indent + "  ", numbered: member.Name == Tasks, text);
            var type = inner is null ? Scalar(member.Form.Element ?? member.Form) : Camel(member.Name);
            var declared = member.Form.Kind switch
            {
                FormKind.List => $"repeated {type}",
                FormKind.Map => $"map<string, {type}>",
                _ => label + type,
            };
            text.Append(CultureInfo.InvariantCulture, $"{indent}  {declared} {member.Name} = {number};\n");
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
        new(FormKind.Fields, items.TypeName, [new("items"u8.ToArray(), "items", items, Optional: false)], null);

    private static string Scalar(AnalysisForm form) => form.Kind switch
    {
        FormKind.Text => "string",
        FormKind.Whole => "int32",
        FormKind.Number => "double",
        _ => "bool",
    };

    private static string Camel(string name) => string.Concat(name.Split('_').Where(p => p.Length > 0).Select(p => char.ToUpperInvariant(p[0]) + p[1..])) + "Value";

    /// <summary>Members with their numbers. Those of tasks come from their names: a package with other tasks does not move them.</summary>
    private static IEnumerable<(FormMember Member, int Number)> Members(AnalysisForm form, bool numbered)
    {
        var taken = new HashSet<int>();
        for (var i = 0; i < form.Members.Length; i++)
        {
            var number = numbered ? NumberOf(form.Members[i].Name) : i + 1;
            while (!taken.Add(number)) number++;
            yield return (form.Members[i], number);
        }
    }

    // FNV-1a, into numbers of two and three bytes below those that Protobuf keeps for itself.
    private static int NumberOf(string name)
    {
        var hash = 2166136261u;
        foreach (var c in name) hash = (hash ^ c) * 16777619u;
        return 100 + (int)(hash % 18_000);
    }

    private static void WriteFields(AnalysisForm form, Utf8JsonReader json, bool numbered, ByteWriter output)
    {
        if (json.TokenType != JsonTokenType.StartObject) return;
        var members = new JsonMembers(json);
        foreach (var (member, number) in Numbered(form, numbered))
            if (members.TryTake(member.Json, out var value) && value.TokenType != JsonTokenType.Null)
                WriteMember(number, member.Form, value, output, numbered: member.Name == Tasks);
    }

    // Made once for each form: an answer allocates nothing for it.
    private static (FormMember Member, int Number)[] Numbered(AnalysisForm form, bool numbered) =>
        s_numbered.TryGetValue(form, out var known) ? known : Remember(form, numbered);

    private static (FormMember Member, int Number)[] Remember(AnalysisForm form, bool numbered) =>
        s_numbered.GetValue(form, f => [.. Members(f, numbered)]);

    private static void WriteMember(int number, AnalysisForm form, Utf8JsonReader json, ByteWriter output, bool numbered = false)
    {
        switch (form.Kind)
        {
            case FormKind.List:
                WriteList(number, form.Element!, json, output);
                break;
            case FormKind.Map:
                WriteMap(number, form.Element!, json, output);
                break;
            case FormKind.Fields:
                output.WriteVarint(((ulong)number << 3) | 2);
                var at = output.Length;
                WriteFields(form, json, numbered, output);
                output.InsertVarint(at, (ulong)(output.Length - at));
                break;
            default:
                output.WriteVarint(((ulong)number << 3) | WireOf(form.Kind));
                WriteScalar(form.Kind, json, output);
                break;
        }
    }

    private static ulong WireOf(FormKind kind) => kind switch
    {
        FormKind.Text => 2,
        FormKind.Number => 1,
        _ => 0,
    };

    // A value of another kind than the form's is from a model that came since; it is read as none.
    private static void WriteScalar(FormKind kind, Utf8JsonReader json, ByteWriter output)
    {
        switch (kind)
        {
            case FormKind.Text:
                var at = output.Length;
                if (json.TokenType is JsonTokenType.String or JsonTokenType.PropertyName)
                    output.Advance(json.CopyString(output.Room(json.ValueSpan.Length)));
                output.InsertVarint(at, (ulong)(output.Length - at));
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

    private static void WriteList(int number, AnalysisForm element, Utf8JsonReader json, ByteWriter output)
    {
        if (json.TokenType != JsonTokenType.StartArray) return;
        var packed = element.Kind is FormKind.Whole or FormKind.Number or FormKind.Flag;
        if (packed) output.WriteVarint(((ulong)number << 3) | 2);
        var at = output.Length;
        json.Read();
        while (json.TokenType != JsonTokenType.EndArray)
        {
            if (packed) WriteScalar(element.Kind, json, output);
            else WriteItem(number, element, json, output);
            json.Skip();
            json.Read();
        }
        if (packed) output.InsertVarint(at, (ulong)(output.Length - at));
    }

    private static void WriteMap(int number, AnalysisForm element, Utf8JsonReader json, ByteWriter output)
    {
        if (json.TokenType != JsonTokenType.StartObject) return;
        json.Read();
        while (json.TokenType != JsonTokenType.EndObject)
        {
            output.WriteVarint(((ulong)number << 3) | 2);
            var at = output.Length;
            output.Write((byte)10); // the key: field 1, a string
            WriteScalar(FormKind.Text, json, output);
            json.Read();
            WriteItem(2, element, json, output);
            output.InsertVarint(at, (ulong)(output.Length - at));
            json.Skip();
            json.Read();
        }
    }

    // Lists in lists and maps are in a message of their own.
    private static void WriteItem(int number, AnalysisForm element, Utf8JsonReader json, ByteWriter output)
    {
        if (element.Kind is not (FormKind.List or FormKind.Map))
        {
            WriteMember(number, element, json, output);
            return;
        }
        output.WriteVarint(((ulong)number << 3) | 2);
        var at = output.Length;
        WriteMember(1, element, json, output);
        output.InsertVarint(at, (ulong)(output.Length - at));
    }
}
