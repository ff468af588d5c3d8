using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Text;

namespace MtlStream.Events;

/// <summary>A path to a value in a JSON document, as in RFC 6901. Immutable.</summary>
internal sealed class JsonPointer
{
    /// <summary>Most reference tokens of a pointer.</summary>
    private const int MaxSegments = 64;

    private readonly string _text;
    private readonly Segment[] _segments;

    private JsonPointer(string text, Segment[] segments) => (_text, _segments) = (text, segments);

    /// <param name="Name">Member name, unescaped.</param>
    /// <param name="Utf8">The same in UTF-8.</param>
    /// <param name="Index">Array index; -1 when the token is none.</param>
    internal readonly record struct Segment(string Name, byte[] Utf8, int Index);

    /// <summary>Reference tokens, at least one.</summary>
    public ReadOnlySpan<Segment> Segments => _segments;

    /// <summary>Reads a pointer; <paramref name="problem"/> says what is wrong with it.</summary>
    public static bool TryParse(string text, [NotNullWhen(true)] out JsonPointer? pointer, [NotNullWhen(false)] out string? problem)
    {
        pointer = null;
        problem = null;
        if (text.Length == 0 || text[0] != '/')
        {
            problem = $"found \"{text}\", expected a JSON pointer that starts with '/', such as /text or /message/body";
            return false;
        }
        var parts = text[1..].Split('/');
        if (parts.Length > MaxSegments)
        {
            problem = $"the pointer has {parts.Length} parts, expected at most {MaxSegments}";
            return false;
        }
        var segments = new Segment[parts.Length];
        for (var i = 0; i < parts.Length; i++)
        {
            if (!HasValidEscapes(parts[i]))
            {
                problem = $"found '~' without 0 or 1 behind it in \"{parts[i]}\", expected ~0 for '~' and ~1 for '/'";
                return false;
            }
            var name = parts[i].Replace("~1", "/", StringComparison.Ordinal).Replace("~0", "~", StringComparison.Ordinal);
            segments[i] = new(name, Encoding.UTF8.GetBytes(name), ArrayIndex(name));
        }
        pointer = new(text, segments);
        return true;
    }

    /// <summary>The pointer to what its first <paramref name="segments"/> parts lead to; empty for the whole document.</summary>
    public string Prefix(int segments)
    {
        var end = 0;
        for (var i = 0; i < segments; i++)
        {
            var next = _text.IndexOf('/', end + 1);
            end = next < 0 ? _text.Length : next;
        }
        return _text[..end];
    }

    /// <summary>What is left of the pointer behind its first <paramref name="segments"/> parts, of which it has more.</summary>
    public JsonPointer From(int segments) => new(_text[Prefix(segments).Length..], _segments[segments..]);

    /// <summary>What is left of the pointer inside a member; null when it does not lead into it.</summary>
    public JsonPointer? Below(string member) => _segments.Length > 1 && _segments[0].Name == member ? From(1) : null;

    public override string ToString() => _text;

    private static bool HasValidEscapes(string part)
    {
        for (var i = part.IndexOf('~', StringComparison.Ordinal); i >= 0; i = part.IndexOf('~', i + 1))
            if (i + 1 >= part.Length || part[i + 1] is not ('0' or '1')) return false;
        return true;
    }

    // RFC 6901, section 4: digits without a leading zero.
    private static int ArrayIndex(string name) =>
        name is "0" || (name.Length > 0 && name[0] is >= '1' and <= '9')
        && int.TryParse(name, NumberStyles.None, CultureInfo.InvariantCulture, out _)
            ? int.Parse(name, NumberStyles.None, CultureInfo.InvariantCulture)
            : -1;
}
