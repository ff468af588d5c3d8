using System.Globalization;

namespace MtlStream.Registry.Schemas;

/// <summary>How an event names its schema: by the registry's number, or by a GUID.</summary>
/// <param name="Number">-1 where it is a GUID.</param>
internal readonly record struct SchemaKey(long Number, Guid Guid)
{
    public static SchemaKey Of(long number) => new(number, default);

    public static SchemaKey Of(Guid guid) => new(-1, guid);

    public override string ToString() =>
        Number < 0 ? $"schema GUID {Guid}" : string.Create(CultureInfo.InvariantCulture, $"schema id {Number}");
}

internal enum SchemaType
{
    Avro,
    Protobuf,
    Json,
}

/// <summary>A schema as the registry gives it.</summary>
/// <param name="References">What it refers to, by the name that it uses; each before those that refer to it.</param>
internal sealed record SchemaText(SchemaType Type, string Text, IReadOnlyList<SchemaReferenceText> References);

/// <param name="Name">Full name of an Avro type, path of an imported .proto file.</param>
/// <param name="Subject">Where it is registered, with its version.</param>
internal sealed record SchemaReferenceText(string Name, string Text, string Subject, int Version);

/// <summary>The registry has no such schema, or none that can be read: trying again would not help.</summary>
/// <param name="message">What was found, without a full stop and without text of events.</param>
internal sealed class UnusableSchemaException(string message) : Exception(message);

/// <summary>The registry did not answer, or not as a registry does: trying again may help.</summary>
/// <param name="message">Why, without a full stop and without secrets.</param>
internal sealed class RegistryTroubleException(string message, Exception? inner = null) : Exception(message, inner);
