namespace MtlStream.Learning.Review;

/// <summary>How often a task's labels are right on the whole stream, estimated from answers to events that were drawn.</summary>
/// <param name="Answered">Questions that it rests on.</param>
/// <param name="Accuracy">Share of the stream's texts whose labels are all right, with its interval.</param>
public sealed record StreamQuality(string Task, int Answered, Estimate Accuracy)
{
    /// <summary>The estimate of a task; null without two answers to questions whose probability is known.</summary>
    /// <param name="takes">Which answers count: those of a time, or about one version of the model.</param>
    public static StreamQuality? Of(AnswerBook book, string task, Func<ReviewAnswer, bool> takes)
    {
        ArgumentNullException.ThrowIfNull(book);
        var told = book.All.Where(a => a.Task == task && a.Probability is not null && a.ModelIsRight is not null && takes(a));
        // Where people disagree, the model is right as far as they say so.
        var drawn = told.GroupBy(a => a.Question).Select(q => (Right: q.Average(a => a.ModelIsRight!.Value ? 1.0 : 0.0), Probability: q.First().Probability!.Value)).ToList();
        return drawn.Count < 2 ? null : new(task, drawn.Count, Hajek(drawn));
    }

    /// <summary>The mean of a population from draws of unequal probability, without bias to speak of.</summary>
    /// <remarks>
    /// Each draw counts for 1 / probability, and their sum stands for the population's size, which is not known: Hajek 1971. The variance
    /// is that of the linearised ratio, draws with replacement, so rather too large. It is told as the number of equal draws that would
    /// have it, at most Kish's, whose Wilson interval holds near 0 and 1 as well: Dean and Pagano 2015, https://doi.org/10.1111/insr.12077.
    /// </remarks>
    /// <param name="drawn">Values from 0 to 1, and how likely each was to be drawn.</param>
    public static Estimate Hajek(IReadOnlyList<(double Value, double Probability)> drawn)
    {
        ArgumentNullException.ThrowIfNull(drawn);
        var size = drawn.Sum(d => 1 / d.Probability);
        var mean = drawn.Sum(d => d.Value / d.Probability) / size;
        var squares = drawn.Sum(d => 1 / (d.Probability * d.Probability));
        var kish = size * size / squares;
        var variance = drawn.Sum(d => Square((d.Value - mean) / d.Probability)) / (size * size) * drawn.Count / (drawn.Count - 1);
        var equal = variance > 0 ? mean * (1 - mean) / variance : kish;
        return Intervals.Wilson(mean, Math.Clamp(equal, 1, Math.Max(1, kish)));
    }

    private static double Square(double value) => value * value;
}
