using System.Globalization;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace MtlStream.Tasks;

/// <summary>What is asked of every event's probabilities, several at a time: with hundreds of labels one by one is what the host does most.</summary>
internal static class LabelScores
{
    /// <summary>Stands for a probability of 0 where its logarithm is taken; times 0 it adds nothing.</summary>
    private const float Least = 1e-30f;

    /// <summary>How far outside 0 to 1 the rounding of half-precision arithmetic may push a probability.</summary>
    private const float Tolerance = 0.01f;

    /// <summary>Index of the highest score, the first of equals. Scores must be finite and at least one.</summary>
    public static int Best(ReadOnlySpan<float> scores)
    {
        var best = scores[0];
        var vectors = MemoryMarshal.Cast<float, Vector256<float>>(scores);
        if (vectors.Length > 0)
        {
            var highest = vectors[0];
            foreach (var vector in vectors) highest = Vector256.Max(highest, vector);
            for (var i = 0; i < Vector256<float>.Count; i++) best = Math.Max(best, highest[i]);
        }

        foreach (var score in Rest(scores, vectors.Length)) best = Math.Max(best, score);
        return scores.IndexOf(best);
    }

    /// <summary>The label after this one in the order of falling scores, then of labels; -1 after the last.</summary>
    public static int Next(ReadOnlySpan<float> scores, int last)
    {
        var best = -1;
        for (var label = 0; label < scores.Length; label++)
        {
            if (scores[label] > scores[last] || (scores[label] == scores[last] && label <= last)) continue;
            if (best < 0 || scores[label] > scores[best]) best = label;
        }

        return best;
    }

    /// <summary>Index of the first score that is no probability; -1 when all are.</summary>
    public static int FirstNoProbability(ReadOnlySpan<float> scores) => FirstOutside(scores, -Tolerance, 1 + Tolerance);

    /// <summary>The sentence about a score that is no probability.</summary>
    public static string ErrorAt(string task, float score, string place) => string.Create(
        CultureInfo.InvariantCulture, $"The model gave task \"{task}\" the score {score} at {place}; expected a probability from 0 to 1.");

    /// <summary>Index of the first score that is not from <paramref name="low"/> to <paramref name="high"/>, NaN among them; -1 when all are.</summary>
    public static int FirstOutside(ReadOnlySpan<float> scores, float low, float high)
    {
        var vectors = MemoryMarshal.Cast<float, Vector256<float>>(scores);
        var (lows, highs) = (Vector256.Create(low), Vector256.Create(high));
        var inside = 0;
        while (inside < vectors.Length && Vector256.GreaterThanOrEqualAll(vectors[inside], lows) && Vector256.LessThanOrEqualAll(vectors[inside], highs)) inside++;
        for (var i = inside * Vector256<float>.Count; i < scores.Length; i++)
        {
            if (!(scores[i] >= low && scores[i] <= high)) return i;
        }

        return -1;
    }

    /// <summary>Entropy of a distribution over labels, in bits.</summary>
    public static double Entropy(ReadOnlySpan<float> probabilities) => -Sum(probabilities, alternatives: false);

    /// <summary>Sum over labels of the entropy, in bits, of something that has the label's probability or does not happen.</summary>
    public static double EntropyOfEach(ReadOnlySpan<float> probabilities) => -Sum(probabilities, alternatives: true);

    /// <summary>Entropy, in bits, of something that has probability p or does not happen: 0 to 1.</summary>
    public static double EntropyOfOne(double p) =>
        p is > 0 and < 1 ? -((p * Math.Log2(p)) + ((1 - p) * Math.Log2(1 - p))) : 0;

    // The sum of p log2 p and, with alternatives, of (1 - p) log2 (1 - p).
    private static float Sum(ReadOnlySpan<float> probabilities, bool alternatives)
    {
        var vectors = MemoryMarshal.Cast<float, Vector256<float>>(probabilities);
        var sum = Vector256<float>.Zero;
        foreach (var vector in vectors) sum += Terms(vector, alternatives);
        var rest = Rest(probabilities, vectors.Length);
        if (!rest.IsEmpty)
        {
            Span<float> padded = stackalloc float[Vector256<float>.Count]; // zeros add nothing
            padded.Clear();
            rest.CopyTo(padded);
            sum += Terms(Vector256.Create<float>(padded), alternatives);
        }

        return Vector256.Sum(sum);
    }

    private static Vector256<float> Terms(Vector256<float> p, bool alternatives)
    {
        p = Vector256.Min(Vector256.Max(p, Vector256<float>.Zero), Vector256<float>.One);
        var terms = p * Vector256.Log2(Vector256.Max(p, Vector256.Create(Least)));
        if (!alternatives) return terms;
        var q = Vector256<float>.One - p;
        return terms + (q * Vector256.Log2(Vector256.Max(q, Vector256.Create(Least))));
    }

    private static ReadOnlySpan<float> Rest(ReadOnlySpan<float> scores, int vectors) => scores[(vectors * Vector256<float>.Count)..];
}
