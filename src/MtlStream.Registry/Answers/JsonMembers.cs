using System.Text.Json;

namespace MtlStream.Registry.Answers;

/// <summary>Takes the members of a JSON object in the order of a form, which is nearly always theirs.</summary>
/// <remarks>
/// Another model may have taken over since the form was made. What it does not know is left out then, and what is not there is missing.
/// </remarks>
internal ref struct JsonMembers
{
    private readonly Utf8JsonReader _start;
    private Utf8JsonReader _next;

    /// <param name="json">At the start of the object.</param>
    public JsonMembers(Utf8JsonReader json)
    {
        _start = json;
        json.Read();
        _next = json;
    }

    /// <summary>Gives a reader at a member's value; false when there is no such member.</summary>
    public bool TryTake(scoped ReadOnlySpan<byte> name, out Utf8JsonReader value)
    {
        if (_next.TokenType == JsonTokenType.PropertyName && _next.ValueTextEquals(name))
        {
            _next.Read();
            value = _next;
            _next.Skip();
            _next.Read();
            return true;
        }
        var other = _start;
        other.Read();
        while (other.TokenType == JsonTokenType.PropertyName)
        {
            var found = other.ValueTextEquals(name);
            other.Read();
            value = other;
            if (found) return true;
            other.Skip();
            other.Read();
        }
        value = default;
        return false;
    }
}
