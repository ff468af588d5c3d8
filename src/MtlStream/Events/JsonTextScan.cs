using System.Text.Json;
using MtlStream.Json;

namespace MtlStream.Events;

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
}

/// <summary>One pass over a JSON document: finds the text in an object, and where that object takes the member <c>analysis</c>.</summary>
/// <remarks>Of members with the same name the last one counts. The document must be valid UTF-8.</remarks>
internal ref struct JsonTextScan(ReadOnlySpan<byte> json, JsonPointer pointer, int shift, string inside = "")
{
    /// <summary>Deepest nesting that is read. Jackson, the reader most used on the JVM, refuses more by default.</summary>
    public const int MaxDepth = 1000;

    /// <summary>Stands at the token read last; a caller moves it to the object that holds the text.</summary>
    public Utf8JsonReader Reader = new(json, new JsonReaderOptions { MaxDepth = MaxDepth });

    private readonly ReadOnlySpan<byte> _json = json;

    // Where the pointer led: the text, or the value in which the part after it was not found.
    private JsonMark _found;
    private int _foundSegments;
    private int _foundElements;

    // The members `analysis` that are already there.
    private int _removeStart = -1;
    private int _removeEnd = -1;
    private List<(int Start, int End)>? _earlier;

    /// <summary>The text's string, quotes included, once <see cref="TryReadObject"/> has returned true.</summary>
    public readonly JsonMark Text => _found;

    /// <summary>Earlier members <c>analysis</c> of the same object, in order; null when there are none.</summary>
    public readonly IReadOnlyList<(int Start, int End)>? Earlier => _earlier;

    /// <summary>Where a byte of the document lies in the payload, in words.</summary>
    public readonly string At(int index) => $"byte {index + shift}{inside}";

    /// <summary>Reads the object that the reader stands at to its end.</summary>
    /// <exception cref="JsonException">The document is not well-formed.</exception>
    public bool TryReadObject(out Envelope envelope, out Problem problem)
    {
        (_found, _foundSegments, _earlier) = (new(JsonTokenType.StartObject, (int)Reader.TokenStartIndex, 0), 0, null);
        (_removeStart, _removeEnd) = (-1, -1);
        var kept = false;
        var previousEnd = 0;
        while (Reader.Read() && Reader.TokenType == JsonTokenType.PropertyName)
        {
            var nameStart = (int)Reader.TokenStartIndex;
            var isAnalysis = NameIs("analysis"u8, "analysis");
            var onPath = NameIs(pointer.Segments[0].Utf8, pointer.Segments[0].Name);
            Reader.Read();
            if (onPath) Follow(1);
            else Reader.Skip();
            var end = (int)Reader.BytesConsumed;
            if (isAnalysis) Remove(kept, previousEnd, nameStart, end);
            else kept = true;
            previousEnd = end;
        }
        envelope = new((int)Reader.TokenStartIndex, kept, _removeStart, _removeEnd);
        problem = default;
        if (_foundSegments == pointer.Segments.Length && _found.Kind == JsonTokenType.String) return true;
        problem = Describe();
        return false;
    }

    /// <summary>True when the member name that the reader stands at is this one, escaped or not.</summary>
    public readonly bool NameIs(ReadOnlySpan<byte> utf8, string name) =>
        Reader.ValueIsEscaped ? JsonText.Unescape(Reader.ValueSpan) == name : Reader.ValueSpan.SequenceEqual(utf8);

    /// <summary>The value that the reader stands at; leaves the reader at its end.</summary>
    public JsonMark Mark()
    {
        var (kind, start) = (Reader.TokenType, (int)Reader.TokenStartIndex);
        var escaped = kind == JsonTokenType.String && Reader.ValueIsEscaped;
        Reader.Skip();
        return new(kind, start, (int)Reader.BytesConsumed, escaped);
    }

    /// <summary>Says in words why the document is not well-formed.</summary>
    public readonly Problem Malformed(JsonException exception)
    {
        var lineStart = 0;
        for (var line = exception.LineNumber ?? 0; line > 0; line--) lineStart += _json[lineStart..].IndexOf((byte)'\n') + 1;
        var at = Math.Min(lineStart + (int)(exception.BytePositionInLine ?? 0), _json.Length);
        // The reader's words quote a few characters at most; its line and position follow and are said better here.
        var words = exception.Message.AsSpan();
        var tail = words.IndexOf(" LineNumber:", StringComparison.Ordinal);
        if (tail >= 0) words = words[..tail];
        return new(
            RejectionReason.MalformedPayload,
            $"The payload is not well-formed JSON at {At(at)} of {_json.Length + shift}: {words[..Math.Min(words.Length, 160)]} " +
            $"Expected one JSON object with the text at {pointer}.");
    }

    // The reader stands at a value that the first parts of the pointer lead to.
    private void Follow(int segments)
    {
        var start = (int)Reader.TokenStartIndex;
        (_found, _foundSegments, _foundElements) = (new(Reader.TokenType, start, 0), segments, 0);
        if (segments == pointer.Segments.Length)
        {
            _found = Mark();
            return;
        }
        ref readonly var next = ref pointer.Segments[segments];
        if (Reader.TokenType == JsonTokenType.StartObject)
        {
            while (Reader.Read() && Reader.TokenType == JsonTokenType.PropertyName)
            {
                var onPath = NameIs(next.Utf8, next.Name);
                Reader.Read();
                if (onPath) Follow(segments + 1);
                else Reader.Skip();
            }
        }
        else if (Reader.TokenType == JsonTokenType.StartArray)
        {
            var index = 0;
            for (; Reader.Read() && Reader.TokenType != JsonTokenType.EndArray; index++)
            {
                if (index == next.Index) Follow(segments + 1);
                else Reader.Skip();
            }
            if (_foundSegments == segments) _foundElements = index;
        }
    }

    // A member takes the comma before it along, or, when nothing before it stays, the one after it.
    private void Remove(bool kept, int previousEnd, int nameStart, int end)
    {
        if (_removeStart >= 0) (_earlier ??= []).Add((_removeStart, _removeEnd));
        if (kept)
        {
            _removeStart = previousEnd + _json[previousEnd..].IndexOf((byte)',');
            _removeEnd = end;
            return;
        }
        _removeStart = nameStart;
        var next = end + _json[end..].IndexOfAnyExcept(" \t\r\n"u8);
        _removeEnd = next >= end && _json[next] == ',' ? next + 1 : end;
    }

    private readonly Problem Describe()
    {
        var at = At(_found.Start);
        if (_foundSegments == pointer.Segments.Length)
            return new(RejectionReason.WrongType, $"The text at {pointer} is {_found.Name} ({at}); expected a string.");
        var prefix = pointer.Prefix(_foundSegments);
        var holder = prefix.Length == 0 ? "the object that should hold the text" : prefix;
        return new(RejectionReason.MissingText, _found.Kind switch
        {
            JsonTokenType.StartObject =>
                $"There is no member \"{pointer.Segments[_foundSegments].Name}\" in {holder} ({at}); expected the text at {pointer}.",
            JsonTokenType.StartArray =>
                $"The array at {prefix} ({at}) has {_foundElements} elements and none that \"{pointer.Segments[_foundSegments].Name}\" " +
                $"names; expected the text at {pointer}.",
            _ => $"The value at {prefix} is {_found.Name} ({at}); expected an object or array with the text at {pointer}.",
        });
    }
}
