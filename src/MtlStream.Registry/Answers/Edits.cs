namespace MtlStream.Registry.Answers;

/// <summary>A value with something put into it: its own bytes, copied.</summary>
internal static class Edits
{
    /// <param name="before">The frame.</param>
    /// <param name="value">The bytes that the value is in, from <paramref name="start"/> on.</param>
    /// <param name="places">What is replaced, in the order of the bytes; empty ranges insert.</param>
    /// <param name="put">What comes in place of each but one.</param>
    /// <param name="one">What comes in place of that one.</param>
    /// <param name="which">Its index.</param>
    public static byte[] Apply(
        ReadOnlySpan<byte> before, ReadOnlySpan<byte> value, int start, ReadOnlySpan<(int Start, int End)> places,
        ReadOnlySpan<byte> put, ReadOnlySpan<byte> one, int which)
    {
        var length = before.Length + value.Length - start;
        for (var i = 0; i < places.Length; i++) length += (i == which ? one.Length : put.Length) - (places[i].End - places[i].Start);
        var result = GC.AllocateUninitializedArray<byte>(length);
        var rest = result.AsSpan();
        Append(before, ref rest);
        var copied = start;
        for (var i = 0; i < places.Length; i++)
        {
            Append(value[copied..places[i].Start], ref rest);
            Append(i == which ? one : put, ref rest);
            copied = places[i].End;
        }
        Append(value[copied..], ref rest);
        return result;
    }

    private static void Append(ReadOnlySpan<byte> bytes, ref Span<byte> rest)
    {
        bytes.CopyTo(rest);
        rest = rest[bytes.Length..];
    }
}
