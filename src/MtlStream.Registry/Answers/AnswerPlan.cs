using System.Buffers.Binary;
using MtlStream.Events;
using MtlStream.Registry.Schemas;

namespace MtlStream.Registry.Answers;

/// <summary>The form of the analyses of one model; equal to itself alone.</summary>
internal sealed class FormVersion(AnalysisForm form)
{
    public AnalysisForm Form { get; } = form;

    public string Signature { get; } = form.Signature;
}

/// <summary>What a schema of answers depends on.</summary>
/// <param name="Type">Which of the schema's types; null where it has one.</param>
/// <param name="Reader">Not part of the identity: it may be made again.</param>
internal readonly record struct AnswerKey(SchemaKey Schema, object? Type, FormVersion Form, SchemaReader Reader)
{
    public bool Equals(AnswerKey other) => Schema == other.Schema && Equals(Type, other.Type) && ReferenceEquals(Form, other.Form);

    public override int GetHashCode() => HashCode.Combine(Schema, Type, Form);

    public override string ToString() => $"the schema of the answers to {Schema}";
}

/// <summary>How the events of one schema are answered in kind. Immutable.</summary>
internal sealed class AnswerPlan
{
    private readonly AnswerKey _key;
    private readonly SubjectSchema? _schema;
    private readonly Dictionary<FrameForm, SameAnswer> _states = [];

    public AnswerPlan(AnswerKey key, SubjectSchema schema)
    {
        _key = key;
        _schema = schema;
        foreach (var form in Enum.GetValues<FrameForm>()) _states[form] = Make(form, null, null);
    }

    private AnswerPlan(Problem problem) => Problem = problem;

    /// <summary>Why there is no answer; null where there is.</summary>
    public Problem? Problem { get; }

    public TimeSpan? Keep => Problem is null ? null : TimeSpan.FromMinutes(1);

    public static AnswerPlan Without(Problem problem) => new(problem);

    /// <summary>How one event is answered; the same instance for nearly all of them.</summary>
    public AnswerState StateOf(in Frame frame, in ValuePlaces places)
    {
        if (places.Others is null && frame.Header is null && frame.Indexes is not { Length: > 0 }) return _states[frame.Form];
        return Make(frame.Form, frame, places.Others);
    }

    private SameAnswer Make(FrameForm form, Frame? frame, IReadOnlyList<(int Start, int End)>? others)
    {
        var (id, guid) = (_schema!.Id, _schema.Guid);
        byte[] number = new byte[4];
        byte[] longNumber = new byte[8];
        BinaryPrimitives.WriteInt32BigEndian(number, id);
        BinaryPrimitives.WriteInt64BigEndian(longNumber, id);
        var indexes = frame?.Indexes ?? [];
        byte[] byId = [0, .. number];
        byte[] byGuid = guid is { } given ? [1, .. given.ToByteArray(bigEndian: true)] : byId; // not every registry gives one
        byte[] before = form switch
        {
            FrameForm.LongId => [0, .. longNumber],
            FrameForm.Guid => byGuid,
            FrameForm.GuidHeader or FrameForm.IdHeader or FrameForm.ApicurioHeader => [],
            _ => byId, // AWS Glue's registry gives its own numbers to its own serializers alone
        };
        EventHeader? header = form switch
        {
            FrameForm.GuidHeader => new(SchemaFrames.ConfluentHeader, [.. byGuid, .. indexes]),
            FrameForm.IdHeader => new(SchemaFrames.ConfluentHeader, [.. byId, .. indexes]),
            FrameForm.ApicurioHeader => new(frame?.Header ?? "apicurio.value.globalId", longNumber),
            _ => null,
        };
        return new(_key.Reader, _key.Form.Form, _key.Type, before, header, others);
    }
}
