using Microsoft.ML.OnnxRuntime;
using Microsoft.ML.OnnxRuntime.Tensors;

namespace MtlStream.Onnx.Generation;

/// <summary>Tensors whose first dimension are rows: takes some of them, and puts those of two together.</summary>
internal static class TensorRows
{
    /// <summary>A tensor of numbers; contents are not cleared.</summary>
    public static OrtValue New(TensorElementType type, params long[] shape) =>
        OrtValue.CreateAllocatedTensorValue(OrtAllocator.DefaultInstance, type, shape);

    /// <summary>Some of the rows, in this order.</summary>
    public static OrtValue Select(OrtValue from, ReadOnlySpan<int> rows) => IsWhole(from) ? Select<long>(from, rows) : Select<float>(from, rows);

    /// <summary>The rows of both. Where one is shorter in a dimension, it gets zeros behind.</summary>
    /// <param name="axis">That dimension; in all others they are alike.</param>
    public static OrtValue Join(OrtValue first, OrtValue second, int axis) => IsWhole(first) ? Join<long>(first, second, axis) : Join<float>(first, second, axis);

    public static long[] ShapeOf(OrtValue value) => value.GetTensorTypeAndShape().Shape;

    private static bool IsWhole(OrtValue value) => TypeOf(value) == TensorElementType.Int64;

    private static TensorElementType TypeOf(OrtValue value) => value.GetTensorTypeAndShape().ElementDataType;

    private static OrtValue Select<T>(OrtValue from, ReadOnlySpan<int> rows) where T : unmanaged
    {
        var shape = ShapeOf(from);
        var source = from.GetTensorDataAsSpan<T>();
        var size = source.Length / (int)shape[0];
        shape[0] = rows.Length;
        var selected = New(TypeOf(from), shape);
        var target = selected.GetTensorMutableDataAsSpan<T>();
        for (var row = 0; row < rows.Length; row++) source.Slice(rows[row] * size, size).CopyTo(target[(row * size)..]);
        return selected;
    }

    private static OrtValue Join<T>(OrtValue first, OrtValue second, int axis) where T : unmanaged
    {
        var (one, other) = (ShapeOf(first), ShapeOf(second));
        var shape = (long[])one.Clone();
        shape[0] = one[0] + other[0];
        shape[axis] = Math.Max(one[axis], other[axis]);
        var joined = New(TypeOf(first), shape);
        var target = joined.GetTensorMutableDataAsSpan<T>();
        var width = (int)shape[(axis + 1)..].Aggregate(1L, (a, b) => a * b);
        var wide = (int)shape[axis] * width;
        var written = Spread(first.GetTensorDataAsSpan<T>(), (int)one[axis] * width, target, wide);
        Spread(second.GetTensorDataAsSpan<T>(), (int)other[axis] * width, target[written..], wide);
        return joined;
    }

    /// <summary>Copies stretches of one length to where stretches are longer.</summary>
    /// <returns>Elements of the target that were written.</returns>
    private static int Spread<T>(ReadOnlySpan<T> source, int length, Span<T> target, int wide) where T : unmanaged
    {
        var to = 0;
        for (var from = 0; from < source.Length; from += length)
        {
            source.Slice(from, length).CopyTo(target[to..]);
            target.Slice(to + length, wide - length).Clear();
            to += wide;
        }

        return to;
    }
}
