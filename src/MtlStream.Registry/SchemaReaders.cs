using MtlStream.Events;
using MtlStream.Registry.Avro;
using MtlStream.Registry.Protobuf;
using MtlStream.Registry.Schemas;

namespace MtlStream.Registry;

/// <summary>Schemas to what reads their values.</summary>
internal static class SchemaReaders
{
    /// <param name="name">Which schema it is, for messages.</param>
    /// <exception cref="UnusableSchemaException">It cannot be read.</exception>
    public static SchemaReader Of(string name, SchemaText schema, TextPointers pointers) => schema.Type switch
    {
        SchemaType.Avro => new AvroReader(name, schema, pointers),
        SchemaType.Protobuf => new ProtoReader(name, schema, pointers),
        _ => new JsonSchemaReader(schema),
    };
}
