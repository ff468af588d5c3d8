using MtlStream.Json;
using MtlStream.Text;

namespace MtlStream.Tasks;

/// <summary>What a text means, as a vector of length 1: texts of like meaning have a high dot product.</summary>
/// <param name="size">Elements of the vector.</param>
public sealed class VectorTask(string name, int size)
    : ModelTask(name, Definition.Name, [], new TaskOutput(ElementType.Number, size, PerToken: 0))
{
    private const int LargestSize = 4096;
    private const int LargestByte = 127;
    private const float LengthTolerance = 0.01f;

    public static TaskKind Definition { get; } = new(
        "vector", ["vector"], fields => new VectorTask(fields.Name, fields.WholeNumber("size", 1, LargestSize)))
    {
        Members = ["size"],
    };

    public int Size { get; } = size;

    public override bool OnRequest => true;

    public override void WriteNeutral(TaskValues values)
    {
        values.Floats().Clear();
        values.Floats()[0] = 1;
    }

    /// <summary>The mean of the windows' vectors, each weighted by the tokens that belong to it, made as long as they are.</summary>
    public override void Merge(WindowValues windows, TaskValues merged)
    {
        var mean = merged.Floats();
        windows.Average(0, mean);
        var length = LengthOf(mean);
        for (var i = 0; i < mean.Length && length > 0; i++) mean[i] /= length;
    }

    public override string? ValidationError(TaskValues values, TokenizedText text)
    {
        var length = LengthOf(values.Floats());
        return Math.Abs(length - 1) <= LengthTolerance ? null : LabelScores.ErrorAt(Name, length, "the vector's length");
    }

    public override void Write(TaskValues values, TaskText text, AnswerDetail detail, Utf8Buffer output)
    {
        var vector = values.Floats();
        output.Write("{\"vector\":["u8);
        if (detail.ByteVectors) WriteBytes(vector, output);
        else WriteNumbers(vector, output);
        output.Write(",\"norm\":1.0}"u8);
    }

    public override Shape ShapeOf(AnswerDetail detail)
    {
        var element = detail.ByteVectors ? Shape.Whole : Shape.Number;
        Shape.Field[] factor = detail.ByteVectors ? [new("scale", Shape.Number)] : [];
        return new Shape.Fields([new("vector", new Shape.ListOf(element)), .. factor, new("norm", Shape.Number)]);
    }

    public override IReadOnlyList<string> Given(TaskValues values, TaskText text) => [];

    public override TaskConfidence? Observe(TaskValues values, TokenizedText text, ILabelCounts counts) => null;

    private static float LengthOf(ReadOnlySpan<float> vector)
    {
        double squares = 0;
        foreach (var element in vector) squares += (double)element * element;
        return (float)Math.Sqrt(squares);
    }

    private static float Largest(ReadOnlySpan<float> vector)
    {
        float largest = 0;
        foreach (var element in vector) largest = Math.Max(largest, Math.Abs(element));
        return largest;
    }

    private static void WriteNumbers(ReadOnlySpan<float> vector, Utf8Buffer output)
    {
        for (var i = 0; i < vector.Length; i++)
        {
            if (i > 0) output.Write((byte)',');
            output.WriteDecimal(vector[i]);
        }

        output.Write((byte)']');
    }

    /// <summary>Each element as a share of the largest one, in 127ths; the scale makes numbers of them again.</summary>
    private static void WriteBytes(ReadOnlySpan<float> vector, Utf8Buffer output)
    {
        var scale = Largest(vector) / LargestByte;
        for (var i = 0; i < vector.Length; i++)
        {
            if (i > 0) output.Write((byte)',');
            output.WriteNumber((int)MathF.Round(vector[i] / scale));
        }

        output.Write("],\"scale\":"u8);
        output.WriteDecimal(scale);
    }
}
