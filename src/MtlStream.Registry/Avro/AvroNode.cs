using System.Text;

namespace MtlStream.Registry.Avro;

internal enum AvroKind
{
    Null,
    Boolean,
    Int,
    Long,
    Float,
    Double,
    Bytes,
    String,
    Fixed,
    Enum,
    Array,
    Map,
    Union,
    Record,
}

/// <param name="Utf8">The name in UTF-8.</param>
internal sealed record AvroField(string Name, byte[] Utf8, AvroNode Type);

/// <summary>A type of a schema, linked to those it is made of; recursive types are circles. Immutable once the schema is read.</summary>
internal sealed class AvroNode(AvroKind kind, string name)
{
    public AvroKind Kind { get; } = kind;

    /// <summary>Full name of what has one; else the kind's.</summary>
    public string Name { get; } = name;

    /// <summary>Of a <c>fixed</c>, in bytes.</summary>
    public int Size { get; init; }

    public IReadOnlyList<byte[]> Symbols { get; init; } = [];

    public IReadOnlyList<AvroField> Fields { get; set; } = [];

    public IReadOnlyList<AvroNode> Branches { get; set; } = [];

    /// <summary>Of arrays and maps.</summary>
    public AvroNode? Item { get; set; }

    /// <summary>Bytes of every value of it; -1 where values differ.</summary>
    public int FixedSize { get; set; } = -1;

    /// <summary>Whether it is a record that gets the field <c>analysis</c>: the value's own, wherever else it occurs.</summary>
    public bool Extended { get; set; }

    /// <summary>Whether such a record may be inside.</summary>
    public bool HoldsExtended { get; set; }

    public override string ToString() => Kind is AvroKind.Fixed or AvroKind.Enum or AvroKind.Record
        ? $"{Kind.ToString().ToLowerInvariant()} {Name}" : Name;

    internal static byte[] Utf8(string text) => Encoding.UTF8.GetBytes(text);
}
