using System.Text;
using MtlStream.Text.SentencePiece;

namespace MtlStream.Text;

/// <summary>Cuts a text into the most probable pieces of a SentencePiece Unigram model.</summary>
internal sealed class UnigramPieces
{
    private const float UnknownPenalty = 10;
    private const int Root = 0;

    private readonly Dictionary<long, int> _children = []; // of a node, by the next UTF-16 unit
    private readonly List<int> _pieceAt = [-1]; // the piece that ends in a node; -1 for none
    private readonly float[] _scores;
    private readonly float _unknownScore;
    private readonly int _unknownId;

    public UnigramPieces(Model model, int unknownId)
    {
        _unknownId = unknownId;
        _scores = [.. model.Pieces.Select(piece => piece.Score)];
        _unknownScore = model.Pieces.Where(piece => piece.Kind == Piece.Types.Kind.Normal).Min(piece => piece.Score) - UnknownPenalty;
        for (var id = 0; id < model.Pieces.Count; id++)
        {
            if (model.Pieces[id].Kind != Piece.Types.Kind.Normal) continue;
            Add(model.Pieces[id].Text, id);
            Longest = Math.Max(Longest, model.Pieces[id].Text.Length);
        }
    }

    /// <summary>UTF-16 units of the longest piece.</summary>
    public int Longest { get; }

    /// <summary>Finds the pieces of a chunk, each with where it ends; what is unknown is one piece, however long.</summary>
    /// <param name="score">Of all chunks before; takes the score of this one. Sums are rounded, which decides between equals.</param>
    /// <param name="ends">Receives the pieces in order; what is in it goes.</param>
    public void Cut(ReadOnlySpan<char> chunk, ref float score, List<(int Id, int End)> ends)
    {
        var best = new Node[chunk.Length + 1];
        best[0].Score = score;
        for (var start = 0; start < chunk.Length;)
        {
            Rune.DecodeFromUtf16(chunk[start..], out _, out var units);
            var known = Extend(chunk, start, units, best);
            if (!known) Offer(ref best[start + units], _unknownId, start, _unknownScore + best[start].Score);
            start += units;
        }

        score = best[^1].Score;
        ends.Clear();
        for (var end = chunk.Length; end > 0; end = best[end].Start)
        {
            var id = best[end].Id;
            var goesOn = id == _unknownId && ends is [.., var behind] && behind.Id == _unknownId;
            if (!goesOn) ends.Add((id, end));
        }

        ends.Reverse();
    }

    /// <summary>Offers every piece that begins here; true when one of them is the first character alone.</summary>
    private bool Extend(ReadOnlySpan<char> chunk, int start, int units, Node[] best)
    {
        var known = false;
        var node = Root;
        for (var end = start + 1; end <= chunk.Length && _children.TryGetValue(Key(node, chunk[end - 1]), out node); end++)
        {
            var id = _pieceAt[node];
            if (id < 0) continue;
            known |= end - start == units;
            // As the reference does it: the sum is compared before it is rounded.
            Offer(ref best[end], id, start, (double)_scores[id] + best[start].Score);
        }

        return known;
    }

    private static void Offer(ref Node node, int id, int start, double score)
    {
        if (node.Reached && score <= node.Score) return;
        node = new Node { Reached = true, Id = id, Start = start, Score = (float)score };
    }

    private void Add(string piece, int id)
    {
        var node = Root;
        foreach (var unit in piece)
        {
            if (_children.TryGetValue(Key(node, unit), out var next))
            {
                node = next;
                continue;
            }

            _children[Key(node, unit)] = _pieceAt.Count;
            node = _pieceAt.Count;
            _pieceAt.Add(-1);
        }

        _pieceAt[node] = id;
    }

    private static long Key(int node, char unit) => ((long)node << 16) | unit;

    /// <summary>The best way to a place in the text.</summary>
    private struct Node
    {
        public bool Reached;
        public int Id;
        public int Start;
        public float Score;
    }
}
