using System.Text.Json;
using MtlStream.Json;

namespace MtlStream.Events;

/// <summary>How far one pointer has led in an object.</summary>
internal struct JsonPath
{
    /// <summary>The text, or the value in which the next part of the pointer was not found.</summary>
    public JsonMark Found;

    /// <summary>Parts of the pointer that lead to <see cref="Found"/>.</summary>
    public int FoundParts;

    /// <summary>Elements of <see cref="Found"/>, where it is an array that was read to its end.</summary>
    public int FoundElements;

    /// <summary>Parts that lead to the object or array that is being read.</summary>
    public int Parts;

    /// <summary>Index of the element that was read last, where that is an array.</summary>
    public int Index;
}

/// <summary>One pass over a JSON document, without recursion: finds where pointers lead in an object, and where it takes the member <c>analysis</c>.</summary>
/// <remarks>Of members with the same name the last one counts. The document must be valid UTF-8.</remarks>
/// <param name="paths">Room for the state of each pointer.</param>
internal ref struct JsonTextScan(ReadOnlySpan<byte> json, TextPointers pointers, Span<JsonPath> paths, JsonPlace place)
{
    /// <summary>Deepest nesting that is read. Jackson, the reader most used on the JVM, refuses more by default.</summary>
    public const int MaxDepth = 1000;

    /// <summary>Stands at the token read last; a caller moves it to the object that holds the text.</summary>
    public Utf8JsonReader Reader = new(JsonErrors.UpToBadLiteral(json), new JsonReaderOptions { MaxDepth = MaxDepth });

    private readonly ReadOnlySpan<byte> _json = json;
    private readonly Span<JsonPath> _paths = paths;

    // The members `analysis` that are already there.
    private int _removeStart = -1;
    private int _removeEnd = -1;
    private List<(int Start, int End)>? _earlier;
    private bool _kept;
    private int _previousEnd;

    // The member of the object that is being read.
    private Known _member;
    private int _nameStart;
    private JsonMark _value;

    private enum Known
    {
        No,
        Analysis,
        Schema,
        Payload,
        SpecVersion,
    }

    /// <summary>Members of the object.</summary>
    public int Members { get; private set; }

    /// <summary>The members that make Kafka Connect's envelope; of kind None where they are missing.</summary>
    public JsonMark Schema { get; private set; }

    public JsonMark Payload { get; private set; }

    /// <summary>Whether it has a member <c>specversion</c>, as CloudEvents do.</summary>
    public bool HasSpecVersion { get; private set; }

    public readonly ReadOnlySpan<byte> Json => _json;

    public readonly TextPointers Pointers => pointers;

    public readonly JsonPlace Place => place;

    private readonly bool IsEscaped => Reader.TokenType == JsonTokenType.String && Reader.ValueIsEscaped;

    /// <summary>Earlier members <c>analysis</c> of the same object, in order; null when there are none.</summary>
    public readonly IReadOnlyList<(int Start, int End)>? Earlier => _earlier;

    /// <summary>How far a pointer has led.</summary>
    public readonly JsonPath PathOf(int pointer) => _paths[pointer];

    /// <summary>Reads the object that the reader stands at to its end.</summary>
    /// <exception cref="JsonException">The document is not well-formed.</exception>
    public Envelope ReadObject()
    {
        Begin();
        var level = 0; // objects and arrays between here and the object, all of them on the way of a pointer
        while (Reader.Read())
        {
            switch (Reader.TokenType)
            {
                case JsonTokenType.EndObject or JsonTokenType.EndArray when level == 0:
                    return new((int)Reader.TokenStartIndex, _kept, _removeStart, _removeEnd);
                case JsonTokenType.EndObject or JsonTokenType.EndArray:
                    Leave(level);
                    level--;
                    break;
                case JsonTokenType.PropertyName:
                    if (level == 0) BeginMember();
                    var leads = LeadingMember(level);
                    Reader.Read();
                    if (level == 0) _value = new(Reader.TokenType, (int)Reader.TokenStartIndex, 0, IsEscaped);
                    if (Enter(level, leads)) level++;
                    break;
                default:
                    if (Enter(level, LeadingElement(level))) level++;
                    break;
            }
            if (level == 0) EndMember();
        }
        throw new JsonException("The document ends inside an object."); // the reader throws before
    }

    /// <summary>True when the member name that the reader stands at is this one, escaped or not.</summary>
    public readonly bool NameIs(ReadOnlySpan<byte> utf8, string name)
    {
        if (!Reader.ValueIsEscaped) return Reader.ValueSpan.SequenceEqual(utf8);
        // An escape takes six bytes a unit at most: a longer name is another one.
        return Reader.ValueSpan.Length <= 6 * name.Length && JsonText.Unescape(Reader.ValueSpan) == name;
    }

    /// <summary>The value that the reader stands at; leaves the reader at its end.</summary>
    public JsonMark Mark()
    {
        var kind = Reader.TokenType;
        var start = (int)Reader.TokenStartIndex;
        var escaped = IsEscaped;
        Reader.Skip();
        return new(kind, start, (int)Reader.BytesConsumed, escaped);
    }

    /// <summary>Says in words why the document is not well-formed.</summary>
    public readonly Problem Malformed(JsonException exception) =>
        JsonErrors.Malformed(_json, Reader, exception, place, $"one JSON object with the text at {pointers}");

    private void Begin()
    {
        var start = new JsonMark(JsonTokenType.StartObject, (int)Reader.TokenStartIndex, 0);
        foreach (ref var path in _paths) path = new() { Found = start };
        _removeStart = -1;
        _removeEnd = -1;
        _earlier = null;
        _kept = false;
        _previousEnd = 0;
        Members = 0;
    }

    private void BeginMember()
    {
        _nameStart = (int)Reader.TokenStartIndex;
        _member = NameIs("analysis"u8, "analysis") ? Known.Analysis
            : NameIs("schema"u8, "schema") ? Known.Schema
            : NameIs("payload"u8, "payload") ? Known.Payload
            : NameIs("specversion"u8, "specversion") ? Known.SpecVersion
            : Known.No;
        Members++;
    }

    private void EndMember()
    {
        var end = (int)Reader.BytesConsumed;
        if (_member == Known.Analysis) Remove(end);
        else _kept = true;
        if (_member == Known.Schema) Schema = _value with { End = end };
        else if (_member == Known.Payload) Payload = _value with { End = end };
        else if (_member == Known.SpecVersion) HasSpecVersion = true;
        _previousEnd = end;
    }

    /// <summary>The pointers, one bit each, that the member leads on whose name the reader stands at.</summary>
    private readonly uint LeadingMember(int level)
    {
        var leads = 0u;
        for (var i = 0; i < _paths.Length; i++)
        {
            if (_paths[i].Parts != level) continue;
            ref readonly var next = ref pointers[i].Segments[level];
            if (NameIs(next.Utf8, next.Name)) leads |= 1u << i;
        }
        return leads;
    }

    /// <summary>The pointers, one bit each, that the element leads on that the reader stands at.</summary>
    private readonly uint LeadingElement(int level)
    {
        var leads = 0u;
        for (var i = 0; i < _paths.Length; i++)
        {
            ref var path = ref _paths[i];
            if (path.Parts == level && ++path.Index == pointers[i].Segments[level].Index) leads |= 1u << i;
        }
        return leads;
    }

    /// <summary>Takes a value that pointers lead to. True when the reader stands inside of it; else it is at its end.</summary>
    private bool Enter(int level, uint leads)
    {
        var kind = Reader.TokenType;
        var opens = kind is JsonTokenType.StartObject or JsonTokenType.StartArray;
        var entered = false;
        for (var i = 0; leads >> i != 0; i++)
        {
            if ((leads >> i & 1) == 0) continue;
            ref var path = ref _paths[i];
            path.Found = new(kind, (int)Reader.TokenStartIndex, (int)Reader.BytesConsumed, IsEscaped);
            path.FoundParts = level + 1;
            path.FoundElements = 0;
            if (!opens || level + 1 == pointers[i].Segments.Length) continue;
            path.Parts = level + 1;
            path.Index = -1;
            entered = true;
        }
        if (!entered) Reader.Skip();
        return entered;
    }

    // The reader stands at the end of an object or array that it was inside of.
    private readonly void Leave(int level)
    {
        for (var i = 0; i < _paths.Length; i++)
        {
            ref var path = ref _paths[i];
            if (path.Parts != level) continue;
            if (path.FoundParts == level) path.FoundElements = path.Index + 1;
            path.Parts = level - 1;
            path.Index = pointers[i].Segments[level - 1].Index;
        }
    }

    // A member takes the comma before it along, or, when nothing before it stays, the one after it.
    private void Remove(int end)
    {
        if (_removeStart >= 0) (_earlier ??= []).Add((_removeStart, _removeEnd));
        if (_kept)
        {
            _removeStart = _previousEnd + _json[_previousEnd..].IndexOf((byte)',');
            _removeEnd = end;
            return;
        }
        _removeStart = _nameStart;
        var next = end + _json[end..].IndexOfAnyExcept(" \t\r\n"u8);
        _removeEnd = next >= end && _json[next] == ',' ? next + 1 : end;
    }
}
