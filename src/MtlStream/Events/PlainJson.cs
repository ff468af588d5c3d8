using System.Text.Json;

namespace MtlStream.Events;

/// <summary>A JSON object that holds the text.</summary>
internal static class PlainJson
{
    /// <param name="start">Where the document starts in the body.</param>
    /// <exception cref="JsonException">The document is not well-formed.</exception>
    public static bool TryRead(byte[] body, int start, JsonPointer pointer, ref JsonTextScan scan, out LocatedText text, out Problem problem)
    {
        text = default;
        if (!TryEnterObject(pointer, ref scan, out problem)) return false;
        var hasText = scan.TryReadObject(out var envelope, out problem);
        // Reads on, so that anything behind the object is found.
        scan.Reader.Read();
        if (hasText) text = LocatedText.Of(body, start, in scan, envelope);
        return hasText;
    }

    /// <summary>Reads the first token and sees that it opens an object.</summary>
    public static bool TryEnterObject(JsonPointer pointer, ref JsonTextScan scan, out Problem problem)
    {
        problem = default;
        scan.Reader.Read();
        if (scan.Reader.TokenType == JsonTokenType.StartObject) return true;
        // Anything else that is well-formed is the wrong type; what is not well-formed is said to be that.
        var found = scan.Mark();
        scan.Reader.Read();
        problem = new(
            RejectionReason.WrongType, $"The payload is {found.Name} ({scan.At(found.Start)}); expected an object with the text at {pointer}.");
        return false;
    }
}
