using MtlStream.Models;

namespace MtlStream.Generation;

/// <summary>Follows the likeliest beginnings side by side.</summary>
/// <remarks>
/// As <c>BeamSearchScorer</c> of Hugging Face transformers 4.38: twice as many candidates as beams; an ended one is kept with its
/// logarithm of the probability over a power of its length; the search ends when no open one can do better.
/// </remarks>
internal sealed class BeamSearch(GenerationRules rules, int beams, int limit) : TextSearch(rules, limit)
{
    private readonly List<Ended> _ended = []; // best first, at most as many as beams
    private Beam[] _open = [new([rules.Start], 0, 0)];

    public override IReadOnlyList<int> Last => Found is null ? [.. _open.Select(b => b.Tokens[^1])] : [];

    public override IReadOnlyList<int> Parents => Found is null ? [.. _open.Select(b => b.Parent)] : [];

    public override void Advance(Span<float> logits)
    {
        var written = _open[0].Tokens.Length - 1;
        var candidates = Candidates(logits, logits.Length / _open.Length);
        if (candidates.Count == 0) throw new InferenceException("No token may come next: the package's rules ban all that the decoder allows.");
        var next = new List<Beam>(beams);
        for (var rank = 0; rank < candidates.Count && next.Count < beams; rank++)
        {
            var (parent, token, logProbability) = candidates[rank];
            if (!Rules.Ends.Contains(token)) next.Add(new([.. _open[parent].Tokens, token], parent, logProbability));
            else if (rank < beams) End(_open[parent].Tokens[1..], logProbability, written + 1, IsForced(written));
        }

        if (next.Count == 0 || IsOver(candidates[0].LogProbability, written + 1))
        {
            Found = Best();
            return;
        }

        _open = [.. next];
        var likeliest = _open[0];
        var cut = Repetition.CutAt(likeliest.Tokens.AsSpan(1));
        if (cut < 0 && written + 1 < Limit) return;
        if (cut >= 0) End(likeliest.Tokens[1..(cut + 1)], likeliest.LogProbability, written + 1, truncated: true);
        else foreach (var beam in _open) End(beam.Tokens[1..], beam.LogProbability, written + 1, truncated: true);
        Found = Best();
    }

    private List<(int Parent, int Token, double LogProbability)> Candidates(Span<float> logits, int vocabulary)
    {
        var most = 2 * beams;
        var best = new PriorityQueue<(int Parent, int Token), double>(most + 1);
        for (var row = 0; row < _open.Length; row++)
        {
            var scores = logits.Slice(row * vocabulary, vocabulary);
            var norm = Norm(scores);
            foreach (ref var score in scores) score -= norm;
            Rules.Apply(scores, _open[row].Tokens, Limit);
            for (var token = 0; token < vocabulary; token++)
            {
                var sum = _open[row].LogProbability + scores[token];
                if (double.IsNegativeInfinity(sum)) continue;
                if (best.Count < most) best.Enqueue((row, token), sum);
                else if (best.TryPeek(out _, out var least) && sum > least) best.EnqueueDequeue((row, token), sum);
            }
        }

        var candidates = new List<(int, int, double)>(best.Count);
        while (best.TryDequeue(out var one, out var sum)) candidates.Add((one.Parent, one.Token, sum));
        candidates.Reverse();
        return candidates;
    }

    private void End(int[] tokens, double logProbability, int length, bool truncated)
    {
        _ended.Add(new(tokens, logProbability, length, logProbability / Math.Pow(length, Rules.LengthPenalty), truncated));
        _ended.Sort((a, b) => b.Score.CompareTo(a.Score));
        if (_ended.Count > beams) _ended.RemoveAt(beams);
    }

    private bool IsOver(double likeliest, int length)
    {
        if (_ended.Count < beams) return false;
        return Rules.EarlyStopping || _ended[^1].Score >= likeliest / Math.Pow(length, Rules.LengthPenalty);
    }

    private GeneratedTokens Best()
    {
        var best = _ended[0];
        return new(best.Tokens, ScoreOf(best.LogProbability, best.Length), best.Truncated);
    }

    /// <param name="Tokens">The start included.</param>
    private sealed record Beam(int[] Tokens, int Parent, double LogProbability);

    private sealed record Ended(int[] Tokens, double LogProbability, int Length, double Score, bool Truncated);
}
