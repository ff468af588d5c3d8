using System.Runtime.CompilerServices;
using MtlStream.Events;

namespace MtlStream.Registry.Values;

internal enum FoundKind
{
    /// <summary>Nothing there.</summary>
    None,
    Text,
    Null,

    /// <summary>Something that is no text.</summary>
    Other,
}

/// <summary>What a pointer has led to in a value.</summary>
/// <param name="Type">What the schema calls it.</param>
/// <param name="Body">Holds the text where it is not in the value itself, as an enum's symbol; else null.</param>
internal readonly record struct FoundValue(FoundKind Kind, int Start = 0, int End = 0, string? Type = null, byte[]? Body = null);

/// <summary>One for each pointer; on the stack.</summary>
[InlineArray(TextPointers.Most)]
internal struct FoundValues
{
    private FoundValue _first;
}
