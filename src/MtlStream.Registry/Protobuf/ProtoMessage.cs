namespace MtlStream.Registry.Protobuf;

internal enum ProtoKind
{
    /// <summary>A whole number, an enum or a boolean: a varint.</summary>
    Varint,
    Fixed32,
    Fixed64,
    String,
    Bytes,
    Message,
    Group,
}

/// <summary>How a varint or a fixed number is written in JSON.</summary>
internal enum ProtoNumber
{
    Signed,
    Unsigned,
    ZigZag,
    Boolean,
    Enum,
    Real,
}

/// <param name="JsonName">Name in JSON: camel case, unless the schema says otherwise.</param>
/// <param name="Type">What the schema calls its type, for messages.</param>
/// <param name="Oneof">Index of the <c>oneof</c> that it is a part of; -1 for none.</param>
internal sealed record ProtoField(int Number, string Name, string JsonName, ProtoKind Kind, string Type, bool IsRepeated, int Oneof)
{
    public ProtoNumber Format { get; init; }

    /// <summary>Of messages and groups.</summary>
    public ProtoMessage? Message { get; set; }

    /// <summary>Names of an enum's numbers.</summary>
    public IReadOnlyDictionary<int, byte[]> Symbols { get; init; } = new Dictionary<int, byte[]>();

    /// <summary>Whether a field of that wire type can be it; else it is one that nobody knows.</summary>
    public bool Fits(int wire) => wire switch
    {
        0 => Kind == ProtoKind.Varint,
        1 => Kind == ProtoKind.Fixed64,
        5 => Kind == ProtoKind.Fixed32,
        3 => Kind == ProtoKind.Group,
        _ => Kind is ProtoKind.String or ProtoKind.Bytes or ProtoKind.Message || IsRepeated,
    };

    public bool IsMap => Message is { IsMapEntry: true } && IsRepeated;
}

/// <summary>A message of a schema, linked to those it is made of. Immutable once the schema is read.</summary>
/// <param name="path">Names from the outermost message of its file to this one.</param>
internal sealed class ProtoMessage(string fullName, IReadOnlyList<string> path, bool isMapEntry)
{
    public string FullName { get; } = fullName;

    public IReadOnlyList<string> Path { get; } = path;

    public bool IsMapEntry { get; } = isMapEntry;

    public List<ProtoField> Fields { get; } = [];

    /// <summary>Messages declared in it; entries of maps, which nobody declares, left out.</summary>
    public List<ProtoMessage> Declared { get; } = [];

    /// <summary>Numbers that no new field may have: those of fields, reserved ones and those of extensions.</summary>
    public Func<int, bool> IsTaken { get; set; } = _ => false;
}
