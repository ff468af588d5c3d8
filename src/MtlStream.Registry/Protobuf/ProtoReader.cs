using System.Collections.Concurrent;
using System.Text;
using MtlStream.Events;
using MtlStream.Json;
using MtlStream.Registry.Answers;
using MtlStream.Registry.Schemas;
using MtlStream.Registry.Values;

namespace MtlStream.Registry.Protobuf;

/// <summary>Values of one .proto file. Immutable but for what it remembers, thread-safe.</summary>
internal sealed class ProtoReader : SchemaReader
{
    private const string Field = "analysis";

    /// <summary>First number that is tried for the field: beyond what people give, below what Protobuf keeps for itself.</summary>
    private const int FirstNumber = 15_000;

    private readonly string _name;
    private readonly SchemaText _text;
    private readonly ProtoSchema _schema;
    private readonly TextPointers _pointers;
    private readonly PointerTree _tree;
    private readonly ConcurrentDictionary<ProtoMessage, Steps> _steps = [];

    /// <param name="name">Which schema it is, for messages.</param>
    /// <exception cref="UnusableSchemaException">It is no .proto file.</exception>
    public ProtoReader(string name, SchemaText schema, TextPointers pointers)
    {
        _name = name;
        _text = schema;
        _schema = ProtoSchema.Parse(schema);
        _pointers = pointers;
        _tree = PointerTree.Of(pointers);
    }

    private sealed record Steps(ProtoStep Root, int Number);

    public override object? TypeOf(string? name) => name is null ? _schema.Messages[0]
        : _schema.Find(name) ?? throw new UnusableSchemaException($"The schema has no message {name}");

    public override IReadOnlySet<int>? TextsIn(object? type) => ProtoSteps.TextsIn(StepsOf((ProtoMessage)type!).Root);

    public override Problem? Read(in Frame frame, out LocatedText text, out ValuePlaces places)
    {
        text = default;
        places = default;
        var found = new FoundValues();
        try
        {
            var message = MessageOf(frame, out var start);
            var steps = StepsOf(message);
            var walk = new ProtoWalk(frame.Bytes, start, found, steps.Number);
            walk.Read(steps.Root);
            if (!TextChoice.TryChoose(_pointers, found, frame.Bytes, _name, out var piece, out var pieces, out var problem)) return problem;
            text = new(piece, default, pieces);
            var end = frame.Bytes.Length;
            places = new(frame.Start, (end, end), walk.Own, message);
            return null;
        }
        catch (BadValueException bad)
        {
            return new(RejectionReason.MalformedPayload, $"The value is not what its schema says ({_name}): {bad.Message}.");
        }
    }

    public override SchemaText Extend(AnalysisForm form, object? type, out string name)
    {
        var message = (ProtoMessage)type!;
        name = message.FullName;
        if (NumberOf(message) == 0) throw new UnusableSchemaException($"The message {name} has a field {Field} of its own, and cannot get another");
        var text = ProtoText.Without(_text.Text, message.Path, ProtoAnalysis.TypeName, Field);
        var end = ProtoText.EndOf(text, message.Path);
        if (end < 0) throw new UnusableSchemaException($"The message {name} is not in the text of the schema itself, and cannot get a field there");
        var label = _schema.HasEdition ? "" : "optional ";
        var field = $"  {label}{ProtoAnalysis.TypeName} {Field} = {NumberOf(message)};\n";
        var extended = text[..end].TrimEnd() + "\n" + ProtoAnalysis.Declaration(form, _schema.HasEdition) + field + text[end..];
        return _text with { Text = extended };
    }

    public override byte[] Answer(AnalysisForm form, ReadOnlySpan<byte> frame, byte[] value, in ValuePlaces places, ReadOnlySpan<byte> json)
    {
        var written = ByteWriter.ForThisThread();
        ProtoAnalysis.Write(form, StepsOf((ProtoMessage)places.Type!).Number, json, written);
        if (places.Others is null) return Edits.Apply(frame, value, places.Start, [places.Own], default, written.Written, 0);
        (int, int)[] all = [.. places.Others, places.Own];
        return Edits.Apply(frame, value, places.Start, all, default, written.Written, all.Length - 1);
    }

    public override byte[] ToJson(byte[] value, in ValuePlaces places)
    {
        var output = Utf8Buffer.ForAnswers();
        var message = (ProtoMessage)places.Type!;
        MessageOf(new(FrameForm.Id, default, value, places.Start), out var start);
        ProtoJson.Write(message, value, start, output);
        return output.Written.ToArray();
    }

    private Steps StepsOf(ProtoMessage message) => _steps.GetOrAdd(message, static (m, tree) => new(ProtoSteps.Of(m, tree), NumberOf(m)), _tree);

    /// <summary>The number of a message's field <c>analysis</c>: the one that an earlier answer has, or one that is free; 0 where another field has its name.</summary>
    private static int NumberOf(ProtoMessage message)
    {
        if (message.Fields.Find(f => f.Name == Field) is { } own)
        {
            if (own.Message?.Path is [.., ProtoAnalysis.TypeName]) return own.Number;
            return 0;
        }
        var number = FirstNumber;
        while (message.IsTaken(number)) number++;
        return number;
    }

    /// <summary>Which of the schema's messages a value is, and where it begins.</summary>
    private ProtoMessage MessageOf(in Frame frame, out int start)
    {
        start = frame.Start;
        if (frame.Form is FrameForm.LongId or FrameForm.ApicurioHeader) return ApicurioMessage(frame, ref start);
        var reader = frame.Indexes is { } indexes ? new ByteReader(indexes, 0) : new ByteReader(frame.Bytes, frame.Start);
        if (frame.Form == FrameForm.Glue)
        {
            var index = reader.ReadVarint();
            if (index != 0) throw new BadValueException($"AWS Glue's message index is {index}; only that of the first message, 0, is read");
            start = reader.At;
            return _schema.Messages[0];
        }
        if (frame.Indexes is { Length: 0 }) return _schema.Messages[0];
        var message = ByIndexes(ref reader);
        if (frame.Indexes is null) start = reader.At;
        return message;
    }

    // How many there are, and for each level the index of the message in it; a single 0 for the first message.
    private ProtoMessage ByIndexes(ref ByteReader reader)
    {
        var count = reader.ReadZigZag();
        if (count == 0) return _schema.Messages[0];
        if (count is < 0 or > 100) throw new BadValueException($"there are {count} message indexes, expected 0 to 100");
        var messages = _schema.Messages;
        ProtoMessage? message = null;
        for (; count > 0; count--)
        {
            var index = reader.ReadZigZag();
            if (index < 0 || index >= messages.Count) throw new BadValueException($"the message index is {index}, and the schema has {messages.Count} messages there");
            message = messages[(int)index];
            messages = message.Declared;
        }
        return message!;
    }

    // A message Ref { string name = 1; } with its length before it; where it stands in headers, the first message is meant.
    private ProtoMessage ApicurioMessage(in Frame frame, ref int start)
    {
        var bytes = frame.Bytes.AsSpan(frame.Start);
        if (bytes is [var length, 10, var letters, ..] && length == letters + 2 && bytes.Length >= length + 1
            && _schema.Find(Encoding.UTF8.GetString(bytes.Slice(3, letters))) is { } named)
        {
            start += length + 1;
            return named;
        }
        return _schema.Messages[0];
    }
}
