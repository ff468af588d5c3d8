using System.Text;

namespace MtlStream.Host.Lines;

/// <summary>Bytes as a string with one character each, so that a parser of ASCII separators leaves all others as they are.</summary>
internal static class ByteText
{
    public static Encoding Encoding => Encoding.Latin1;

    /// <summary>The bytes as UTF-8; what is not becomes U+FFFD.</summary>
    public static string Read(string bytes) => Encoding.UTF8.GetString(Encoding.GetBytes(bytes));

    /// <summary>The UTF-8 bytes of a text.</summary>
    public static string Of(string text) => Encoding.GetString(Encoding.UTF8.GetBytes(text));
}
