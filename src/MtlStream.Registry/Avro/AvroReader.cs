using System.Runtime.InteropServices;
using MtlStream.Events;
using MtlStream.Json;
using MtlStream.Registry.Answers;
using MtlStream.Registry.Schemas;
using MtlStream.Registry.Values;

namespace MtlStream.Registry.Avro;

/// <summary>Values of one Avro schema. Immutable, thread-safe.</summary>
internal sealed class AvroReader : SchemaReader
{
    private readonly AvroSchema _schema;
    private readonly TextPointers _pointers;
    private readonly AvroStep _steps;
    private readonly string _name;

    /// <param name="name">Which schema it is, for messages.</param>
    /// <exception cref="UnusableSchemaException">It is no Avro schema.</exception>
    public AvroReader(string name, SchemaText schema, TextPointers pointers)
    {
        _name = name;
        _schema = AvroSchema.Parse(schema);
        _pointers = pointers;
        try
        {
            _steps = AvroSteps.Of(_schema.Root, PointerTree.Of(pointers));
        }
        catch (InsufficientExecutionStackException)
        {
            throw new UnusableSchemaException("The schema's types are too many levels deep in each other");
        }
    }

    public override IReadOnlySet<int>? TextsIn(object? type) =>
        _schema.Root.Kind == AvroKind.String ? null : AvroSteps.TextsIn(_steps);

    public override Problem? Read(in Frame frame, out LocatedText text, out ValuePlaces places)
    {
        text = default;
        places = default;
        var found = new FoundValues();
        var walk = new AvroWalk(frame.Bytes, frame.Start, found);
        try
        {
            walk.Read(_steps);
        }
        catch (BadValueException bad)
        {
            return new(RejectionReason.MalformedPayload, $"The value is not what its schema says ({_name}): {bad.Message}.");
        }
        if (_schema.Root.Kind == AvroKind.String)
        {
            text = new(TextOfString(frame), default);
            places = new(frame.Start, (frame.Bytes.Length, frame.Bytes.Length));
            return null;
        }
        if (!TextChoice.TryChoose(_pointers, found, frame.Bytes, _name, out var piece, out var pieces, out var problem)) return problem;
        text = new(piece, default, pieces);
        var end = frame.Bytes.Length;
        places = new(frame.Start, walk.OwnStart < 0 ? (end, end) : (walk.OwnStart, walk.OwnEnd), walk.Inner);
        return null;
    }

    public override SchemaText Extend(AnalysisForm form, object? type, out string name)
    {
        name = _schema.Records.FirstOrDefault()?.Name ?? "";
        return AvroExtension.Of(_schema, form);
    }

    public override byte[] Answer(AnalysisForm form, ReadOnlySpan<byte> frame, byte[] value, in ValuePlaces places, ReadOnlySpan<byte> json)
    {
        var written = ByteWriter.ForThisThread();
        AvroAnalysis.Write(form, json, written);
        if (places.Others is null) return Edits.Apply(frame, value, places.Start, [places.Own], default, written.Written, 0);
        List<(int Start, int End)> all = [.. places.Others, places.Own];
        all.Sort(); // the value's own one is behind those inside it that end where it does
        return Edits.Apply(frame, value, places.Start, CollectionsMarshal.AsSpan(all), [0], written.Written, all.LastIndexOf(places.Own));
    }

    public override byte[] ToJson(byte[] value, in ValuePlaces places)
    {
        var output = Utf8Buffer.ForAnswers();
        AvroJson.Write(_schema.Root, value, places.Start, output);
        return output.Written.ToArray();
    }

    // A value that is a text by itself, as JSON's.
    private static TextPiece TextOfString(in Frame frame)
    {
        var bytes = new ByteReader(frame.Bytes, frame.Start);
        var start = bytes.Take(bytes.ReadZigZag(), "a string");
        return new(frame.Bytes, start, bytes.At);
    }
}
