using System.Numerics;
using System.Runtime.InteropServices;
using MtlStream.Models;

namespace MtlStream.Generation;

/// <summary>Looks for the text that a decoder finds likely, token by token. Not thread-safe.</summary>
/// <param name="limit">Most tokens of the text, the end included.</param>
internal abstract class TextSearch(GenerationRules rules, int limit)
{
    protected GenerationRules Rules { get; } = rules;
    protected int Limit { get; } = limit;

    /// <summary>Rows that it goes on with: for each the last token.</summary>
    public abstract IReadOnlyList<int> Last { get; }

    /// <summary>For each of these rows the one, of those before the last <see cref="Advance"/>, that it goes on from.</summary>
    public abstract IReadOnlyList<int> Parents { get; }

    /// <summary>What was found; null while it goes on.</summary>
    public GeneratedTokens? Found { get; protected set; }

    /// <summary>Takes what the decoder says of the rows.</summary>
    /// <param name="logits">[rows, vocabulary], row-major; changed.</param>
    /// <exception cref="InferenceException">They are no numbers.</exception>
    public abstract void Advance(Span<float> logits);

    public static TextSearch Of(GenerationRules rules, int beams, int limit) =>
        beams == 1 ? new GreedySearch(rules, limit) : new BeamSearch(rules, beams, limit);

    /// <summary>The logarithm of the sum of the exponentials: what makes a logit the logarithm of a probability.</summary>
    /// <exception cref="InferenceException">A logit is not a number, or all are infinite.</exception>
    protected static float Norm(ReadOnlySpan<float> logits)
    {
        var most = logits[IndexOfMost(logits)];
        var sum = SumOfExponentials(logits, most);
        var norm = most + MathF.Log(sum);
        return float.IsFinite(norm) ? norm : throw new InferenceException($"The decoder gave {norm} among {logits.Length} logits; expected numbers.");
    }

    /// <summary>Index of the highest value, of several the first.</summary>
    protected static int IndexOfMost(ReadOnlySpan<float> values)
    {
        var best = 0;
        for (var i = 1; i < values.Length; i++)
            if (values[i] > values[best]) best = i;
        return best;
    }

    // Of a vocabulary of 65,000 tokens one by one they would take as long as a small decoder; NaN where a value is NaN.
    private static float SumOfExponentials(ReadOnlySpan<float> values, float less)
    {
        var sums = Vector<float>.Zero;
        var offset = new Vector<float>(less);
        while (values.Length >= Vector<float>.Count)
        {
            sums += Vector.Exp(new Vector<float>(values) - offset);
            values = values[Vector<float>.Count..];
        }

        var sum = Vector.Sum(sums);
        foreach (var value in values) sum += MathF.Exp(value - less);
        return sum;
    }

    /// <summary>Geometric mean of the probabilities.</summary>
    protected static float ScoreOf(double logProbability, int tokens) => (float)Math.Clamp(Math.Exp(logProbability / Math.Max(1, tokens)), 0, 1);

    /// <summary>True for the last token where it was forced: the text has no end of its own.</summary>
    protected bool IsForced(int written) => written == Limit - 1 && Rules.ForcedLast is not null;
}

/// <summary>Takes the likeliest token each time.</summary>
internal sealed class GreedySearch(GenerationRules rules, int limit) : TextSearch(rules, limit)
{
    private static readonly int[] s_itself = [0];

    private readonly List<int> _tokens = [rules.Start];
    private readonly int[] _last = [rules.Start];
    private double _logProbability;

    public override IReadOnlyList<int> Last => Found is null ? _last : [];

    public override IReadOnlyList<int> Parents => Found is null ? s_itself : [];

    public override void Advance(Span<float> logits)
    {
        var norm = Norm(logits);
        var before = CollectionsMarshal.AsSpan(_tokens);
        var written = before.Length - 1;
        Rules.Apply(logits, before, Limit);
        var best = IndexOfMost(logits);
        if (float.IsNegativeInfinity(logits[best])) throw new InferenceException("No token may come next: the package's rules ban all that the decoder allows.");
        var forced = IsForced(written) || (written == 0 && Rules.ForcedFirst is not null);
        if (!forced) _logProbability += Math.Min(0, logits[best] - norm);
        if (Rules.Ends.Contains(best))
        {
            Found = new(_tokens[1..], ScoreOf(_logProbability, written + 1), IsForced(written));
            return;
        }

        _tokens.Add(best);
        _last[0] = best;
        var cut = Repetition.CutAt(CollectionsMarshal.AsSpan(_tokens)[1..]);
        if (cut >= 0) Found = new(_tokens[1..(cut + 1)], ScoreOf(_logProbability, written + 1), Truncated: true);
        else if (written + 1 == Limit) Found = new(_tokens[1..], ScoreOf(_logProbability, written + 1), Truncated: true);
    }
}
