using System.Text;
using MtlStream.Json;

namespace MtlStream.Events;

/// <summary>Bytes of located texts to characters.</summary>
internal static class TextReader
{
    /// <summary>The text in a buffer that the caller owns.</summary>
    /// <param name="separator">Stands between the pieces of a text that has several.</param>
    /// <param name="fields">Where each piece is in the text; null where nobody asks.</param>
    public static PooledArray<char> Read(in LocatedText located, string separator, out IReadOnlyList<TextField>? fields)
    {
        fields = null;
        if (located.Pieces is not { } pieces)
        {
            var single = new PooledArray<char>(Length(located.Text));
            Read(located.Text, single.Span);
            return single;
        }
        var lengths = pieces.Select(p => Length(p)).ToList();
        var text = new PooledArray<char>(lengths.Sum() + (separator.Length * (pieces.Count - 1)));
        var found = new List<TextField>(pieces.Count);
        var at = 0;
        for (var i = 0; i < pieces.Count; i++)
        {
            if (i > 0)
            {
                separator.CopyTo(text.Span[at..]);
                at += separator.Length;
            }
            Read(pieces[i], text.Span.Slice(at, lengths[i]));
            found.Add(new(pieces[i].From ?? "", at, at + lengths[i]));
            at += lengths[i];
        }
        fields = found;
        return text;
    }

    private static int Length(in TextPiece piece) =>
        piece.Escaped ? JsonText.CharCount(piece.Contents) : Encoding.UTF8.GetCharCount(piece.Contents);

    private static void Read(in TextPiece piece, Span<char> room)
    {
        if (piece.Escaped) JsonText.Unescape(piece.Contents, room);
        else Encoding.UTF8.GetChars(piece.Contents, room);
    }
}
