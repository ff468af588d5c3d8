using MtlStream.Events;
using MtlStream.Generation;
using MtlStream.Json;
using MtlStream.Models;
using MtlStream.Tasks;

namespace MtlStream.Results;

/// <summary>The member <c>analysis</c>: what is the same for every event, as UTF-8, and what each task writes between.</summary>
internal sealed class AnalysisTemplate
{
    private readonly byte[] _head;
    private readonly byte[][] _names; // of each task, in quotes with a colon
    private readonly AnswerDetail _detail;

    /// <param name="generated">Names of the texts that an event may have beside its labels.</param>
    public AnalysisTemplate(IReadOnlyList<ModelTask> tasks, ModelIdentity model, AnswerDetail detail, IReadOnlyList<string> generated)
    {
        Tasks = tasks;
        Model = model;
        _detail = detail;
        Headers = new(tasks);
        Gate = new(tasks);
        Shape = ShapeOf(tasks, detail, Gate, generated);
        _head = Head(model);
        _names = [.. tasks.Select(Name)];
    }

    public IReadOnlyList<ModelTask> Tasks { get; }
    public ModelIdentity Model { get; }

    /// <summary>Which tasks are silent about texts in other languages.</summary>
    public LanguageGate Gate { get; }

    /// <summary>The labels as headers.</summary>
    public LabelHeaders Headers { get; }

    /// <summary>What is in the value, for formats that must declare it.</summary>
    public Shape Shape { get; }

    /// <summary>Says what is wrong with the scores of an event; null when nothing is.</summary>
    public string? ValidationError(TokenizedEvent scored, Predictions predictions, int sequence)
    {
        for (var i = 0; i < Tasks.Count; i++)
        {
            if (Tasks[i].ValidationError(predictions.Of(i, sequence), scored.Tokens) is { } error) return error;
        }

        return null;
    }

    /// <summary>Writes the member's value for an event without <see cref="ValidationError"/>.</summary>
    /// <param name="language">For which tasks are silent, as <see cref="Gate"/> says; -1 for none.</param>
    public void Write(TokenizedEvent scored, Predictions predictions, int sequence, int language, Utf8Buffer output)
    {
        var text = new TaskText(scored.Event.Text, scored.Tokens);
        output.Write(_head);
        output.Write(scored.Tokens.Truncated ? "true,\"tasks\":{"u8 : "false,\"tasks\":{"u8);
        var any = false;
        for (var i = 0; i < _names.Length; i++)
        {
            if (Gate.IsSilent(i, language)) continue;
            if (any) output.Write((byte)',');
            any = true;
            output.Write(_names[i]);
            Tasks[i].Write(predictions.Of(i, sequence), text, _detail, output);
        }
        foreach (var generated in scored.Generated)
        {
            if (any) output.Write((byte)',');
            any = true;
            WriteGenerated(generated, output);
        }
        output.Write((byte)'}');
        if (scored.Event.Fields is { } fields) WriteFields(fields, output);
        output.Write((byte)'}');
    }

    private static void WriteGenerated(GeneratedText generated, Utf8Buffer output)
    {
        output.WriteString(generated.Name);
        output.Write(":{\"text\":"u8);
        output.WriteString(generated.Text);
        output.Write(",\"score\":"u8);
        output.WriteScore(generated.Score);
        output.Write(generated.Truncated ? ",\"truncated\":true"u8 : ",\"truncated\":false"u8);
        output.Write(generated.Experimental ? ",\"experimental\":true}"u8 : ",\"experimental\":false}"u8);
    }

    private static void WriteFields(IReadOnlyList<TextField> fields, Utf8Buffer output)
    {
        output.Write(",\"fields\":["u8);
        for (var i = 0; i < fields.Count; i++)
        {
            output.Write(i == 0 ? "{\"pointer\":\""u8 : ",{\"pointer\":\""u8);
            JsonText.Escape(fields[i].From, output);
            output.Write("\",\"start\":"u8);
            output.WriteNumber(fields[i].Start);
            output.Write(",\"end\":"u8);
            output.WriteNumber(fields[i].End);
            output.Write((byte)'}');
        }
        output.Write((byte)']');
    }

    /// <summary>What the member's value is of these tasks.</summary>
    public static Shape.Fields ShapeOf(IReadOnlyList<ModelTask> tasks, AnswerDetail detail, LanguageGate gate, IReadOnlyList<string> generated)
    {
        var written = new Shape.Fields(
            [new("text", Shape.Text), new("score", Shape.Number), new("truncated", Shape.Flag), new("experimental", Shape.Flag)]);
        var labels = tasks.Select((t, i) => new Shape.Field(t.Name, t.ShapeOf(detail), gate.MayBeSilent(i)));
        var texts = generated.Select(name => new Shape.Field(name, written, Optional: true));
        Shape.Field pointer = new("pointer", Shape.Text);
        Shape.Field start = new("start", Shape.Whole);
        Shape.Field end = new("end", Shape.Whole);
        return new Shape.Fields(
        [
            new("schema", Shape.Text),
            new("model", new Shape.Fields([new("name", Shape.Text), new("version", Shape.Text)])),
            new("offsets", Shape.Text),
            new("truncated", Shape.Flag),
            new("tasks", new Shape.Fields([.. labels, .. texts])),
            new("fields", new Shape.ListOf(new Shape.Fields([pointer, start, end])), Optional: true),
        ]);
    }

    private static byte[] Head(ModelIdentity model)
    {
        var head = Utf8Buffer.ForThisThread();
        head.Write("{\"schema\":\"enriched-event.v1\",\"model\":{\"name\":"u8);
        head.WriteString(model.Name);
        head.Write(",\"version\":"u8);
        head.WriteString(model.Version);
        head.Write("},\"offsets\":\"utf16\",\"truncated\":"u8);
        return head.Written.ToArray();
    }

    private static byte[] Name(ModelTask task)
    {
        var name = Utf8Buffer.ForThisThread();
        name.WriteString(task.Name);
        name.Write((byte)':');
        return name.Written.ToArray();
    }
}
