using System.Globalization;
using System.Runtime.CompilerServices;
using System.Text;
using MtlStream.Registry.Values;

namespace MtlStream.Registry.Protobuf;

/// <summary>What is done with one field of a message. Immutable once made.</summary>
internal sealed class ProtoFieldStep(ProtoField field)
{
    public ProtoField Field { get; } = field;

    /// <summary>The pointers that end at it, or at one of its items.</summary>
    public int[] Ends { get; set; } = [];

    /// <summary>The pointers that end at the field as a whole where it is a list or map.</summary>
    public int[] WholeEnds { get; set; } = [];

    /// <summary>Into the message that it is.</summary>
    public ProtoStep? Into { get; set; }

    /// <summary>Into items of a list or map, by index or key.</summary>
    public (byte[] Key, long Index, ProtoFieldStep Item)[] Chosen { get; set; } = [];

    /// <summary>Of a map.</summary>
    public ProtoField? Key { get; set; }

    /// <summary>Counter of the list's items in its message; -1 where none is needed.</summary>
    public int Counter { get; set; } = -1;

    /// <summary>Pointers into the other parts of its <c>oneof</c>: they lead nowhere once it is set.</summary>
    public int[] Clears { get; set; } = [];

    /// <summary>Whether a pointer ends at or below it.</summary>
    public IReadOnlyList<int> All => [.. Ends, .. WholeEnds, .. Into?.All ?? [], .. Chosen.SelectMany(c => c.Item.All)];
}

/// <summary>What is done with a message at one place: the fields that are looked into. Immutable once made.</summary>
internal sealed class ProtoStep
{
    public ProtoFieldStep[] Fields { get; set; } = [];

    public int Counters { get; set; }

    /// <summary>Wrappers of one value: a value of none is the empty text.</summary>
    public int[] EmptyEnds { get; set; } = [];

    public IReadOnlyList<int> All => [.. EmptyEnds, .. Fields.SelectMany(f => f.All)];
}

/// <summary>Pointers over messages to steps.</summary>
internal static class ProtoSteps
{
    /// <summary>The well-known types that JSON writes as a plain value.</summary>
    private const string WellKnown = "google.protobuf.";

    /// <summary>The pointers that lead to a string, an enum, or a value that may be one.</summary>
    public static IReadOnlySet<int> TextsIn(ProtoStep root)
    {
        var texts = new HashSet<int>(root.EmptyEnds);
        foreach (var field in root.Fields) AddTexts(field, texts);
        return texts;
    }

    private static void AddTexts(ProtoFieldStep step, HashSet<int> texts)
    {
        if (step.Field.Kind == ProtoKind.String || step.Field.Format == ProtoNumber.Enum) texts.UnionWith(step.Ends);
        if (step.Into is { } into) texts.UnionWith(TextsIn(into));
        foreach (var (_, _, item) in step.Chosen) AddTexts(item, texts);
    }

    public static ProtoStep Of(ProtoMessage message, PointerTree pointers)
    {
        RuntimeHelpers.EnsureSufficientExecutionStack();
        return message.FullName switch
        {
            WellKnown + "StringValue" => Wrapper(message, pointers),
            WellKnown + "Struct" => Only(message, "fields", pointers),
            WellKnown + "ListValue" => Only(message, "values", pointers),
            WellKnown + "Value" => AnyValue(message, pointers),
            _ => Plain(message, field => pointers.Below.GetValueOrDefault(field.Name) ?? pointers.Below.GetValueOrDefault(field.JsonName)),
        };
    }

    private static ProtoStep Wrapper(ProtoMessage message, PointerTree pointers)
    {
        var step = Plain(message, field => field.Name == "value" ? pointers : null);
        step.EmptyEnds = [.. pointers.Ends];
        return step;
    }

    private static ProtoStep Only(ProtoMessage message, string name, PointerTree pointers) => Plain(message, field => field.Name == name ? pointers : null);

    private static ProtoStep AnyValue(ProtoMessage message, PointerTree pointers) => Plain(message, _ => pointers);

    private static ProtoStep Plain(ProtoMessage message, Func<ProtoField, PointerTree?> pointersOf)
    {
        var step = new ProtoStep();
        var fields = new List<ProtoFieldStep>();
        foreach (var field in message.Fields)
            if (pointersOf(field) is { } pointers) fields.Add(Make(field, pointers, step));
        var oneofs = fields.Select(f => f.Field.Oneof).Where(o => o >= 0).ToHashSet();
        foreach (var field in message.Fields)
        {
            if (!oneofs.Contains(field.Oneof)) continue;
            var own = fields.Find(f => f.Field == field);
            var clears = fields.Where(f => f.Field.Oneof == field.Oneof && f != own).SelectMany(f => f.All).ToArray();
            if (own is null) fields.Add(own = new(field));
            own.Clears = [.. clears.Except(own.All)];
        }
        step.Fields = [.. fields];
        return step;
    }

    private static ProtoFieldStep Make(ProtoField field, PointerTree pointers, ProtoStep within)
    {
        var step = new ProtoFieldStep(field);
        if (field.IsMap)
        {
            step.WholeEnds = [.. pointers.Ends];
            var (key, value) = (field.Message!.Fields.First(f => f.Number == 1), field.Message.Fields.First(f => f.Number == 2));
            step.Key = key;
            step.Chosen = [.. pointers.Below.Select(b => (Encoding.UTF8.GetBytes(b.Key), KeyOf(key, b.Key), Single(value, b.Value)))];
        }
        else if (field.IsRepeated)
        {
            step.WholeEnds = [.. pointers.Ends];
            step.Counter = within.Counters++;
            step.Chosen = [.. pointers.Below.Where(b => IndexOf(b.Key) >= 0).Select(b => (Array.Empty<byte>(), IndexOf(b.Key), Single(field, b.Value)))];
        }
        else
        {
            var single = Single(field, pointers);
            (step.Ends, step.Into) = (single.Ends, single.Into);
        }
        return step;
    }

    private static ProtoFieldStep Single(ProtoField field, PointerTree pointers)
    {
        var into = field.Message is { } message && (pointers.Below.Count > 0 || IsPlainInJson(message)) ? Of(message, pointers) : null;
        return new(field) { Ends = [.. pointers.Ends], Into = into };
    }

    private static bool IsPlainInJson(ProtoMessage message) => message.FullName is WellKnown + "StringValue" or WellKnown + "Value";

    private static long IndexOf(string key) =>
        long.TryParse(key, NumberStyles.None, CultureInfo.InvariantCulture, out var index) && (key == "0" || key[0] != '0') ? index : -1;

    // Keys that are numbers or booleans, as JSON spells them.
    private static long KeyOf(ProtoField key, string text)
    {
        if (key.Format == ProtoNumber.Boolean) return text == "true" ? 1 : text == "false" ? 0 : long.MinValue;
        return long.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var number) ? number
            : ulong.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var large) ? (long)large : long.MinValue;
    }
}
