using Spectre.Console;
using Spectre.Console.Rendering;

namespace MtlStream.Host.Pictures;

/// <summary>A part of a line that looks the same from end to end.</summary>
internal readonly record struct Piece(string Text, Style Style);

/// <summary>Cuts styled text into lines at white space. A word that is too wide for a line stands in one of its own.</summary>
internal static class WordWrap
{
    /// <summary>How many cells of a terminal a text takes: wide characters and most emoji take two, combining marks none.</summary>
    public static int Cells(string text) => new Segment(text).CellCount();

    public static List<List<Piece>> Lines(IEnumerable<Piece> pieces, int width)
    {
        var lines = new List<List<Piece>> { new() };
        var word = new List<Piece>(); // not placed yet; may be of several styles
        var (used, wordCells) = (0, 0);
        foreach (var piece in pieces.SelectMany(Parts))
        {
            var space = piece.Text[0] is ' ' or '\n';
            if (!space)
            {
                word.Add(piece);
                wordCells += Cells(piece.Text);
                continue;
            }

            Place();
            if (piece.Text[0] == '\n' || used + piece.Text.Length > width) NewLine();
            else Add(piece, piece.Text.Length);
        }

        Place();
        return lines;

        void Place()
        {
            if (used > 0 && used + wordCells > width)
            {
                if (word.Count > 0 && lines[^1][^1].Text[0] == ' ') lines[^1].RemoveAt(lines[^1].Count - 1);
                NewLine();
            }

            foreach (var part in word) Add(part, Cells(part.Text));
            word.Clear();
            wordCells = 0;
        }

        void Add(Piece piece, int cells)
        {
            lines[^1].Add(piece);
            used += cells;
        }

        void NewLine()
        {
            lines.Add([]);
            used = 0;
        }
    }

    /// <summary>Runs of spaces, line ends one by one, and what is between them.</summary>
    private static IEnumerable<Piece> Parts(Piece piece)
    {
        var text = piece.Text;
        for (int start = 0, end; start < text.Length; start = end)
        {
            end = start + 1;
            while (text[start] != '\n' && end < text.Length && Kind(text[end]) == Kind(text[start])) end++;
            yield return piece with { Text = text[start..end] };
        }
    }

    private static int Kind(char c) => c switch
    {
        '\n' => 0,
        ' ' => 1,
        _ => 2,
    };
}
