using System.Text.Json;

namespace MtlStream.Json;

/// <summary>Reads members of a JSON document and collects everything that is wrong with them, each with its place.</summary>
/// <remarks>A member that is wrong reads as the emptiest value of its type, so that reading goes on.</remarks>
public sealed class JsonFields
{
    private readonly List<string> _problems = [];

    /// <summary>One sentence for each problem found so far.</summary>
    public IReadOnlyList<string> Problems => _problems;

    /// <param name="at">Where it is, such as <c>tasks[0].labels</c>.</param>
    public void Problem(string at, string what) => _problems.Add($"{at}: {what}.");

    /// <summary>A member that must be there; undefined where it is not, or is of another kind.</summary>
    public JsonElement Member(JsonElement parent, string at, string name, JsonValueKind kind)
    {
        if (parent.ValueKind != JsonValueKind.Object)
        {
            if (at.Length == 0) Problem(name, $"found {Describe(parent)} around it, expected an object");
            return default;
        }

        if (!parent.TryGetProperty(name, out var value) || value.ValueKind == JsonValueKind.Null)
        {
            Problem(Join(at, name), "missing");
            return default;
        }

        if (value.ValueKind == kind) return value;
        Problem(Join(at, name), $"found {Describe(value)}, expected {Describe(kind)}");
        return default;
    }

    /// <summary>A string that must be there and not be empty.</summary>
    public string Text(JsonElement parent, string at, string name)
    {
        var value = Member(parent, at, name, JsonValueKind.String);
        if (value.ValueKind != JsonValueKind.String) return "";
        if (value.GetString()!.Length == 0) Problem(Join(at, name), "found an empty string");
        return value.GetString()!;
    }

    /// <summary>A string that may be left out, but not be empty.</summary>
    public string? OptionalText(JsonElement parent, string at, string name) =>
        Optional(parent, name) is null ? null : Text(parent, at, name);

    /// <summary>True or false; false where it is left out.</summary>
    public bool Flag(JsonElement parent, string at, string name)
    {
        if (Optional(parent, name) is not { } value) return false;
        if (value.ValueKind is not (JsonValueKind.True or JsonValueKind.False))
            Problem(Join(at, name), $"found {Describe(value)}, expected true or false");
        return value.ValueKind == JsonValueKind.True;
    }

    /// <summary>A whole number that must be there; <paramref name="least"/> where it is not.</summary>
    public int WholeNumber(JsonElement parent, string at, string name, int least, int most)
    {
        var value = Member(parent, at, name, JsonValueKind.Number);
        if (value.ValueKind != JsonValueKind.Number) return least;
        if (value.TryGetInt32(out var number) && number >= least && number <= most) return number;
        Problem(Join(at, name), $"found {value.GetRawText()}, expected a whole number from {least} to {most}");
        return least;
    }

    /// <summary>A number that may be left out.</summary>
    public double Number(JsonElement parent, string at, string name, double otherwise)
    {
        if (Optional(parent, name) is not { } value) return otherwise;
        if (value.ValueKind == JsonValueKind.Number) return value.GetDouble();
        Problem(Join(at, name), $"found {Describe(value)}, expected a number");
        return otherwise;
    }

    /// <summary>A probability; 0 where it is none.</summary>
    public float Share(JsonElement value, string at)
    {
        if (value.ValueKind == JsonValueKind.Number && value.GetDouble() is >= 0 and <= 1) return value.GetSingle();
        Problem(at, $"found {Describe(value)}, expected a number from 0 to 1");
        return 0;
    }

    /// <summary>Members that nobody reads are misspelt ones: a misspelt threshold would otherwise be none.</summary>
    public void NoOthers(JsonElement parent, string at, params ReadOnlySpan<string> known)
    {
        foreach (var member in Members(parent))
        {
            if (known.Contains(member.Name)) continue;
            Problem(Join(at, member.Name), $"unknown, expected one of {string.Join(", ", known)}");
        }
    }

    /// <summary>A member of any kind; null where it is left out or null.</summary>
    public static JsonElement? Optional(JsonElement parent, string name)
    {
        if (parent.ValueKind != JsonValueKind.Object || !parent.TryGetProperty(name, out var value)) return null;
        return value.ValueKind == JsonValueKind.Null ? null : value;
    }

    /// <summary>A string, or an empty one where there is none.</summary>
    public static string Given(JsonElement parent, string name) =>
        Optional(parent, name) is { ValueKind: JsonValueKind.String } value ? value.GetString()! : "";

    /// <summary>The members of an object; none of anything else.</summary>
    public static JsonElement.ObjectEnumerator Members(JsonElement parent) =>
        parent.ValueKind == JsonValueKind.Object ? parent.EnumerateObject() : default;

    /// <summary>A value as problems name it: strings and numbers as they are, others by kind.</summary>
    public static string Describe(JsonElement value) => value.ValueKind is JsonValueKind.String or JsonValueKind.Number
        ? value.GetRawText() : Describe(value.ValueKind);

    private static string Describe(JsonValueKind kind) => kind switch
    {
        JsonValueKind.Object => "an object",
        JsonValueKind.Array => "an array",
        JsonValueKind.String => "a string",
        JsonValueKind.Number => "a number",
        JsonValueKind.True or JsonValueKind.False => "true or false",
        JsonValueKind.Null => "null",
        _ => "nothing",
    };

    private static string Join(string at, string name) => at.Length == 0 ? name : $"{at}.{name}";
}
