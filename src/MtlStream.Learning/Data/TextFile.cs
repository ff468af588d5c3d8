using System.Text;

namespace MtlStream.Learning.Data;

/// <summary>Reads a file of text as a whole.</summary>
internal static class TextFile
{
    private static readonly UTF8Encoding s_strict = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    /// <summary>The content without a byte order mark.</summary>
    /// <exception cref="UsageException">The file is missing, empty or not UTF-8.</exception>
    public static string Read(string path)
    {
        if (Directory.Exists(path)) throw new UsageException($"{path}: found a folder, expected a file.");
        if (!File.Exists(path)) throw new UsageException($"{path}: there is no such file.");
        var bytes = File.ReadAllBytes(path);
        try
        {
            var content = s_strict.GetString(bytes).TrimStart('\uFEFF');
            if (string.IsNullOrWhiteSpace(content)) throw new UsageException($"{path}: the file is empty; expected labelled texts.");
            return content;
        }
        catch (DecoderFallbackException exception)
        {
            var line = 1 + bytes.AsSpan(0, exception.Index).Count((byte)'\n');
            throw new UsageException($"{path}: line {line}, byte {exception.Index} is not UTF-8; convert the file, with iconv for example.", exception);
        }
    }
}
