using MtlStream.Events;
using MtlStream.Registry.Answers;
using MtlStream.Registry.Schemas;
using MtlStream.Registry.Values;

namespace MtlStream.Registry;

/// <summary>Where in a value the analysis goes. Indexes are bytes of what the value is in.</summary>
/// <param name="Start">First byte of what is carried: the value, and what stands between the frame and it.</param>
/// <param name="Own">Where the analysis goes, and where one that is there ends.</param>
/// <param name="Others">Other places that are edited: null for nearly every event.</param>
/// <param name="Type">Which of the schema's types the value is, where it has several; the same instance for all values of one type.</param>
internal readonly record struct ValuePlaces(
    int Start, (int Start, int End) Own, IReadOnlyList<(int Start, int End)>? Others = null, object? Type = null);

/// <summary>Reads the values of one schema, and writes answers to them. Immutable, thread-safe.</summary>
internal abstract class SchemaReader
{
    /// <summary>How long it is kept; null for as long as there is room.</summary>
    public virtual TimeSpan? Keep => null;

    /// <summary>False for a value that another codec reads.</summary>
    public virtual bool TakesValues => true;

    /// <summary>The same of one value.</summary>
    public virtual bool Takes(in Frame frame) => TakesValues;

    /// <summary>The type of that name, or the first one where none is given; null where the schema has one type alone.</summary>
    /// <exception cref="UnusableSchemaException">There is none of that name.</exception>
    public virtual object? TypeOf(string? name) => null;

    /// <summary>The pointers, by their index, that may lead to a text in values of a type; null where that is not known.</summary>
    public virtual IReadOnlySet<int>? TextsIn(object? type) => null;

    /// <summary>Finds the text of a value.</summary>
    public abstract Problem? Read(in Frame frame, out LocatedText text, out ValuePlaces places);

    /// <summary>The schema of the answers to values of a type.</summary>
    /// <param name="name">Full name of what they are: a record or message.</param>
    /// <exception cref="UnusableSchemaException">There can be none.</exception>
    public abstract SchemaText Extend(AnalysisForm form, object? type, out string name);

    /// <summary>The value of an answer under such a schema.</summary>
    public abstract byte[] Answer(AnalysisForm form, ReadOnlySpan<byte> frame, byte[] value, in ValuePlaces places, ReadOnlySpan<byte> json);

    /// <summary>The value as a JSON object up to where one more member can follow.</summary>
    /// <exception cref="BadValueException">A part of it that reading passed over is not what the schema says.</exception>
    public abstract byte[] ToJson(byte[] value, in ValuePlaces places);
}

/// <summary>A schema that there is not, or that cannot be read: its events are dead letters.</summary>
internal sealed class UnusableSchema(SchemaKey key, string problem) : SchemaReader
{
    /// <summary>It may be registered later, and its dead letters replayed.</summary>
    private static readonly TimeSpan s_kept = TimeSpan.FromMinutes(1);

    public override TimeSpan? Keep => s_kept;

    /// <remarks>Schemas of AWS Glue's own service are not to be had, and JSON is read without.</remarks>
    public override bool Takes(in Frame frame) =>
        frame.Form != FrameForm.Glue || frame.Bytes.AsSpan(frame.Start).TrimStart(" \t\r\n"u8) is not [(byte)'{' or (byte)'[', ..];

    public override Problem? Read(in Frame frame, out LocatedText text, out ValuePlaces places)
    {
        text = default;
        places = default;
        var glue = frame.Form == FrameForm.Glue ? " of AWS Glue's frame, whose own service is not asked" : "";
        return new(RejectionReason.UnknownSchema, $"{problem} ({key}{glue}); expected one that the registry has and that can be read.");
    }

    public override SchemaText Extend(AnalysisForm form, object? type, out string name) => throw new UnusableSchemaException(problem);

    public override byte[] Answer(AnalysisForm form, ReadOnlySpan<byte> frame, byte[] value, in ValuePlaces places, ReadOnlySpan<byte> json) =>
        throw new InvalidOperationException("There is no text that this answers.");

    public override byte[] ToJson(byte[] value, in ValuePlaces places) =>
        throw new InvalidOperationException("There is no text that this answers.");
}

/// <summary>JSON behind a frame: <see cref="JsonCodec"/> reads it without its schema.</summary>
internal sealed class JsonSchemaReader(SchemaText schema) : SchemaReader
{
    public override bool TakesValues => false;

    public override Problem? Read(in Frame frame, out LocatedText text, out ValuePlaces places) => throw NotHere();

    /// <remarks>Answers do not need it: it is registered on request, for those who check them.</remarks>
    public override SchemaText Extend(AnalysisForm form, object? type, out string name)
    {
        name = "json";
        return JsonSchemaForm.Of(schema, form);
    }

    public override byte[] Answer(AnalysisForm form, ReadOnlySpan<byte> frame, byte[] value, in ValuePlaces places, ReadOnlySpan<byte> json) => throw NotHere();

    public override byte[] ToJson(byte[] value, in ValuePlaces places) => throw NotHere();

    private static InvalidOperationException NotHere() => new("JSON is read elsewhere.");
}
