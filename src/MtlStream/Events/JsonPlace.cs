using System.Text.Json;

namespace MtlStream.Events;

/// <summary>Where a document lies in a payload, for messages.</summary>
/// <param name="Shift">Bytes before it.</param>
/// <param name="Inside">What it is inside of, in words with a space before them; empty for the payload.</param>
internal readonly record struct JsonPlace(int Shift, string Inside = "")
{
    /// <summary>Where a byte of the document lies, in words.</summary>
    public string At(int index) => $"byte {index + Shift}{Inside}";
}

/// <summary>Where a value lies in a document.</summary>
/// <param name="Start">First byte, quotes and brackets included.</param>
/// <param name="End">Exclusive end.</param>
/// <param name="Escaped">True for a string that holds a backslash.</param>
internal readonly record struct JsonMark(JsonTokenType Kind, int Start, int End, bool Escaped = false)
{
    public string Name => Kind switch
    {
        JsonTokenType.StartObject => "an object",
        JsonTokenType.StartArray => "an array",
        JsonTokenType.String => "a string",
        JsonTokenType.Number => "a number",
        JsonTokenType.True or JsonTokenType.False => "a boolean",
        JsonTokenType.Null => "null",
        _ => "nothing",
    };

    /// <summary>A string's contents, between the quotes.</summary>
    public ReadOnlySpan<byte> ContentsIn(ReadOnlySpan<byte> json) => json[(Start + 1)..(End - 1)];
}
