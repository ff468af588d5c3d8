namespace MtlStream.Host.Pictures;

/// <summary>Texts of strangers, so that they change nothing but their own place on a screen.</summary>
internal static class VisibleText
{
    private const char Replacement = '\uFFFD';
    private const char PictureOfNull = '\u2400'; // those of the other control characters follow
    private const char PictureOfDelete = '\u2421';

    /// <summary>
    /// The text with every control character as a character that can be seen. Line ends stay line ends. Its length is the same, so
    /// that ranges still hold.
    /// </summary>
    public static string Of(string text) => string.Create(text.Length, text, static (shown, from) =>
    {
        for (var i = 0; i < from.Length; i++) shown[i] = Visible(from[i], i + 1 < from.Length ? from[i + 1] : '\0');
    });

    private static char Visible(char c, char next) => c switch
    {
        '\n' or '\t' => c,
        '\r' => next == '\n' ? ' ' : '\n',
        '\u2028' or '\u2029' or '\u0085' => '\n',
        < ' ' => (char)(PictureOfNull + c),
        '\u007F' => PictureOfDelete,
        < '\u00A0' and >= '\u0080' => Replacement,
        >= '\u202A' and <= '\u202E' => Replacement, // embeddings and overrides: they would turn round what stands beside them
        >= '\u2066' and <= '\u2069' => Replacement, // isolates, as long as nobody sees that they are closed
        '\uFFFE' or '\uFFFF' => Replacement,
        _ => c,
    };
}
