using System.Buffers.Text;
using MtlStream.Json;

namespace MtlStream.Registry.Values;

/// <summary>Floating-point numbers in JSON, which has no spelling for those that are not finite: they are strings, as in Protobuf's mapping.</summary>
internal static class RealNumber
{
    public static void Write(double value, Utf8Buffer output)
    {
        Span<byte> digits = stackalloc byte[32];
        Utf8Formatter.TryFormat(value, digits, out var length);
        Write(value, digits[..length], output);
    }

    /// <summary>With its own digits, and not those that it has as a number of 64 bits.</summary>
    public static void Write(float value, Utf8Buffer output)
    {
        Span<byte> digits = stackalloc byte[32];
        Utf8Formatter.TryFormat(value, digits, out var length);
        Write(value, digits[..length], output);
    }

    private static void Write(double value, ReadOnlySpan<byte> digits, Utf8Buffer output)
    {
        if (double.IsFinite(value)) output.Write(digits);
        else output.Write(double.IsNaN(value) ? "\"NaN\""u8 : value > 0 ? "\"Infinity\""u8 : "\"-Infinity\""u8);
    }
}
