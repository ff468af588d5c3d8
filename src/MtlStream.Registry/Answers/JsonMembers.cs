using System.Text.Json;

namespace MtlStream.Registry.Answers;

/// <summary>Where a member was found.</summary>
internal enum MemberPlace
{
    /// <summary>Nowhere: it is missing.</summary>
    None,

    /// <summary>It came next, as nearly always.</summary>
    Next,

    /// <summary>Before or behind what comes next.</summary>
    Elsewhere,
}

/// <summary>Takes the members of a JSON object in the order of a form, which is nearly always theirs: each token is read once then.</summary>
/// <remarks>
/// Another model may have taken over since the form was made. What it does not know is left out then, and what is not there is missing.
/// </remarks>
internal static class JsonMembers
{
    /// <summary>Moves a reader to a member's value.</summary>
    /// <param name="start">At the start of the object.</param>
    /// <param name="json">At a name or at the end of the object, all names before it taken; at the value where that comes next.</param>
    /// <param name="elsewhere">At the value where it is elsewhere; else at nothing.</param>
    public static MemberPlace Find(scoped ReadOnlySpan<byte> name, Utf8JsonReader start, ref Utf8JsonReader json, out Utf8JsonReader elsewhere)
    {
        elsewhere = default;
        if (json.TokenType != JsonTokenType.PropertyName) return MemberPlace.None;
        if (json.ValueTextEquals(name))
        {
            json.Read();
            return MemberPlace.Next;
        }
        elsewhere = start;
        elsewhere.Read();
        while (elsewhere.TokenType == JsonTokenType.PropertyName)
        {
            var found = elsewhere.ValueTextEquals(name);
            elsewhere.Read();
            if (found) return MemberPlace.Elsewhere;
            elsewhere.Skip();
            elsewhere.Read();
        }
        elsewhere = default;
        return MemberPlace.None;
    }

    /// <summary>Moves to the end of a value of which nothing was taken; stays at that of another.</summary>
    public static void SkipValue(ref Utf8JsonReader json)
    {
        if (json.TokenType is JsonTokenType.StartObject or JsonTokenType.StartArray) json.Skip();
    }

    /// <summary>Moves to the end of the object.</summary>
    /// <param name="json">At a name in it, or at its end.</param>
    public static void SkipRest(ref Utf8JsonReader json)
    {
        while (json.TokenType == JsonTokenType.PropertyName)
        {
            json.Skip();
            json.Read();
        }
    }
}
